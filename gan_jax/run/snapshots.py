"""Snapshots of the generator's averages with a `std`, from which `posthoc` makes others."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax.experiment.averages import with_std
from gan_jax.runtime import checkpoint, workdir
from gan_jax.state import TrainState

FOLDER = 'snapshots'


def of(state: TrainState, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a state that a snapshot holds; its arrays are named as in the state.

    Args:
        state: the state, or its shapes.
        settings: the resolved config.
    """
    names = with_std(settings['averages'])
    return {'step': state.step, 'averages': {name: state.averages[name] for name in names}}


def write(snapshot: Mapping[str, Any], folder: Path) -> None:
    """Writes a snapshot, from `of`, to a workdir, whole or not at all; all are kept.

    Raises:
        UserError: as `checkpoint.save`.
    """
    with checkpoint.manager(folder / FOLDER, keep=None) as snapshots:
        checkpoint.save(snapshots, snapshot, {})


def forget_after(folder: Path, step: int) -> None:
    """Removes the snapshots of later steps, which a run that goes on from `step` makes again."""
    for later in workdir.steps(folder / FOLDER):
        if later > step:
            shutil.rmtree(folder / FOLDER / str(later), ignore_errors=True)
