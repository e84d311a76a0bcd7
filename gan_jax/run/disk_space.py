"""Room on a disk for what a run writes first, before hours are spent on it."""

import math
import shutil
from collections.abc import Iterable
from pathlib import Path

from gan_jax.experiment.setup import Setup
from gan_jax.run.observe import GRID
from gan_jax.runtime.errors import DISK, UserError
from gan_jax.state import nbytes

LOG = 1 << 16  # bytes: the first rows and events, config.json and status.json


def bytes_needed(setup: Setup) -> int:
    """Bytes of a checkpoint, a picture and a log, none of them compressed."""
    return nbytes(setup.program.shapes) + GRID * math.prod(setup.dataset.images.shape[1:]) + LOG


def check_disk_space(folder: Path, runs: Iterable[Setup]) -> None:
    """Refuses runs that would find the disk full at their first checkpoints.

    Args:
        folder: that is there, on the disk that all of them write to.
        runs: which train together.

    Raises:
        UserError: it has too little room (74).
    """
    need = sum(bytes_needed(one) for one in runs)
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < need:  # some file systems tell nothing: a total of 0
        raise UserError(
            f'the disk of {folder} has {disk.free:,} bytes free, and a checkpoint, a picture and a '
            f'log take about {need:,}: make room and run the same command again, or choose '
            'another --workdir',
            DISK,
        )
