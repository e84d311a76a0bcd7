"""Published weights of a network: found or downloaded, checked by SHA-256, cached as arrays.

They are looked for in this order: the PyTorch file that the network's environment variable names;
the arrays that an earlier call cached in the data folder, NETWORK/<first digits of the
SHA-256>.npz; the publisher, from whom the PyTorch file is downloaded.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import flax.traverse_util

from gan_jax.data import folder_of
from gan_jax.data.archives.download import download, refuse_unreachable, sha256_of
from gan_jax.data.archives.table import File
from gan_jax.data.prepared import locked
from gan_jax.evaluate import arrays
from gan_jax.runtime import output
from gan_jax.runtime.errors import UNAVAILABLE, UserError
from gan_jax.runtime.progress import bar


class Published(NamedTuple):
    """A network's published weights.

    Attributes:
        network: its name in sentences, such as 'Inception'.
        needed_by: the scores that need it, the subject of a sentence in the plural.
        file: the PyTorch file.
        variable: the environment variable that may name it.
        load: path of the file -> the variables, a tree of arrays in nested dicts.
    """

    network: str
    needed_by: str
    file: File
    variable: str
    load: Callable[[Path], dict[str, Any]]

    @property
    def lacking(self) -> str:
        """A sentence without an end, for a user who lacks the file."""
        return f'the weights of {self.network}, which {self.needed_by} need, are not to be had'

    @property
    def folder(self) -> str:
        """The name of the folder of the cached arrays."""
        return self.network.lower()


def variables_of(weights: Published, data_dir: str | Path | None = None) -> dict[str, Any]:
    """The network's variables.

    Args:
        weights: of the network.
        data_dir: the folder that caches them, see `data.folder_of`.

    Raises:
        UserError: they are not here and cannot be downloaded, or the environment variable names
            another file (69). It says where to get them and where to put them.
    """
    with _explained(weights):
        if path := os.environ.get(weights.variable):
            return weights.load(_given(weights, path))
        return _kept(weights, data_dir) or _fetched(weights, data_dir)


def check(weights: Published, data_dir: str | Path | None = None) -> None:
    """Raises as `variables_of`, without a download; no file is read, since some have gigabytes."""
    with _explained(weights):
        if path := os.environ.get(weights.variable):
            _given(weights, path, read=False)
            return
        folder = _folder(weights, data_dir)
        kept, _ = _place(weights, folder)
        if not kept.is_file() and not (folder / weights.file.name).is_file():
            with _by_other_means(weights):
                refuse_unreachable(weights.file.url)


@contextlib.contextmanager
def _explained(weights: Published) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f'cannot keep the weights of {weights.network}: {error}', UNAVAILABLE
        ) from error


@contextlib.contextmanager
def _by_other_means(weights: Published) -> Iterator[None]:
    """Adds to the error of a failed download the variable that names a file instead."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f'{weights.lacking}: {error} and set ${weights.variable} to its path', UNAVAILABLE
        ) from error


def _given(weights: Published, name: str, *, read: bool = True) -> Path:
    path, why = Path(name).expanduser(), ''
    if not path.is_file():
        why = f'${weights.variable} names {path}, which is no file'
    elif (size := path.stat().st_size) != weights.file.size:
        why = f'{path} is another file than the published one ({size:,} bytes)'
    elif not read:
        return path
    elif (found := sha256_of(path)) != weights.file.sha256:
        why = f'{path} is another file than the published one (SHA-256 {found})'
    if why:
        raise UserError(
            f'{weights.lacking}: {why}; download {weights.file.url} where there is a network, and '
            f'set ${weights.variable} to its path',
            UNAVAILABLE,
        )
    return path


def _folder(weights: Published, data_dir: str | Path | None) -> Path:
    return folder_of(data_dir) / weights.folder


def _place(weights: Published, folder: Path) -> tuple[Path, dict[str, str]]:
    """The path of the cached weights, and their key."""
    sha256 = weights.file.sha256
    return folder / f'{sha256[:16]}.npz', {'made from': sha256}


def _kept(weights: Published, data_dir: str | Path | None) -> dict[str, Any] | None:
    """The weights that an earlier call cached, if any."""
    found = arrays.read_arrays(*_place(weights, _folder(weights, data_dir)))
    return None if found is None else flax.traverse_util.unflatten_dict(found, sep='/')


def _fetched(weights: Published, data_dir: str | Path | None) -> dict[str, Any]:
    folder, file = _folder(weights, data_dir), weights.file
    with locked(folder):
        folder.mkdir(exist_ok=True)
        fetched = folder / file.name
        if not _is_here(weights, fetched):
            _download(weights, fetched)
        variables = weights.load(fetched)
        kept, cache_key = _place(weights, folder)
        arrays.write_arrays(kept, flax.traverse_util.flatten_dict(variables, sep='/'), cache_key)
        fetched.unlink()
    return variables


def _download(weights: Published, path: Path) -> None:
    """Fetches the file, with a bar in megabytes; a signal ends it, and the next call goes on."""
    file = weights.file
    output.say(f'downloading {file.name}, {file.size / 1e6:.1f} MB')
    with _by_other_means(weights), bar(file.name) as tick:
        download(
            file.url,
            path,
            size=file.size,
            sha256=file.sha256,
            advance=lambda done: tick(round(done / 1e6), round(file.size / 1e6)),
        )


def _is_here(weights: Published, fetched: Path) -> bool:
    """True if the file is downloaded and complete, and was not converted yet."""
    return fetched.exists() and sha256_of(fetched) == weights.file.sha256
