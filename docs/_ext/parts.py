"""The parts that a config names: terms, networks, latents, schedules, writers, operations, ...

Each is found by its kind, as a config's block finds it, with the ranges of its keywords.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import flax.linen as nn

import gan_jax.models
import gan_jax.run
import gan_jax.terms
from docs._ext.markdown import cell, code, escaped, first_paragraph, meanings, table
from gan_jax import instances, latents, schedules
from gan_jax.augment import policy
from gan_jax.data import cosines
from gan_jax.experiment import kinds
from gan_jax.runtime import ranges
from gan_jax.runtime.load import Kind

SUPPLIED = ('shape', 'dtype', 'name', 'parent', 'run')  # by the program
INPUTS = {  # the first inputs of a network -> what it stands for in a config
    'z': 'generator',
    'image': 'discriminator',
    'features': 'logit',
}


class Keyword(NamedTuple):
    """A keyword of a part.

    Attributes:
        name: in the config.
        takes: type and range in words.
        default: Python for its value, '' where it must be given.
        meaning: a phrase, as the docstring has it.
    """

    name: str
    takes: str
    default: str
    meaning: str


class Part(NamedTuple):
    """A function or class that a config may name.

    Attributes:
        path: to import it by.
        doc: its docstring.
        keywords: without those that the program supplies.
    """

    path: str
    doc: str
    keywords: list[Keyword]


def terms() -> str:
    """Every term, by module."""
    return _by_module(_members(gan_jax.terms, kinds.TERM), kinds.TERM)


def networks() -> str:
    """Every generator, trunk and logit."""
    found = [n for n in _members(gan_jax.models, kinds.NETWORK) if _stands_for(n)]
    pages = []
    for block in INPUTS.values():
        own = [network for network in found if _stands_for(network) == block]
        pages += [f'### `config.{block}`\n', *(_entry(part(n, kinds.NETWORK), 4) for n in own)]
    return '\n'.join(pages)


def others() -> str:
    """Latents, schedules, writers, autoencoders and the keywords of optimisers."""
    sections = {
        'Latents: `config.latent`': (
            [*_of(latents, kinds.LATENT), *_of(instances, kinds.LATENT)],
            kinds.LATENT,
        ),
        'Schedules: in the place of a number': (_of(schedules, kinds.SCHEDULE), kinds.SCHEDULE),
        'Writers: `config.writers.NAME`': (
            _members(gan_jax.run, kinds.WRITER),
            kinds.WRITER,
        ),
        'Autoencoders: `config.data.autoencoder`': (
            _of(cosines, kinds.AUTOENCODER),
            kinds.AUTOENCODER,
        ),
    }
    pages = []
    for title, (members, kind) in sections.items():
        pages += [f'## {title}\n', *(_entry(part(m, kind), 3) for m in members)]
    rows = [[code(name), cell(ranges.words(one))] for name, one in kinds.OPTAX.items()]
    return '\n'.join(
        [
            *pages,
            '## Optimisers: `config.optim.g`, `config.optim.d`\n',
            'A function of optax that returns a `GradientTransformation`. Its keywords have these '
            'ranges; `learning_rate` is a number from 0.\n',
            table(['keyword', 'takes'], rows),
        ]
    )


def operations() -> str:
    """Every operation, with its strengths."""
    rows = []
    for name, op in policy.OPS.items():
        strengths = 'none' if op.strengths is None else cell(str(op.strengths))
        codes = 'yes' if op.codes else ''
        rows.append([code(name), strengths, codes, cell(first_paragraph(op.__doc__))])
    return table(['operation', 'strength', 'for codes', ''], rows)


def part(member: Callable[..., Any], kind: Kind) -> Part:
    """A function or class of a kind, with its keywords."""
    said = meanings(member.__doc__)
    keywords = [
        Keyword(
            name,
            ranges.words(annotation) or 'anything' if ranges.of(annotation) else 'anything',
            '' if p.default is p.empty else repr(p.default),
            said.get(name, ''),
        )
        for name, p in inspect.signature(member).parameters.items()
        if name not in SUPPLIED
        for annotation in [kind.keywords.get(name, p.annotation)]
    ]
    return Part(f'{member.__module__}.{member.__name__}', member.__doc__ or '', keywords)


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """A package and every module below it."""
    yield package
    for found in pkgutil.walk_packages(package.__path__, f'{package.__name__}.'):
        yield importlib.import_module(found.name)


def _members(package: ModuleType, kind: Kind) -> list[Callable[..., Any]]:
    return [member for module in modules(package) for member in _of(module, kind)]


def _of(module: ModuleType, kind: Kind) -> list[Callable[..., Any]]:
    """The public members of a module that are of a kind and defined there."""
    found: Mapping[str, Any] = vars(module)
    return [
        member
        for name, member in found.items()
        if not name.startswith('_')
        and getattr(member, '__module__', None) == module.__name__
        and kind.fits(member)
    ]


def _stands_for(network: type[nn.Module]) -> str:
    """The block of a config that a network can stand in; '' for a layer."""
    parameters = inspect.signature(network.__call__).parameters
    first, *_ = [name for name in parameters if name != 'self'] or ['']
    whole = first != 'z' or 'shape' in inspect.signature(network).parameters
    return INPUTS.get(first, '') if 'train' in parameters and whole else ''


def _by_module(members: list[Callable[..., Any]], kind: Kind) -> str:
    pages, module = [], ''
    for member in members:
        if member.__module__ != module:
            module = member.__module__
            pages.append(f'## {code(module)}\n')
            pages.append(f'{escaped(first_paragraph(inspect.getmodule(member).__doc__))}\n')
        pages.append(_entry(part(member, kind), 3))
    return '\n'.join(pages)


def _entry(one: Part, level: int) -> str:
    """A part as a section: its first paragraph, its keywords, and where the rest stands."""
    rows = [
        [code(k.name), cell(k.takes), code(k.default) if k.default else '', cell(k.meaning)]
        for k in one.keywords
    ]
    return '\n'.join(
        [
            f'{"#" * level} {code(one.path)}\n',
            f'{escaped(first_paragraph(one.doc))}\n',
            table(['keyword', 'takes', 'default', 'meaning'], rows) if rows else '',
            f'In full: {{py:obj}}`{one.path}`.\n',
        ]
    )
