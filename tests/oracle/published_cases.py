"""Networks, weights and inputs of the comparison with published code, alike for theirs and ours.

Every number is drawn by its name, so that none of the weights has to be kept. NumPy's RandomState
gives the same numbers in all its versions.
"""

import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / 'published'
# The networks, for published_code.py too.
STYLEGAN2, R3GAN, R3GAN2, STYLEGAN3 = 'stylegan2', 'r3gan', 'r3gan2', 'stylegan3'
DEEP, SAGAN = 'biggan_deep', 'sagan'  # of StudioGAN
LADAGAN = 'ladagan'
LATENT, UNITS, COLOURS, CLASSES = 5, 6, 3, 3
MAPPING = 2  # layers of the generator's
GROUP_SIZE = 4  # channels of R3GAN's groups, three groups of 12 channels
# R3GAN2's groups have 32 channels, twice its smallest width.
R3GAN2_WIDTHS, R3GAN2_GROUP, R3GAN2_BLOCKS = (32, 16), 32, 2
ATTENTION, HEAD = 'attention', 8
DEPTH = 14  # of StyleGAN3, its configuration T
DEEP_WIDTHS = {32: (16, 16, 16, 16), 64: (64, 32, 16, 8, 4)}
SAGAN_UNIT = 8  # channels
LADAGAN_WIDTHS, LADAGAN_HEADS, LADAGAN_HIDDEN, LADAGAN_OUT = (128, 32, 8), 4, 8, (16, 12)
FREQUENCY = 2  # of StyleGAN3's waves at most
PSI, TRUNCATED = 0.7, 3
RATE = 0.01  # of StyleGAN2's mappings
MOST = 500  # numbers that are kept of images, and of gradients of large parameters
FEW = 32  # of a parameter's second gradient


class Case(NamedTuple):
    """A network.

    Attributes:
        code: name of the network, one of those above.
        player: 'g' or 'd'.
        side: of the images.
        classes: 0 is unconditional.
        architecture: of StyleGAN2; 'attention' of R3GAN2 has it at 16 pixels.
        group: of StyleGAN2's minibatch standard deviation.
        draw: of the latents or images. With some draws one of half a million activations is within
            rounding of 0, where a leaky ReLU has two slopes, or a sum over a map cancels.
    """

    code: str
    player: str
    side: int
    classes: int
    architecture: str = ''
    group: int = 0
    draw: int = 0

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
    def kept(self) -> int:
        """Numbers of a parameter's gradient that are kept at most."""
        return MOST if self.code in (R3GAN2, DEEP, SAGAN, LADAGAN) else sys.maxsize

    @property
    def settings(self) -> dict[str, Any]:
        """The networks' blocks of a config; only the largest map has fewer channels."""
        classes = dict(num_classes=self.classes)
        generator, discriminator = _BLOCKS[self.code](self)
        blocks = dict(generator=generator | classes, discriminator=discriminator)
        return dict(**blocks, logit=classes, latent=dict(dim=LATENT))


Blocks = tuple[dict[str, Any], dict[str, Any]]


def _widths(case: Case) -> tuple[int, ...]:
    return (*(UNITS for _ in range(case.side.bit_length() - 3)), UNITS - 2)


def _r3gan(case: Case) -> Blocks:
    maps = dict(widths=_widths(case), group_size=GROUP_SIZE)
    return maps, maps


def _r3gan2(case: Case) -> Blocks:
    inner, last = R3GAN2_WIDTHS
    maps = dict(
        widths=(*(inner for _ in range(case.side.bit_length() - 4)), last),
        group_size=R3GAN2_GROUP,
        blocks=R3GAN2_BLOCKS,
        attention=(16,) if case.architecture == ATTENTION else (),
        head_size=HEAD,
    )
    return maps, maps


def _stylegan2(case: Case) -> Blocks:
    maps = dict(base=_widths(case)[-1] * case.side, most=UNITS, architecture=case.architecture)
    return dict(**maps, units=UNITS, layers=MAPPING), dict(**maps, group=case.group)


def _stylegan3(case: Case) -> Blocks:
    maps = dict(base=_widths(case)[-1] * case.side, most=UNITS, depth=DEPTH)
    return dict(**maps, units=UNITS, layers=MAPPING), {}


def _deep(case: Case) -> Blocks:
    maps = dict(widths=DEEP_WIDTHS[case.side], attention=case.side // 2)
    return dict(**maps, shared=UNITS), dict(**maps, smallest=8 if case.side == 32 else 4)


def _sagan(case: Case) -> Blocks:
    generator = dict(channels=SAGAN_UNIT, shared=0, hierarchical=False)
    return generator, dict(channels=SAGAN_UNIT, compare_gan=False)


def _ladagan(case: Case) -> Blocks:
    common = dict(heads=LADAGAN_HEADS, hidden=LADAGAN_HIDDEN)
    widths = {32: (8, 16), 64: (4, 8, 16)}[case.side]
    return dict(widths=LADAGAN_WIDTHS, **common), dict(widths=widths, out=LADAGAN_OUT, **common)


_BLOCKS = {
    STYLEGAN2: _stylegan2,
    R3GAN: _r3gan,
    R3GAN2: _r3gan2,
    STYLEGAN3: _stylegan3,
    DEEP: _deep,
    SAGAN: _sagan,
    LADAGAN: _ladagan,
}
CASES = [
    *(Case(STYLEGAN2, 'g', side, n, kind) for kind in ('skip', 'resnet', 'orig')
      for side, n in ((16, CLASSES), (32, 0))),
    *(Case(STYLEGAN2, 'd', side, n, kind, group) for kind, group in (('resnet', 2), ('orig', 32))
      for side, n in ((16, 0), (32, CLASSES))),
    *(Case(R3GAN, player, side, n) for player in 'gd'
      for side, n in ((16, 0), (16, CLASSES), (32, CLASSES))),
    *(Case(R3GAN2, player, side, n, kind, draw=draw) for player in 'gd'
      for side, n, kind, draw in ((16, CLASSES, '', 0), (32, 0, ATTENTION, 1))),
    *(Case(STYLEGAN3, 'g', side, n) for side, n in ((16, CLASSES), (32, 0))),
    *(Case(DEEP, player, side, CLASSES) for player in 'gd' for side in (32, 64)),
    *(Case(SAGAN, player, side, CLASSES, draw=draw)
      for player, side, draw in (('g', 32, 1), ('g', 64, 0), ('d', 32, 0), ('d', 64, 0))),
    *(Case(LADAGAN, player, side, 0) for player in 'gd' for side in (32, 64)),
]  # fmt: skip


def drawn(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """N(0, 1), always the same for a name."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    return np.asarray(rng.standard_normal(shape), np.float32)


def weights(code: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Parameters and buffers in the published layouts: {name: value} from {name: shape}.

    Nothing is zero, as some are at first. Each layer keeps the size of what it is given.
    """
    found = {n: np.asarray(_sized(code, n, drawn(n, shape))) for n, shape in shapes.items()}
    if 'embedding.weight_u' in found:
        # Their power iteration for a table begins at its other side: both agree at the end of it.
        left = np.linalg.svd(found['embedding.weight_orig'], full_matrices=False)[0]
        found['embedding.weight_u'] = left[:, 0]
    return found


def _sized(code: str, name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    if code in (R3GAN, LADAGAN) and not name.startswith('pos'):
        return np.float32(np.prod(x.shape[1:]) ** -0.5) * x
    if name.endswith('magnitude_ema'):
        return np.exp(x / 4)
    if name.endswith('freqs'):  # theirs dampens higher ones
        return np.float32(FREQUENCY / 2**0.5) * np.tanh(x)
    return np.float32(1 / RATE if 'mapping.fc' in name else 1) * x


def noises(case: Case) -> dict[str, tuple[int, int]]:
    """The shapes of the noise maps by name, the first first; StyleGAN2's by their names of it."""
    if case.player == 'g' and case.code == STYLEGAN2:
        sides = [2**n for n in range(2, case.side.bit_length())]
        layers = [(side, i) for side in sides for i in (0, 1)][1:]
        return {f'synthesis.b{side}.conv{i}.noise_const': (side, side) for side, i in layers}
    if case.player == 'g' and case.code == R3GAN2:
        sides = [2**n for n in range(3, case.side.bit_length()) for _ in range(R3GAN2_BLOCKS)]
        return {f'noise_{i}': (side, side) for i, side in enumerate(sides)}
    return {}


def latents(case: Case) -> NDArray[np.float32]:
    """z, [N, LATENT]."""
    return drawn(_nth('z', case), (case.batch, LATENT))


def _nth(name: str, case: Case) -> str:
    return f'{name}_{case.draw}' if case.draw else name


def labels(case: Case) -> NDArray[np.int32]:
    """Classes, [N]."""
    return np.arange(case.batch, dtype=np.int32) % CLASSES


def images(case: Case) -> NDArray[np.float32]:
    """Images for a discriminator, N(0, 1/4), [N, H, W, C]; networks of theirs take [N, C, H, W]."""
    return drawn(_nth('image', case), (case.batch, *case.shape)) / 2


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
