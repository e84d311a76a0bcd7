"""From a config file and command-line overrides to a checked configuration, all faults at once."""

import copy
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from gan_jax.data import absolute, is_path, names
from gan_jax.experiment import averages, shipped
from gan_jax.experiment.blocks import (
    NETWORKS,
    block_faults,
    blocks,
    flat,
    is_block,
    metric_blocks,
    value_faults,
)
from gan_jax.experiment.earlier import completed
from gan_jax.experiment.named_code import metric_faults, policy_faults
from gan_jax.experiment.numbers import apart, schedule_faults
from gan_jax.experiment.overrides import override
from gan_jax.experiment.values import OWN_INTERVAL, PARTS, VALUES
from gan_jax.runtime import python_file, ranges
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.paths import ends_with, expanded
from gan_jax.runtime.ranges import COUNT, quoted

# Keys that a resumed run may change: how long it goes, how often it looks and at what, who writes
# it down, where the data lie, which their digest knows again, and the devices, which change its
# rounding alone; not the experiment.
CHANGEABLE = ('steps', 'every', 'evaluate', 'writers', 'data.dir', 'mesh')
# And a run of a sweep, whose table compares scores that were measured alike.
CHANGEABLE_IN_A_SWEEP = tuple(key for key in CHANGEABLE if key != 'evaluate')

# The keys that must be blocks, if they are there, and the only blocks of config.optim.
BLOCKS = (
    'terms',
    'optim',
    'averages',
    'writers',
    *NETWORKS,
    *dict.fromkeys(k.split('.')[0] for k in VALUES if '.' in k),
)
SIDES = ('g', 'd')
# The blocks that hold blocks by any name.
FREE = ('config.terms', 'config.averages', 'config.writers')


def load_config(path: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """The locked config of `FILE` or `FILE:arguments` with `--config.key=value` applied.

    The file runs once, however many overrides there are. `FILE` may be the name of a config that
    comes with the package, such as 'digits'.

    Raises:
        UserError: as `run_config_file` and `overridden`.
    """
    return overridden(run_config_file(path), overrides)


def overridden(config: ConfigDict, overrides: Sequence[str]) -> ConfigDict:
    """A checked copy of a config with `--config.key=value` applied.

    A key that an override names is there already, or a further one of a block with a function.

    Raises:
        UserError: everything that is wrong with the overrides and the resulting values, a line
            each.
    """
    config = copy.deepcopy(config)
    known = [*flat(config)]
    wrong = [fault for one in overrides if (fault := override(config, one, known))]
    wrong += faults(config)
    if wrong:
        raise UserError('\n'.join(wrong))
    if 'fn' not in config.data:
        config.data.name = absolute(config.data.name)
    if config.init.workdir:
        config.init.workdir = str(expanded(config.init.workdir).absolute())
    return config


def run_config_file(path: str) -> ConfigDict:
    """The locked config, not yet checked, that `FILE` or `FILE:arguments` returns.

    Raises:
        UserError: there is no such file, it fails, or it returns no ConfigDict.
    """
    file, arguments = split(path)
    if not os.path.isfile(file):
        raise UserError(f'there is no config file {file}{shipped.hint(str(file), shipped.CONFIG)}')
    if ends_with(file, '.json'):
        raise UserError(
            f'--config={path} is JSON: give the Python file that the run was started with; its '
            'workdir keeps the resolved config as config.json'
        )
    given = [] if arguments is None else [arguments]
    by_name = f"config '{file.stem}'" if shipped.is_one(file) else ''
    config = python_file.call(file, 'get_config', *given, called=by_name)
    if not isinstance(config, ConfigDict):
        raise UserError(f'{file}: get_config returns {quoted(config)}: return a ConfigDict')
    return config.lock()


def split(path: str) -> tuple[Path, str | None]:
    """`FILE` or `FILE:arguments` as the file and the arguments; None where it gives none.

    The name of a file may have colons itself: the longest that is there is meant. Where there is
    none, `shipped.found` knows those that come with the package, by name.
    """
    name, rest = path, []
    while not os.path.isfile(expanded(name)) and ':' in name:
        name, _, last = name.rpartition(':')
        rest.insert(0, last)
    return shipped.found(name, shipped.CONFIG), ':'.join(rest) if rest else None


def faults(config: Mapping[str, Any], allow: Collection[str] | None = None) -> list[str]:
    """Everything wrong with the values of a config, a sentence each; [] when nothing is.

    Args:
        config: nested, as a config file or a workdir's config.json has it.
        allow: packages whose code the config may name, as in `load.resolve`.
    """
    if wrong := list(_shape_faults(config)):
        return wrong
    plain, schedules = apart(config)
    values = flat(plain)
    wrong = [*_unknown(plain), *averages.name_faults(values)]
    for key, expected in _expected(plain).items():
        wrong += _key_faults(key, values, expected)
    wrong += [*_batch_faults(values), *_data_faults(values)]
    for name, block, kind, supplied in blocks(plain):
        wrong += block_faults(name, block, kind, supplied, allow)
    wrong += schedule_faults(schedules, allow)
    return wrong or [
        *_term_faults(plain),
        *policy_faults(config, allow),
        *metric_faults(config, allow),
    ]


def part_faults(
    config: Mapping[str, Any],
    keys: Collection[str],
    named: Collection[str],
    allow: Collection[str] | None = None,
) -> list[str]:
    """Everything wrong with some values of a config, and its averages, for a reader of no others.

    Args:
        config: nested, as a workdir's config.json has it.
        keys: of VALUES.
        named: blocks with a function, such as 'generator'.
        allow: as in `faults`.
    """
    if wrong := list(_shape_faults(config)):
        return wrong
    plain, _ = apart(config)
    values = flat(plain)
    expected = _expected(plain)
    wanted = (*keys, *averages.expected(values))
    wrong = [fault for key in wanted for fault in _key_faults(key, values, expected[key])]
    for name, block, kind, supplied in blocks(plain):
        if name in named:
            wrong += block_faults(name, block, kind, supplied, allow)
    return wrong


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], may_change: Sequence[str] = CHANGEABLE
) -> list[str]:
    """The changes that a resumed run may not make, a line a key; see `earlier.completed`."""
    a, b = flat(completed(old)), flat(completed(new))
    keys = [k for k in sorted(a.keys() | b.keys()) if not {k, k.split('.')[0]} & {*may_change}]
    return [f'{k}: {quoted(a.get(k))} -> {quoted(b.get(k))}' for k in keys if a.get(k) != b.get(k)]


def _shape_faults(config: Any, name: str = 'config') -> Iterator[str]:
    """Everything that is not a tree of blocks."""
    required = {'config': BLOCKS, 'config.optim': SIDES, 'config.data': ('autoencoder',)}
    if not is_block(config):
        yield f'{name} is {quoted(config)}: give a block of values'
        return
    for key in config:
        unknown = name == 'config.optim' and key not in SIDES
        if not isinstance(key, str) or '.' in key or unknown:
            yield f"{name} has no use for '{key}'"
    if name == 'config' and 'terms' not in config:
        yield 'config.terms is missing: give a block of terms'
    for key in required.get(name, config if name in FREE else ()):
        yield from _shape_faults(config.get(key, {}), f'{name}.{key}')


def _expected(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys outside the blocks of functions that a config must have, and what they may hold."""
    own = {f'evaluate.{n}': OWN_INTERVAL for n, b in metric_blocks(config).items() if 'fn' not in b}
    found = {f'{b}.{k}': one for b, keys in own.items() for k, one in keys.items()}
    values = flat(config)
    weights = averages.weights(averages.names(values))
    return {**VALUES, 'evaluate.weights': weights, **found, **averages.expected(values)}


def _unknown(config: Mapping[str, Any]) -> Iterator[str]:
    """The keys that nothing reads; a block that nothing reads is one of them."""
    values, known = flat(config), _expected(config)
    tops = {*BLOCKS, *(key.split('.')[0] for key in VALUES)}
    functions = (*NETWORKS, 'terms', 'optim', 'writers')
    own = tuple(f'{name}.' for name, *_ in blocks(config))
    for key in dict.fromkeys(k if (top := k.split('.')[0]) in tops else top for k in values):
        is_empty = key.split('.')[0] == 'averages' and is_block(values[key])
        read = key in known or key.split('.')[0] in functions or key.startswith(own)
        if not read and not is_empty:
            yield f"config has no use for '{key}'{nearest(key, (*known, *BLOCKS))}"


def _key_faults(key: str, values: Mapping[str, Any], expected: Any) -> Iterator[str]:
    if key in values:
        yield from value_faults(key, values[key], expected)
    else:
        yield f'config.{key} is missing: give {ranges.words(expected)}'


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


def _data_faults(values: Mapping[str, Any]) -> Iterator[str]:
    """Of the name of data that a function reads, or that are encoded."""
    name = values.get('data.name')
    if not isinstance(name, str):
        return
    if 'data.autoencoder.fn' in values and ('data.fn' in values or is_path(name)):
        yield (
            f'config.data.autoencoder needs images that are encoded, and {quoted(name)} is not '
            'prepared: python -m gan_jax.prepare --encode says how'
        )
    if 'data.fn' not in values:
        return
    if not name or is_path(name) or name in names():
        yield (
            f'config.data.name is {quoted(name)}, and config.data.fn reads the images: give them a '
            'name of their own'
        )


def _term_faults(config: Mapping[str, Any]) -> Iterator[str]:
    weights = [block['weight'] for block in config['terms'].values()]
    if not any(any(w.values()) if is_block(w) else w for w in weights):
        yield (
            'config.terms has no term with a weight, and so nothing to train by: give one, such as '
            "adversarial=dict(fn='gan_jax.terms.adversarial.hinge', weight=1.0)"
        )
