"""The blocks of a config with a function and its keywords: networks, terms, metrics, ..."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from gan_jax.experiment.kinds import (
    AUTOENCODER,
    FEATURE_NETWORK,
    LATENT,
    METRIC,
    NETWORK,
    OPTIMIZER,
    READER,
    TERM,
    WRITER,
)
from gan_jax.experiment.values import VALUES
from gan_jax.runtime import load, ranges
from gan_jax.runtime.ranges import COUNT, FLOAT32, Number, quoted

# The networks' blocks, and the keywords that the program itself supplies to each.
NETWORKS = {'generator': ('shape', 'dtype'), 'discriminator': ('dtype',), 'logit': ()}
# The keys of blocks that are no keywords of a function.
RATE, NUMBER, SHARE = Number(0, FLOAT32), Number(-FLOAT32, FLOAT32), Number(0, 1)


def flat(tree: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """{'a.b': value} for every leaf of a nested mapping; an empty block is one."""
    leaves = {}
    for key, value in tree.items():
        if is_block(value) and value:
            leaves |= flat(value, f'{prefix}{key}.')
        else:
            leaves[f'{prefix}{key}'] = value
    return leaves


def is_block(value: Any) -> bool:
    """True of a dict and of a ConfigDict."""
    return isinstance(value, Mapping | ConfigDict)


def blocks(
    config: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], load.Kind, Collection[str]]]:
    """(name, block, kind, keywords that are supplied) for every block with a function."""
    for name, supplied in NETWORKS.items():
        yield name, config.get(name, {}), NETWORK, supplied
    if has_extractor(config):
        block = config['discriminator']['extractor']
        yield 'discriminator.extractor', block, FEATURE_NETWORK, ()
    yield 'latent', config.get('latent', {}), LATENT, ()
    for name, block in config.get('terms', {}).items():
        yield f'terms.{name}', block, TERM, ()
    for side in 'gd':
        yield f'optim.{side}', config.get('optim', {}).get(side, {}), OPTIMIZER, OPTIMIZER.reserved
    for name, block in metric_blocks(config).items():
        if 'fn' in block:
            yield f'evaluate.{name}', block, METRIC, ()
    for name, block in config.get('writers', {}).items():
        yield f'writers.{name}', block, WRITER, ('run',)
    if 'fn' in config.get('data', {}):
        yield 'data', config['data'], READER, ('split', 'folder')
    if 'autoencoder' in config.get('data', {}):
        yield 'data.autoencoder', config['data']['autoencoder'], AUTOENCODER, ()


def has_extractor(config: Mapping[str, Any]) -> bool:
    """True if the discriminator's block names a feature network in a block of its own."""
    discriminator = config.get('discriminator', {})
    return is_block(discriminator) and is_block(discriminator.get('extractor'))


def metric_blocks(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The blocks of `config.evaluate`, by name: metrics with an interval of their own."""
    found = config.get('evaluate', {}).items()
    return {n: block for n, block in found if is_block(block) and f'evaluate.{n}' not in VALUES}


def block_faults(
    name: str,
    block: Mapping[str, Any],
    kind: load.Kind,
    supplied: Collection[str],
    allow: Collection[str] | None = None,
) -> Iterator[str]:
    """Everything wrong with one block with a function.

    Args:
        name: of the block in the config, such as 'optim.g'.
        block: with 'fn' and the keywords of that function.
        kind: what the function has to be.
        supplied: keywords that the program itself gives.
        allow: as in `load.resolve`.
    """
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
    yield from _reserved_faults(name, block, kind)


def value_faults(key: str, value: Any, expected: Any) -> Iterator[str]:
    """Of one value, where a range or an annotation says what it may be."""
    if words := ranges.instead(expected, value):
        yield f'config.{key} is {quoted(value)}: give {words}'


def _number_faults(name: str, block: Mapping[str, Any]) -> Iterator[str]:
    """Numbers of a block, alone or in a row, that the program cannot hold."""
    for key, value in flat(block).items():
        for number in _leaves(value):
            if isinstance(number, float):
                yield from value_faults(f'{name}.{key}', number, float)
            if isinstance(number, int):
                yield from value_faults(f'{name}.{key}', number, int | bool)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _reserved_faults(name: str, block: Mapping[str, Any], kind: load.Kind) -> Iterator[str]:
    reserved = kind.reserved
    if 'learning_rate' in reserved:
        yield from value_faults(f'{name}.learning_rate', block.get('learning_rate'), RATE)
    if 'every' in reserved:
        own = None if kind is METRIC else 1  # a term acts in every step, if its block says nothing
        yield from value_faults(f'{name}.every', block.get('every', own), COUNT)
    if 'weight' in reserved:
        weight = block.get('weight')
        parts = weight.values() if is_block(weight) else [weight]
        if not all(NUMBER.holds(part) for part in parts):
            yield (
                f'config.{name}.weight is {quoted(weight)}: give {NUMBER}, or a block with one for '
                'each part'
            )
        yield from value_faults(f'{name}.policy', block.get('policy', ''), str)
        yield from value_faults(f'{name}.strength', block.get('strength', 0.0), NUMBER)
        yield from value_faults(f'{name}.probability', block.get('probability', 1.0), SHARE)
