"""Every key of a config: its type and range, its default and its meaning, from their sources.

Ranges are those by which a config is checked, defaults those of `base`, meanings the comments of
its source.
"""

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

from docs._ext import comments
from docs._ext.markdown import code, escaped, option
from gan_jax.experiment import averages, base, blocks, values
from gan_jax.experiment.config import CHANGEABLE
from gan_jax.runtime import load, ranges

# The range of what names a function, and of the keys of a term's block that are no keywords.
FN = 'the path of a function'
OF_A_TERM = {
    'weight': f'{blocks.NUMBER}, or a block of them',
    'every': str(ranges.COUNT),
    'policy': 'a text',
    'strength': str(blocks.NUMBER),
    'probability': str(blocks.SHARE),
}
NO_DEFAULT = '(none)'


class Key(NamedTuple):
    """A key of the config.

    Attributes:
        name: with dots; NAME stands for any name.
        takes: type and range in words.
        default: Python for its value in `base`, '(none)' where it is not there.
        meaning: a phrase.
        resumable: True if a resumed run may change it.
    """

    name: str
    takes: str
    default: str
    meaning: str
    resumable: bool = False


def all_keys() -> list[Key]:
    """Every key, in the order of `base` and then of the further ones."""
    defaults = base.base().to_dict()
    flat = blocks.flat(defaults)
    said = comments.of_calls(inspect.getsource(base))
    taken = _ranges(defaults)
    order = dict.fromkeys([*map(_general, flat), *said, *taken])
    shown = {_general(key): value for key, value in flat.items()}
    return sorted(
        (
            Key(
                key,
                _of(key, taken),
                repr(shown[key]) if key in shown else NO_DEFAULT,
                said.get(key, ''),
                bool({key, key.split('.')[0]} & {*CHANGEABLE}),
            )
            for key in order
        ),
        key=lambda one: [*dict.fromkeys(k.split('.')[0] for k in order)].index(_top(one)),
    )


def page() -> str:
    """The keys as Markdown, a section for each block."""
    found = all_keys()
    tops = [*map(_top, found)]
    alone = [k for k in found if '.' not in k.name and tops.count(k.name) == 1]
    parts = ['## Outside of blocks\n', *map(_entry, alone)]
    for top in dict.fromkeys(tops):
        own = [key for key in found if _top(key) == top and key not in alone]
        parts += [f'## `{top}`\n', *map(_entry, own)] if own else []
    return '\n'.join(parts)


def _entry(key: Key) -> str:
    resumed = ' A resumed run may change it.' if key.resumable else ''
    meaning = key.meaning[:1].upper() + key.meaning[1:].rstrip('.')
    return '\n'.join(
        [
            f'``````{{confval}} {key.name}',
            f':type: {option(escaped(key.takes))}',
            f':default: {option(code(key.default) if key.default != NO_DEFAULT else "none")}',
            '',
            f'{escaped(meaning)}.{resumed}',
            '``````',
            '',
        ]
    )


def _top(key: Key) -> str:
    return key.name.split('.')[0]


def _general(key: str) -> str:
    """`terms.NAME.weight` of 'terms.adversarial.weight'."""
    top, *rest = key.split('.')
    return '.'.join([top, 'NAME', *rest[1:]]) if top == 'terms' and rest else key


def _ranges(defaults: dict[str, Any]) -> dict[str, str]:
    """{key: range in words} of every key that there is a range for."""
    own = {f'evaluate.NAME.{key}': one for key, one in values.OWN_INTERVAL.items()}
    one = {'averages.NAME.halflife_images': 1.0, 'averages.NAME.ramp': 1.0}
    of_averages = averages.expected(one) | averages.expected({'averages.NAME.std': 0.1})
    found = {**values.VALUES, **own, **of_averages}
    words = {key: ranges.words(one) for key, one in found.items()}
    words |= {f'terms.NAME.{key}': one for key, one in OF_A_TERM.items()}
    return words | dict(_keywords(defaults))


def _keywords(defaults: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keywords that stand in the blocks of `base`."""
    for name, block, kind, supplied in blocks.blocks(defaults):
        annotations = load.keywords(block, kind, supplied=supplied)
        for key in block:
            if key in annotations:
                yield _general(f'{name}.{key}'), ranges.words(annotations[key])
        if 'learning_rate' in kind.reserved:
            yield f'{name}.learning_rate', str(blocks.RATE)


def _of(key: str, taken: dict[str, str]) -> str:
    if key.endswith('.fn'):
        return FN
    return taken.get(key, 'blocks by any name')
