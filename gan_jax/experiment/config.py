"""From a config file and command-line overrides to a checked configuration, all faults at once."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from ml_collections import ConfigDict

from gan_jax.augment import policy as policies
from gan_jax.data import absolute
from gan_jax.experiment.kinds import EXTRACTOR, NETWORK, OPTIMIZER, TERM
from gan_jax.experiment.overrides import override
from gan_jax.labels import CHOICES
from gan_jax.runtime import load, python_file, ranges
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.ranges import (
    COUNT,
    FLOAT32,
    INT32,
    POSITIVE,
    Choice,
    Flag,
    Integer,
    Number,
    Text,
    quoted,
)
from gan_jax.sampling.generate import BATCH_NORM, MOST_IMAGES, WEIGHTS

# Keys that a resumed run may change: how long it goes, how often it looks and at what, where the
# data lie, which their digest knows again, and the devices, which change its rounding alone; not
# the experiment.
CHANGEABLE = ('steps', 'every', 'evaluate', 'data.dir', 'mesh')
# And a run of a sweep, whose table compares scores that were measured alike.
CHANGEABLE_IN_A_SWEEP = tuple(key for key in CHANGEABLE if key != 'evaluate')

# The networks' blocks, and the keywords that the program itself supplies to each.
NETWORKS = {'generator': ('shape', 'dtype'), 'discriminator': ('dtype',), 'logit': ()}

# Updates of D times parts of each. A CPU has them written out: digits.py was compiled in 25 s of a
# core for 4, in 45 s for 8 and in 87 s for 16, 5.2 s for each, and so in 340 s for this many.
PARTS = 64

# Every key outside the blocks of functions. No value that is let through keeps the program from
# answering.
SEED = Integer(0, INT32)
VALUES: Mapping[str, Any] = {
    'seed': SEED,
    'steps': COUNT,
    'batch_size': Integer(2, INT32),
    'd_steps': Integer(1, PARTS),
    'accumulate': Integer(1, PARTS),
    'steps_per_dispatch': Integer(1, 1000),
    'joint': Flag(),
    'data.name': Text(),
    'data.size': Integer(1, 1024),
    'data.dir': Text(),
    'data.fraction': Number(0, 1, above=True),
    'data.subset_seed': SEED,
    'latent.dim': Integer(1, 2**24),
    'latent.labels': Choice(CHOICES),
    'augment.real': Text(),
    'augment.critic': Text(),
    'augment.view': Text(),
    'augment.strength': Number(0, FLOAT32),
    'ema.halflife_images': POSITIVE,
    'ema.ramp': POSITIVE,
    'evaluate.metrics': Text(),
    'evaluate.full': Text(),
    'evaluate.num': Integer(2, MOST_IMAGES),
    'evaluate.weights': Choice((*WEIGHTS,)),
    'evaluate.batch_norm': Text(
        BATCH_NORM.pattern, "'moving', 'batch' or 'standing(N)' with N from 1 to 9999"
    ),
    'evaluate.unaugmented': Text(),
    'every.log': COUNT,
    'every.sample': COUNT,
    'every.evaluate': COUNT,
    'every.full': COUNT,
    'every.checkpoint': COUNT,
    'mesh.data': Literal[-1] | Annotated[int, COUNT],  # -1 is all devices
    'mesh.model': COUNT,
    'dtype': Choice(('float32', 'bfloat16')),
}
# What must be a block, if it is there, and the blocks of config.optim, which has no others.
BLOCKS = ('terms', 'optim', *NETWORKS, *dict.fromkeys(k.split('.')[0] for k in VALUES if '.' in k))
SIDES = ('g', 'd')
# (name, block, kind, keywords that are supplied) of a block with a function.
Block = tuple[str, Mapping[str, Any], load.Kind, Collection[str]]
# The keys of blocks that are no keywords of a function.
RATE, NUMBER = Number(0, FLOAT32), Number(-FLOAT32, FLOAT32)


def load_config(path: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """The locked config of `FILE` or `FILE:arguments` with `--config.key=value` applied.

    A key that an override names is there already, or a further one of a block with a function.

    Raises:
        UserError: the file cannot be used, or everything that is wrong with the overrides and the
            resulting values, a line each.
    """
    config = _called(*split(path))
    known = [*flat(config)]
    wrong = [fault for one in overrides if (fault := override(config, one, known))]
    wrong += faults(config)
    if wrong:
        raise UserError('\n'.join(wrong))
    config.data.name = absolute(config.data.name)
    return config


def split(path: str) -> tuple[Path, str | None]:
    """`FILE` or `FILE:arguments` as the file and the arguments; None where it gives none.

    The name of a file may have colons itself: the longest that is there is meant.
    """
    name, rest = path, []
    while not os.path.isfile(expanded(name)) and ':' in name:
        name, _, last = name.rpartition(':')
        rest.insert(0, last)
    return expanded(name), ':'.join(rest) if rest else None


def faults(config: Mapping[str, Any], allow: Collection[str] | None = None) -> list[str]:
    """Everything wrong with the values of a config, a sentence each; [] when nothing is.

    Args:
        config: nested, as a config file or a workdir's config.json has it.
        allow: packages whose code the config may name, as in `load.resolve`.
    """
    if wrong := list(_shape_faults(config)):
        return wrong
    values = flat(config)
    own = [k for k in values if k.split('.')[0] not in (*NETWORKS, 'terms', 'optim')]
    unknown = [k for k in own if k not in VALUES]
    wrong = [f"config has no use for '{k}'{load.nearest(k, VALUES)}" for k in unknown]
    for key in VALUES:
        wrong += _key_faults(key, values)
    wrong += _batch_faults(values)
    wrong += _block_faults(blocks(config), allow)
    return wrong or [
        *_term_faults(config),
        *_policy_faults(config, allow),
        *_metric_faults(config, allow),
    ]


def part_faults(
    config: Mapping[str, Any],
    keys: Collection[str],
    named: Collection[str],
    allow: Collection[str] | None = None,
) -> list[str]:
    """Everything wrong with some values of a config, for what needs no others.

    Args:
        config: nested, as a workdir's config.json has it.
        keys: of VALUES.
        named: blocks with a function, such as 'generator'.
        allow: as in `faults`.
    """
    if wrong := list(_shape_faults(config)):
        return wrong
    values = flat(config)
    wrong = [fault for key in keys for fault in _key_faults(key, values)]
    chosen = [one for one in blocks(config) if one[0] in named]
    return wrong + list(_block_faults(chosen, allow))


def strengths(config: Mapping[str, Any]) -> dict[str, float]:
    """The strength of every policy of the config that takes one."""
    return {p: s for _, p, s in _policies(config) if policies.needs_strength(p)}


def outside(config: Mapping[str, Any]) -> list[str]:
    """The packages that --allow has to name for the commands that read a workdir of this config.

    Args:
        config: nested, without `faults`.
    """
    metrics = list(_named_by_metrics(config))
    texts = [*(policy for _, policy, _ in _policies(config)), *(text for *_, text, _ in metrics)]
    named = [(block['fn'], kind) for _, block, kind, _ in blocks(config)]
    named += [(path, policies.OP) for text in texts for path in policies.paths(text)]
    named += [(path, EXTRACTOR) for *_, path in metrics if path]
    return sorted({package for path, kind in named for package in load.outside(path, kind)})


def flat(tree: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """{'a.b': value} for every leaf of a nested mapping; an empty block is one."""
    leaves = {}
    for key, value in tree.items():
        if _is_block(value) and value:
            leaves |= flat(value, f'{prefix}{key}.')
        else:
            leaves[f'{prefix}{key}'] = value
    return leaves


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], may_change: Sequence[str] = CHANGEABLE
) -> list[str]:
    """What a resumed run may not change but did, a line a key."""
    a, b = flat(old), flat(new)
    keys = [k for k in sorted(a.keys() | b.keys()) if not {k, k.split('.')[0]} & {*may_change}]
    return [f'{k}: {quoted(a.get(k))} -> {quoted(b.get(k))}' for k in keys if a.get(k) != b.get(k)]


def _called(path: Path, arguments: str | None) -> ConfigDict:
    """The locked config of a file for its arguments."""
    if not os.path.isfile(path):
        raise UserError(f'there is no config file {path}')
    config = python_file.call(path, 'get_config', *([] if arguments is None else [arguments]))
    if not isinstance(config, ConfigDict):
        raise UserError(f'{path}: get_config returns {quoted(config)}: return a ConfigDict')
    return config.lock()


def _shape_faults(config: Any, name: str = 'config') -> Iterator[str]:
    """Of what is no tree of blocks."""
    blocks = {'config': BLOCKS, 'config.optim': SIDES}
    if not _is_block(config):
        yield f'{name} is {quoted(config)}: give a block of values'
        return
    for key in config:
        unknown = name == 'config.optim' and key not in SIDES
        if not isinstance(key, str) or '.' in key or unknown:
            yield f"{name} has no use for '{key}'"
    if name == 'config' and 'terms' not in config:
        yield 'config.terms is missing: give a block of terms'
    for key in blocks.get(name, config if name == 'config.terms' else ()):
        yield from _shape_faults(config.get(key, {}), f'{name}.{key}')


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping | ConfigDict)


def _key_faults(key: str, values: Mapping[str, Any]) -> Iterator[str]:
    if key in values:
        yield from _value_faults(key, values[key], VALUES[key])
    else:
        yield f'config.{key} is missing: give {ranges.words(VALUES[key])}'


def _value_faults(key: str, value: Any, expected: Any) -> Iterator[str]:
    """Of one value, where a range or an annotation says what it may be."""
    if words := ranges.instead(expected, value):
        yield f'config.{key} is {quoted(value)}: give {words}'


def _batch_faults(values: Mapping[str, Any]) -> Iterator[str]:
    size, parts, updates = (values.get(key) for key in ('batch_size', 'accumulate', 'd_steps'))
    if not COUNT.holds(parts):
        return
    if COUNT.holds(updates) and updates * parts > PARTS:
        yield (
            f'config.d_steps is {updates} and config.accumulate {parts}: a step of so many parts '
            f'is not compiled in time; give two numbers whose product is at most {PARTS}'
        )
    if COUNT.holds(size) and size % parts:
        yield (
            f'config.accumulate is {parts}, and config.batch_size {size} does not divide into so '
            'many parts: change one of them'
        )


def _block_faults(found: Iterable[Block], allow: Collection[str] | None) -> Iterator[str]:
    for name, block, kind, supplied in found:
        if unresolved := load.unresolved(block, kind, allow):
            yield f'config.{name}.fn: {unresolved}'
        else:
            wrong = load.faults(block, kind, allow=allow, supplied=supplied)
            yield from (f'config.{name}: {fault}' for fault in wrong)
        unfit = load.misfits(block, kind, allow=allow, supplied=supplied)
        for key, words in unfit.items():
            yield f'config.{name}.{key} is {quoted(block[key])}: give {words}'
        known = (*unfit, *kind.reserved)
        yield from _number_faults(name, {k: v for k, v in block.items() if k not in known})
        yield from _reserved_faults(name, block, kind.reserved)


def blocks(config: Mapping[str, Any]) -> Iterator[Block]:
    """Every block with a function."""
    for name, supplied in NETWORKS.items():
        yield name, config.get(name, {}), NETWORK, supplied
    for name, block in config.get('terms', {}).items():
        yield f'terms.{name}', block, TERM, ()
    for side in 'gd':
        yield f'optim.{side}', config.get('optim', {}).get(side, {}), OPTIMIZER, OPTIMIZER.reserved


def _number_faults(name: str, block: Mapping[str, Any]) -> Iterator[str]:
    """Numbers of a block, alone or in a row, that the program cannot hold."""
    for key, value in flat(block).items():
        for number in _leaves(value):
            if isinstance(number, float):
                yield from _value_faults(f'{name}.{key}', number, float)
            if isinstance(number, int):
                yield from _value_faults(f'{name}.{key}', number, int | bool)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _reserved_faults(name: str, block: Mapping[str, Any], reserved: Sequence[str]) -> Iterator[str]:
    if 'learning_rate' in reserved:
        yield from _value_faults(f'{name}.learning_rate', block.get('learning_rate'), RATE)
    if 'weight' in reserved:
        weight = block.get('weight')
        parts = weight.values() if _is_block(weight) else [weight]
        if not all(NUMBER.holds(part) for part in parts):
            yield (
                f'config.{name}.weight is {quoted(weight)}: give {NUMBER}, or a block with one for '
                'each part'
            )
        yield from _value_faults(f'{name}.every', block.get('every', 1), COUNT)
        yield from _value_faults(f'{name}.policy', block.get('policy', ''), str)
        yield from _value_faults(f'{name}.strength', block.get('strength', 0.0), NUMBER)


def _term_faults(config: Mapping[str, Any]) -> Iterator[str]:
    weights = [block['weight'] for block in config['terms'].values()]
    if not any(any(w.values()) if _is_block(w) else w for w in weights):
        yield (
            'config.terms has no term with a weight, and so nothing to train by: give one, such as '
            "adversarial=dict(fn='gan_jax.terms.adversarial.hinge', weight=1.0)"
        )


def _policies(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """(where it stands, policy, its strength) for every policy of the config."""
    augment = config['augment']
    for use in ('real', 'critic', 'view'):
        yield f'augment.{use}', augment[use], augment['strength']
    for name, term in config['terms'].items():
        if 'policy' in term or 'strength' in term:
            policy = term.get('policy') or augment['view']
            yield f'terms.{name}', policy, term.get('strength', augment['strength'])


def _policy_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> list[str]:
    wrong, seen = [], {}
    for where, policy, strength in _policies(config):
        try:
            policies.check(policy, strength, allow=allow)
        except ValueError as error:
            wrong.append(f'config.{where}: {error}')
            continue
        other, known = seen.setdefault(policy, (where, strength))
        if policies.needs_strength(policy) and known != strength:
            wrong.append(
                f"config.{other} and config.{where} give the policy '{policy}' two strengths, "
                f"{known} and {strength}: write one into the policy, as in 'translation(0.2)'"
            )
    return wrong


def _metric_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> Iterator[str]:
    """Of the code that metrics name, as in 'fd5k_test@my_package.function'."""
    for use, metric, policy, path in _named_by_metrics(config):
        try:
            policies.parse(policy, allow=allow)
            if path:
                load.resolve(path, EXTRACTOR, allow)
        except ValueError as error:
            yield f"config.evaluate.{use} names '{metric}': {error}"


def _named_by_metrics(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(key of config.evaluate, metric, the policy that it names, the path of its extractor)."""
    for use in ('metrics', 'full'):
        for metric in config['evaluate'][use].split(','):
            name, _, named = metric.partition('@')
            if name == 'leak':
                yield use, metric, named, ''
            elif '.' in named:
                yield use, metric, '', named
