"""Averages of the generator that are made after training, from snapshots of others.

Karras et al. 2023, arXiv 2312.02696, section 3.2: post-hoc EMA. `--weights=std:0.08` is the average
of a checkpoint's step whose profile has that relative standard deviation.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.experiment.averages import std_of, with_std
from gan_jax.models.conditions import COLLECTION
from gan_jax.profiles import exponent_of, mixture
from gan_jax.run.snapshots import FOLDER
from gan_jax.runtime import checkpoint, output, workdir
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.leaves import named_leaves, tree_of
from gan_jax.state import TrainState


def completed(
    folder: Path, state: TrainState, settings: Mapping[str, Any], weights: str
) -> TrainState:
    """The state with the average that `weights` names, if it has to be made.

    Args:
        folder: the workdir.
        state: of one of its checkpoints, on the host.
        settings: the resolved config of the run.
        weights: as in `evaluate.weights`, or 'std:0.08'.

    Raises:
        UserError: as `reconstruct`.
    """
    if std_of(weights) is None:
        return state
    own = named_leaves({'averages': state.averages})
    made = reconstruct(folder, int(state.step), own, settings, weights)
    return state.replace(averages={**state.averages, weights: tree_of(made, state.ema)})


def reconstruct(
    folder: Path,
    step: int,
    own: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    weights: str,
) -> dict[str, np.ndarray]:
    """The average of a std at the step of a checkpoint, by the names of the generator's variables.

    It is the sum of the averages with a `std` in the checkpoint and in the snapshots before it
    whose profile is nearest to the wanted one. Damaged snapshots are named and left out.

    Args:
        folder: the workdir.
        step: of the checkpoint.
        own: its averages, 'averages/NAME/params/...' -> array.
        settings: the resolved config of the run.
        weights: such as 'std:0.08'.

    Raises:
        UserError: the run has no average with a std, or too few of them at too few steps (66).
    """
    steps = sorted(s for s in workdir.steps(folder / FOLDER) if s < step)
    while True:
        try:
            return _sum(folder, [*steps, step], own, settings, weights)
        except checkpoint.AllDamaged as error:
            output.note(f'{error}; it is left out')
            steps = [s for s in steps if s not in error.steps]


def _sum(
    folder: Path,
    steps: Sequence[int],
    own: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    weights: str,
) -> dict[str, np.ndarray]:
    exponents = {name: exponent_of(std) for name, std in with_std(settings['averages']).items()}
    wanted = exponent_of(std_of(weights))
    places = [(step, name) for step in steps for name in exponents]
    if len(places) == 1 and wanted not in exponents.values():
        raise UserError(
            f'--weights is {weights}, and {folder} has one average with a std, at one step: no '
            'other can be made of it before there is a snapshot (config.every.snapshot)',
            MISSING,
        )
    ends, powers = [s for s, _ in places], [exponents[name] for _, name in places]
    found = mixture(ends, powers, steps[-1], wanted)
    total: dict[str, Any] = {}
    for (step, name), weight in zip(places, found.weights, strict=True):
        for leaf, array in _read(folder, step, name, steps[-1], own).items():
            total[leaf] = total.get(leaf, 0.0) + weight * array.astype(np.float64)
    output.say(
        f'gan_jax: {weights} is the sum of {len(places)} averages, step {steps[0]} to '
        f'{steps[-1]}; the relative error of its profile is {found.error:.2g}'
    )
    prefix = f'averages/{next(iter(exponents))}/'
    # The data's label vectors are no average, and the weights add up to 1 but for rounding.
    kept = {leaf: own[prefix + leaf] for leaf in total if leaf.startswith(f'{COLLECTION}/')}
    return {leaf: x.astype(own[prefix + leaf].dtype) for leaf, x in total.items()} | kept


def _read(
    folder: Path, step: int, name: str, last: int, own: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """One average of a step, by the names of the generator's variables."""
    prefix = f'averages/{name}/'
    found = None
    if step != last:
        found = checkpoint.restore_leaves(folder / FOLDER, prefix, step=step)
    leaves = found.state if found else own
    return {
        n.removeprefix(prefix): np.asarray(x) for n, x in leaves.items() if n.startswith(prefix)
    }
