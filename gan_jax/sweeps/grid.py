"""The runs of a sweep file: names, settings and order."""

import functools
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from gan_jax.evaluate.names import is_asked_for
from gan_jax.experiment import config
from gan_jax.experiment.schedule import everything
from gan_jax.runtime import brackets
from gan_jax.runtime.errors import UserError
from gan_jax.sweeps import sweep_file
from gan_jax.sweeps.arms import Arm, keys, label, matching, swept, varied


class SweepRun(NamedTuple):
    """One training run.

    Attributes:
        name: folder below the sweep's workdir, such as 'method=bcr,strength=0.2/seed=1'.
        arm: the point of the grid.
        seed: config.seed.
        settings: the resolved config.
    """

    name: str
    arm: Arm
    seed: int
    settings: Mapping[str, Any]


class Sweep(NamedTuple):
    """The content of a sweep file.

    Attributes:
        runs: seed by seed, so that an interrupted sweep has complete pairs.
        arms: in the order of the grid.
        baseline: the arm with which the others are compared.
        metric: the main metric, as in 'eval/<metric>'.
        higher: True if higher values of the metric are better.
        x: the numeric key on the figure's axis; None if no number is swept.
        curve: the key that distinguishes the figure's curves; None if only x varies.
        contrasts: further pairs of arms to compare.
    """

    runs: tuple[SweepRun, ...]
    arms: tuple[Arm, ...]
    baseline: Arm
    metric: str
    higher: bool
    x: str | None
    curve: str | None
    contrasts: tuple[tuple[Arm, Arm], ...]


def read_sweep(path: Path) -> Sweep:
    """The sweep of a file whose `get_sweep()` returns a dict.

    Required keys of the dict:
        config: a config file, relative to the current folder or to the sweep file's, perhaps with
            arguments ('FILE:method=bcr').
        grid: {key: [values]}, all combinations, or a list of such dicts, one after the other. A key
            of the config ('steps', 'terms.consistency.weight') overrides it; any other key is an
            argument of the config file.
        seeds: n; every arm is run with the seeds 0 to n - 1.

    Optional keys:
        baseline: keys and values that exactly one arm has (default: the first arm).
        metric: the main metric ('fd_digits').
        better: 'lower' (default) or 'higher'.
        x: a numeric key (default: the last one with several numbers at equal other keys).
        curve: a key (default: the first other key that varies).
        contrasts: pairs of arms, each given as for 'baseline'; table.md has their paired
            differences in all metrics.

    Raises:
        UserError: everything that is wrong with the file, or with the configs of its runs.
    """
    asked, arms = sweep_file.read_sweep_file(path)
    x = asked.get('x', swept(arms))
    others = [key for key in varied(arms) if key != x]
    runs = _runs(_config_file(asked['config'], path.parent), arms, asked['seeds'])
    metric = asked.get('metric', 'fd_digits')
    sweep_file.refuse([*_metric_faults(metric, measured(runs))])
    return Sweep(
        runs=runs,
        arms=arms,
        baseline=matching(asked.get('baseline', arms[0]), arms)[0],
        metric=metric,
        higher=asked.get('better') == 'higher',
        x=x,
        curve=asked.get('curve', others[0] if others else None),
        contrasts=tuple(
            (matching(one, arms)[0], matching(other, arms)[0])
            for one, other in asked.get('contrasts', ())
        ),
    )


def measured(runs: Sequence[SweepRun]) -> list[str]:
    """The metrics that the runs are to measure, each once."""
    found = (brackets.split(everything(run.settings), ',') for run in runs)
    return [*dict.fromkeys(filter(None, itertools.chain.from_iterable(found)))]


def _metric_faults(metric: str, names: Sequence[str]) -> Iterator[str]:
    """Of a main metric that no run would have, so that nothing would be compared.

    The parts of a metric's values are not known before.
    """
    if is_asked_for(metric) and metric not in names:
        yield (
            f"the sweep's 'metric' is '{metric}', and its runs measure "
            f'{", ".join(names) or "nothing"}: give one of these as the metric, or measure '
            f"'{metric}' by config.evaluate.metrics"
        )


def _config_file(text: str, beside: Path) -> str:
    """FILE or FILE:arguments, relative to the current folder or else to the sweep file's."""
    there = f'{beside}/{text}'
    elsewhere = not os.path.isfile(config.split(text)[0]) and os.path.isfile(config.split(there)[0])
    return there if elsewhere else text


def _runs(path: str, arms: Sequence[Arm], seeds: int) -> tuple[SweepRun, ...]:
    names = _names(arms)
    settings, faults = {}, {}
    run_config_file = functools.cache(config.run_config_file)
    for name, arm in zip(names, arms, strict=True):
        try:
            settings[name] = _settings(path, arm, run_config_file)
        except UserError as error:
            for line in str(error).splitlines():
                faults.setdefault(line, []).append(name)
    # A fault of all arms is reported once.
    sweep_file.refuse(
        [
            fault if len(where) == len(arms) else f'{", ".join(where)}: {fault}'
            for fault, where in faults.items()
        ]
    )
    return tuple(
        SweepRun(f'{name}/seed={seed}', arm, seed, {**settings[name], 'seed': seed})
        for seed in range(seeds)
        for name, arm in zip(names, arms, strict=True)
    )


def _names(arms: Sequence[Arm]) -> list[str]:
    """A folder's name for each arm. It depends on no other arm, so that a grid may grow.

    Keys that a run may change when it resumes are left out if all arms have the same value.
    """
    may_change = {*config.CHANGEABLE_IN_A_SWEEP}
    changeable = {k for k in keys(arms) if {k, k.split('.')[0]} & may_change}
    left_out = changeable - {*varied(arms)}
    texts = [label({k: v for k, v in arm.items() if k not in left_out}) or 'run' for arm in arms]
    names = [re.sub(r'-(?=,|$)', '', re.sub(r'[^\w.,=+-]+', '-', text)) for text in texts]
    sweep_file.refuse(
        [f"the grid gives '{n}' twice" for n in dict.fromkeys(names) if names.count(n) > 1]
        + [f"'{n}' is too long for a folder: vary fewer keys" for n in names if len(n) > 200]
    )
    return names


def _settings(path: str, arm: Arm, run_config_file: Callable[[str], ConfigDict]) -> dict[str, Any]:
    name, text = config.split(path)
    overrides = {k: v for k, v in arm.items() if sweep_file.is_override(k)}
    own = [f'{k}={v}' for k, v in arm.items() if k not in overrides]
    arguments = ','.join(filter(None, [text, *own]))
    resolved = config.overridden(
        run_config_file(f'{name}:{arguments}' if arguments else str(name)),
        [f'--config.{key}={value}' for key, value in overrides.items()],
    )
    return json.loads(resolved.to_json())
