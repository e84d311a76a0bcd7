"""Sweep files, Python with a `get_sweep()` that returns a dict; all faults are reported at once."""

import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.experiment import config, shipped
from gan_jax.runtime import python_file
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.ranges import instead, quoted
from gan_jax.sweeps.arms import Arm, keys, matching, numbers

# Most arms times seeds: each run has its config in memory, and a folder.
RUNS = 10_000

# For each key of the dict: a check of its value, and the expected value in words.
NEEDED: dict[str, tuple[Callable[[Any], bool], str]] = {
    # The config file of every run, with or without arguments: 'configs/digits.py:method=bcr'.
    'config': (lambda v: isinstance(v, str), 'a config file'),
    # Keys and the values of each: all combinations are trained. Several dicts are several grids.
    'grid': (
        lambda v: isinstance(v, Mapping | list | tuple) and len(v) > 0,
        '{key: [values]}, or a list of such dicts',
    ),
    # The number of runs of each combination: with the seeds 0, 1, ...
    'seeds': (lambda v: type(v) is int and v >= 1, 'a positive integer'),
}
OPTIONAL: dict[str, tuple[Callable[[Any], bool], str]] = {
    # The arm that the others are compared with, in pairs of one seed.
    'baseline': (lambda v: _is_arm(v), 'keys and values of one arm'),
    # The metric of the figure and of the comparisons; by default fd_digits.
    'metric': (lambda v: isinstance(v, str), 'the name of a metric'),
    # The better direction of the metric, less or more.
    'better': (lambda v: v in ('lower', 'higher'), "'lower' or 'higher'"),
    # The key on the horizontal axis of the figure.
    'x': (lambda v: isinstance(v, str), 'a key of the grid'),
    # The key whose values are curves of the figure.
    'curve': (lambda v: isinstance(v, str), 'a key of the grid'),
    # Further pairs of arms whose difference the table shows.
    'contrasts': (
        lambda v: isinstance(v, list | tuple) and all(map(_is_pair, v)),
        'a list of pairs: keys and values of one arm, and of the other',
    ),
}


def read_sweep_file(path: Path) -> tuple[Mapping[str, Any], tuple[Arm, ...]]:
    """(the dict of `get_sweep()`, the arms of its grid).

    Raises:
        UserError: there is no such file, or it has faults, a line each.
    """
    asked = _asked(path)
    refuse([*_key_faults(asked)])
    grids = [asked['grid']] if isinstance(asked['grid'], Mapping) else asked['grid']
    refuse([*_grid_faults(grids)])
    refuse([*_count_faults(grids, asked['seeds'])])
    arms = tuple(
        dict(zip(grid, values, strict=True))
        for grid in grids
        for values in itertools.product(*grid.values())
    )
    refuse([*_choice_faults(asked, arms)])
    return asked, arms


def is_override(key: str) -> bool:
    """True if a grid's key is a key of the config; else it is an argument of the config file."""
    return '.' in key or key in config.VALUES


def refuse(faults: Sequence[str]) -> None:
    """Raises a UserError with all faults, if there are any."""
    if faults:
        raise UserError('\n'.join(faults))


def _asked(path: Path) -> Mapping[str, Any]:
    if not os.path.isfile(path):
        hint = shipped.hint(str(path), shipped.SWEEP)
        raise UserError(f'there is no sweep file {path}{hint}')
    asked = python_file.call(path, 'get_sweep')
    if not isinstance(asked, Mapping):
        raise UserError(f'{path}: get_sweep returns {quoted(asked)}: return a dict')
    return asked


def _key_faults(asked: Mapping[str, Any]) -> Iterator[str]:
    known = NEEDED | OPTIONAL
    yield from (f"a sweep has no '{key}'{nearest(key, known)}" for key in asked if key not in known)
    for key, (check, expected) in known.items():
        if key in NEEDED and key not in asked:
            yield f"the sweep's '{key}' is missing: give {expected}"
        if key in asked and not check(asked[key]):
            yield f"the sweep's '{key}' is {quoted(asked[key])}: give {expected}"


def _grid_faults(grids: Sequence[Any]) -> Iterator[str]:
    for grid in grids:
        if not isinstance(grid, Mapping) or not grid:
            yield f"the sweep's 'grid' holds {quoted(grid)}: give {{key: [values]}}"
            continue
        if 'seed' in grid:
            yield "the grid varies 'seed': give the number of 'seeds' instead"
        for key, values in grid.items():
            if not isinstance(key, str) or not key:
                yield f'the grid has the key {quoted(key)}: give a key of the config, a text'
                continue
            if not isinstance(values, list | tuple) or not values:
                yield f"the grid's '{key}' is {quoted(values)}: give a list of values"
                continue
            wrong = [v for v in values if not _is_value(v)]
            # A comma ends the argument of a config file.
            wrong += [v for v in values if isinstance(v, str) and ',' in v and not is_override(key)]
            yield from (f"the grid's '{key}' cannot be {quoted(value)}" for value in wrong)


def _count_faults(grids: Sequence[Mapping[str, Any]], seeds: int) -> Iterator[str]:
    count = sum(math.prod(map(len, grid.values())) for grid in grids)
    if count * seeds > RUNS:
        yield (
            f"the sweep's 'grid' has {count} arms, and 'seeds' is {quoted(seeds)}: give at most "
            f'{RUNS} runs'
        )


def _choice_faults(asked: Mapping[str, Any], arms: Sequence[Arm]) -> Iterator[str]:
    for choice in ('x', 'curve'):
        if choice in asked and asked[choice] not in keys(arms):
            yield f"the sweep's '{choice}' is {asked[choice]!r}{nearest(asked[choice], keys(arms))}"
    if asked.get('x') in keys(arms) and not numbers(asked['x'], arms):
        yield f"the sweep's 'x' is '{asked['x']}', which takes no numbers"
    chosen = [('baseline', asked['baseline'])] if 'baseline' in asked else []
    chosen += [('contrasts', arm) for pair in asked.get('contrasts', ()) for arm in pair]
    for key, arm in chosen:
        if (fitting := len(matching(arm, arms))) != 1:
            yield (
                f"the sweep's '{key}': {dict(arm)} fits {fitting} arms: give keys and values that "
                f'one alone has, such as {dict(arms[0])}'
            )


def _is_pair(value: Any) -> bool:
    is_sequence = isinstance(value, list | tuple) and len(value) == 2
    return is_sequence and all(map(_is_arm, value))


def _is_arm(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_value, value.values()))


def _is_value(value: Any) -> bool:
    return not instead(str | bool | int | float, value)
