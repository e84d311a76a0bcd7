"""Checks for `train --dry_run` of everything that training would refuse; nothing is written."""

import os
from collections.abc import Iterator
from pathlib import Path

from gan_jax.experiment import memory
from gan_jax.experiment.setup import Setup
from gan_jax.run import disk_space, resume
from gan_jax.run.place import others_in, refuse_unfit
from gan_jax.run.start_from import check_start, refuse_own_workdir
from gan_jax.runtime.errors import UNWRITABLE, UserError


def check(setup: Setup, folder: Path | None, *, anew: bool) -> None:
    """Refuses what `train.train` refuses before its first step, except for missing data.

    Args:
        setup: the setup of the run.
        folder: the workdir; None leaves out what is checked of one.
        anew: as in `train.train`.

    Raises:
        UserError: the workdir cannot be used, holds another run or lies among the images, its disk
            has no room, or there is no run to begin with (config.init).
    """
    settings = setup.settings
    check_start(settings, setup.program.shapes)
    if folder is None:
        return
    refuse_unfit(folder, settings)
    if anew:
        refuse_own_workdir(settings, folder)
    place = _existing(folder)
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise UserError(
            f'--workdir={folder} cannot be written, since {place} is no folder that may be written '
            'to: choose another',
            UNWRITABLE,
        )
    disk_space.check_disk_space(place, [setup])
    if not anew and folder.is_dir():
        resume.check_config(folder, settings)


def warnings(setup: Setup, folder: Path | None) -> Iterator[str]:
    """Sentences on faults of this machine: data that are not prepared, too little memory.

    One on files of others in the workdir is among them.

    Args:
        setup, folder: as in `check`.
    """
    if folder is not None and (others := others_in(folder)):
        yield others
    if setup.outlined:
        try:
            setup.held_out()
        except UserError as error:
            yield str(error)
    try:
        memory.check_memory(setup.program.shapes)
    except UserError as error:
        yield str(error)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
