"""The published weights of Inception, as `published` finds them: 95,628,359 bytes, Apache-2.0."""

from pathlib import Path
from typing import Any

from gan_jax.data.archives.table import File
from gan_jax.evaluate import inception
from gan_jax.evaluate import published as files

VARIABLE = 'GAN_JAX_INCEPTION'
# Size and SHA-256 as in the public packages that use it; its name holds the first 8 digits.
PUBLISHED = File(
    'pt_inception-2015-12-05-6726825d.pth',
    95_628_359,
    '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
    'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/'
    'pt_inception-2015-12-05-6726825d.pth',
)


def published(data_dir: str | Path | None = None) -> dict[str, Any]:
    """The variables of `inception.Inception` with the weights by which an FID is measured.

    Args:
        data_dir: the folder that caches them, see `data.folder_of`.

    Raises:
        UserError: as `published.variables_of` (69).
    """
    return files.variables_of(_weights(), data_dir)


def check(data_dir: str | Path | None = None) -> None:
    """Raises as `published`, without a download."""
    files.check(_weights(), data_dir)


def _weights() -> files.Published:
    load = inception.load
    return files.Published('Inception', 'FID, KID and IS', PUBLISHED, VARIABLE, load)
