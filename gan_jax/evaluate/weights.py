"""The published weights of Inception: found or downloaded, checked by SHA-256, cached as arrays.

They are looked for in this order: the PyTorch file that $GAN_JAX_INCEPTION names; the arrays that
an earlier call cached in the data folder, inception/<first digits of the SHA-256>.npz; the release
of pytorch-fid, from which the PyTorch file is downloaded. 95,628,359 bytes, Apache-2.0.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flax.traverse_util

from gan_jax.data import folder_of
from gan_jax.data.archives.download import download, refuse_unreachable, sha256_of
from gan_jax.data.archives.table import File
from gan_jax.data.prepared import locked
from gan_jax.evaluate import arrays, inception
from gan_jax.runtime.errors import UNAVAILABLE, UserError

VARIABLE = 'GAN_JAX_INCEPTION'
# Size and SHA-256 as in the public packages that use it; its name holds the first 8 digits.
PUBLISHED = File(
    'pt_inception-2015-12-05-6726825d.pth',
    95_628_359,
    '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
    'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/'
    'pt_inception-2015-12-05-6726825d.pth',
)
LACKING = 'the weights of Inception, which FID, KID and IS need, are not to be had'


def published(data_dir: str | Path | None = None) -> dict[str, Any]:
    """The variables of `inception.Inception` with the weights by which an FID is measured.

    Args:
        data_dir: the folder that caches them, see `data.folder_of`.

    Raises:
        UserError: they are not here and cannot be downloaded, or $GAN_JAX_INCEPTION names another
            file (69). It says where to get them and where to put them.
    """
    with _explained():
        if path := os.environ.get(VARIABLE):
            return inception.load(_given(path))
        return _kept(data_dir) or _fetched(data_dir)


def check(data_dir: str | Path | None = None) -> None:
    """Raises as `published`, without a download."""
    with _explained():
        if path := os.environ.get(VARIABLE):
            _given(path)
        elif _kept(data_dir) is None and not _is_here(_folder(data_dir) / PUBLISHED.name):
            with _by_other_means():
                refuse_unreachable(PUBLISHED.url)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f'cannot keep the weights of Inception: {error}', UNAVAILABLE) from error


@contextlib.contextmanager
def _by_other_means() -> Iterator[None]:
    """Adds to the error of a failed download the variable that names a file instead."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f'{LACKING}: {error} and set ${VARIABLE} to its path', UNAVAILABLE
        ) from error


def _given(name: str) -> Path:
    path, why = Path(name).expanduser(), ''
    if not path.is_file():
        why = f'${VARIABLE} names {path}, which is no file'
    elif (found := sha256_of(path)) != PUBLISHED.sha256:
        why = f'{path} is another file than the published one (SHA-256 {found})'
    if why:
        raise UserError(
            f'{LACKING}: {why}; download {PUBLISHED.url} where there is a network, and set '
            f'${VARIABLE} to its path',
            UNAVAILABLE,
        )
    return path


def _folder(data_dir: str | Path | None) -> Path:
    return folder_of(data_dir) / 'inception'


def _place(folder: Path) -> tuple[Path, dict[str, str]]:
    """The path of the cached weights, and their key."""
    return folder / f'{PUBLISHED.sha256[:16]}.npz', {'made from': PUBLISHED.sha256}


def _kept(data_dir: str | Path | None) -> dict[str, Any] | None:
    """The weights that an earlier call cached, if any."""
    found = arrays.read_arrays(*_place(_folder(data_dir)))
    return None if found is None else flax.traverse_util.unflatten_dict(found, sep='/')


def _fetched(data_dir: str | Path | None) -> dict[str, Any]:
    folder = _folder(data_dir)
    with locked(folder):
        folder.mkdir(exist_ok=True)
        fetched = folder / PUBLISHED.name
        if not _is_here(fetched):
            print(f'downloading {PUBLISHED.name}, {PUBLISHED.size / 1e6:.1f} MB', flush=True)
            with _by_other_means():
                download(PUBLISHED.url, fetched, size=PUBLISHED.size, sha256=PUBLISHED.sha256)
        variables = inception.load(fetched)
        kept, cache_key = _place(folder)
        arrays.write_arrays(kept, flax.traverse_util.flatten_dict(variables, sep='/'), cache_key)
        fetched.unlink()
    return variables


def _is_here(fetched: Path) -> bool:
    """True if the file is downloaded and complete, and was not converted yet."""
    return fetched.exists() and sha256_of(fetched) == PUBLISHED.sha256
