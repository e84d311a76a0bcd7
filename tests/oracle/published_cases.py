"""Networks, weights and inputs of the comparison with published code, alike for theirs and ours.

Every number is drawn by its name, so that none of the weights has to be kept. NumPy's RandomState
gives the same numbers in all its versions.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / 'published'
STYLEGAN2, R3GAN = 'stylegan2', 'r3gan'
LATENT, UNITS, COLOURS, CLASSES = 5, 6, 3, 3
MAPPING = 2  # layers of the generator's
GROUP_SIZE = 4  # channels of R3GAN's groups, three groups of 12 channels
PSI, TRUNCATED = 0.7, 3
RATE = 0.01  # of StyleGAN2's mappings
MOST = 500  # numbers that are kept of images
FEW = 32  # of a parameter's second gradient


class Case(NamedTuple):
    """A network.

    Attributes:
        code: 'stylegan2' or 'r3gan'.
        player: 'g' or 'd'.
        side: of the images.
        classes: 0 is unconditional.
        architecture: of StyleGAN2.
        group: of StyleGAN2's minibatch standard deviation.
    """

    code: str
    player: str
    side: int
    classes: int
    architecture: str = ''
    group: int = 0

    @property
    def name(self) -> str:
        """A name for files and tests."""
        with_classes = ['classes'] if self.classes else []
        kind = [self.architecture] if self.architecture else []
        return '_'.join([self.code, self.player, *kind, str(self.side), *with_classes])

    @property
    def batch(self) -> int:
        """Images: two groups of a discriminator, or one."""
        return 2 if self.player == 'g' else 4

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image, (H, W, C)."""
        return self.side, self.side, COLOURS

    @property
    def settings(self) -> dict[str, Any]:
        """The networks' blocks of a config; only the largest map has fewer channels."""
        widths = (*(UNITS for _ in range(self.side.bit_length() - 3)), UNITS - 2)
        classes = dict(num_classes=self.classes)
        if self.code == R3GAN:
            maps = dict(widths=widths, group_size=GROUP_SIZE)
            blocks = dict(generator=maps | classes, discriminator=maps)
        else:
            maps = dict(base=widths[-1] * self.side, most=UNITS, architecture=self.architecture)
            generator = dict(**maps, units=UNITS, layers=MAPPING, **classes)
            blocks = dict(generator=generator, discriminator=dict(**maps, group=self.group))
        return dict(**blocks, logit=classes, latent=dict(dim=LATENT))


CASES = [
    *(Case(STYLEGAN2, 'g', side, n, kind) for kind in ('skip', 'resnet', 'orig')
      for side, n in ((16, CLASSES), (32, 0))),
    *(Case(STYLEGAN2, 'd', side, n, kind, group) for kind, group in (('resnet', 2), ('orig', 32))
      for side, n in ((16, 0), (32, CLASSES))),
    *(Case(R3GAN, player, side, n) for player in 'gd'
      for side, n in ((16, 0), (16, CLASSES), (32, CLASSES))),
]  # fmt: skip


def drawn(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """N(0, 1), always the same for a name."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    return np.asarray(rng.standard_normal(shape), np.float32)


def weights(code: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Parameters and buffers in the published layouts: {name: value} from {name: shape}.

    Nothing is zero, as some are at first. Each layer keeps the size of what it is given.
    """
    return {
        name: np.asarray(_scale(code, name, shape) * drawn(name, shape))
        for name, shape in shapes.items()
    }


def _scale(code: str, name: str, shape: tuple[int, ...]) -> np.float32:
    if code == R3GAN:
        return np.float32(np.prod(shape[1:]) ** -0.5)
    return np.float32(1 / RATE if 'mapping.fc' in name else 1)


def noises(case: Case) -> dict[str, tuple[int, int]]:
    """The shapes of StyleGAN2's constant noise by the names of its layers, the first first."""
    if (case.code, case.player) != (STYLEGAN2, 'g'):
        return {}
    sides = [2**n for n in range(2, case.side.bit_length())]
    layers = [(side, i) for side in sides for i in (0, 1)][1:]
    return {f'synthesis.b{side}.conv{i}.noise_const': (side, side) for side, i in layers}


def latents(case: Case) -> NDArray[np.float32]:
    """z, [N, LATENT]."""
    return drawn('z', (case.batch, LATENT))


def labels(case: Case) -> NDArray[np.int32]:
    """Classes, [N]."""
    return np.arange(case.batch, dtype=np.int32) % CLASSES


def images(case: Case) -> NDArray[np.float32]:
    """Images for a discriminator, N(0, 1/4), [N, H, W, C]; networks of theirs take [N, C, H, W]."""
    return drawn('image', (case.batch, *case.shape)) / 2


def directions(case: Case) -> NDArray[np.float32]:
    """r of the functional <r, output>: [N, H, W, C] for images, [N] for logits."""
    return drawn('direction', (case.batch, *(case.shape if case.player == 'g' else ())))


def kept(x: NDArray[np.float32], most: int = MOST) -> NDArray[np.float32]:
    """An array flat, or of a larger one the numbers at its `places`."""
    return x.reshape(-1)[places(x.size, most)]


def places(size: int, most: int = MOST) -> NDArray[np.int64]:
    """All places of an array, or `most` of them, which are always the same."""
    if size <= most:
        return np.arange(size)
    return np.random.RandomState(0).permutation(size)[:most]
