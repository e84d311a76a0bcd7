"""LSUN from a folder, zip or tar of its images."""

from pathlib import Path

from gan_jax.data.pictures.folder import open_folder
from gan_jax.data.pictures.listing import listing
from gan_jax.data.pieces import Content
from gan_jax.data.resize import Size
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import ends_with


def open_lsun(
    path: Path, size: Size | None, max_bad: int = 0
) -> tuple[Content, tuple[int, int, int]]:
    """One category, or several categories in a folder each, whose names are the classes.

    LSUN is published as LMDB databases, which this project does not read.
    """
    with listing(path) as files:
        if any(ends_with(name, 'data.mdb') for name in files.names):
            raise UserError(
                f"{path} holds an LMDB: unpack it with the data.py of LSUN's authors "
                '(python data.py export LMDB --out_dir DIR --flat) and give DIR',
                DATA,
            )
    return open_folder(path, size, max_bad)
