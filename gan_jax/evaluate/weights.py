"""The published weights of Inception: found or fetched, known by their SHA-256, kept as arrays.

They are looked for in this order: the PyTorch file that $GAN_JAX_INCEPTION names; the arrays that
an earlier call has kept in the data folder, inception/<first digits of the SHA-256>.npz; the
release of pytorch-fid, from where the PyTorch file is downloaded. 95,628,359 bytes, Apache-2.0.
"""

import os
from pathlib import Path
from typing import Any

import flax.traverse_util

from gan_jax.data import folder_of
from gan_jax.data.archives.download import download, sha256_of
from gan_jax.data.archives.table import File
from gan_jax.data.prepared import locked
from gan_jax.errors import UNAVAILABLE, UserError
from gan_jax.evaluate import arrays, inception

VARIABLE = 'GAN_JAX_INCEPTION'
# Size and SHA-256 as the public packages that use it write them down; its name holds the first 8.
PUBLISHED = File(
    'pt_inception-2015-12-05-6726825d.pth',
    95_628_359,
    '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
    'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/'
    'pt_inception-2015-12-05-6726825d.pth',
)


def published(data_dir: str | Path | None = None) -> dict[str, Any]:
    """The variables of `inception.Inception` with the weights that an FID is measured with.

    Args:
        data_dir: where they are kept, see `data.folder_of`.

    Raises:
        UserError: they are not here and cannot be downloaded, or the file that is given is another
            one (69). It says where to get them and where to put them.
    """
    try:
        return _given(Path(path)) if (path := os.environ.get(VARIABLE)) else _kept(data_dir)
    except UserError as error:
        raise UserError(
            f'the weights of Inception, which FID, KID and IS need, are not to be had: {error}; '
            f'download {PUBLISHED.url} where there is a network, and set ${VARIABLE} to its path',
            UNAVAILABLE,
        ) from error
    except OSError as error:
        raise UserError(f'cannot keep the weights of Inception: {error}', UNAVAILABLE) from error


def _given(path: Path) -> dict[str, Any]:
    path = path.expanduser()
    if not path.is_file():
        raise UserError(f'${VARIABLE} names {path}, which is no file')
    if (found := sha256_of(path)) != PUBLISHED.sha256:
        raise UserError(f'{path} is another file than the published one (SHA-256 {found})')
    return inception.load(path)


def _kept(data_dir: str | Path | None) -> dict[str, Any]:
    folder = folder_of(data_dir) / 'inception'
    kept = folder / f'{PUBLISHED.sha256[:16]}.npz'
    facts = {'made from': PUBLISHED.sha256}
    if (found := arrays.read(kept, facts)) is not None:
        return flax.traverse_util.unflatten_dict(found, sep='/')
    with locked(folder):
        folder.mkdir(exist_ok=True)
        fetched = folder / PUBLISHED.name
        if not fetched.exists() or sha256_of(fetched) != PUBLISHED.sha256:
            print(f'downloading {PUBLISHED.name}, {PUBLISHED.size / 1e6:.1f} MB', flush=True)
            download(PUBLISHED.url, fetched, size=PUBLISHED.size, sha256=PUBLISHED.sha256)
        variables = inception.load(fetched)
        arrays.write(kept, flax.traverse_util.flatten_dict(variables, sep='/'), facts)
        fetched.unlink()
    return variables
