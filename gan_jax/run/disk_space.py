"""A check of free disk space before a run starts."""

import math
import shutil
from collections.abc import Iterable
from pathlib import Path

from gan_jax.experiment.averages import snapshot_bytes
from gan_jax.experiment.setup import Setup
from gan_jax.run.observe import GRID
from gan_jax.runtime.errors import DISK, UserError
from gan_jax.state import nbytes

LOG = 1 << 16  # bytes: the first rows and events, config.json and status.json


def bytes_needed(setup: Setup) -> int:
    """Bytes of a checkpoint, a snapshot, a picture and a log of a run, uncompressed."""
    shapes = setup.program.shapes
    saved = nbytes(shapes) + snapshot_bytes(shapes, setup.settings)
    return saved + GRID * math.prod(setup.dataset.images.shape[1:]) + LOG


def check_disk_space(folder: Path, runs: Iterable[Setup]) -> None:
    """Refuses runs whose first checkpoints would not fit on the disk.

    Args:
        folder: an existing folder on the disk to which all runs write.
        runs: the setups of runs that train together.

    Raises:
        UserError: the disk has too little room (74).
    """
    need = sum(bytes_needed(one) for one in runs)
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < need:  # some file systems report nothing: a total of 0
        raise UserError(
            f'the disk of {folder} has {disk.free:,} bytes free, and a checkpoint, a picture and a '
            f'log take about {need:,}: make room and run the same command again, or choose '
            'another --workdir',
            DISK,
        )
