"""Sliced Wasserstein distance between patches of images, level by level of a Laplacian pyramid.

"Progressive Growing of GANs for Improved Quality, Stability, and Variation" (Karras et al. 2017,
arXiv 1710.10196, section 5 and their code). A fine level says how alike details are, a coarse one
how alike shapes are. No network takes part. Float32 on the host, where patches are many.
"""

import numpy as np

from gan_jax.runtime.progress import ProgressFn

SIDE = 7  # of a patch
PATCHES = 128  # of an image and level
DIRECTIONS = 512
COARSEST = 16  # side of the last level
SCALE = 1000  # of the published numbers
DRAWN = 256  # images whose places are drawn at once
BLOCK = 1 << 16  # patches whose squares are held at once
BYTES = 1 << 26  # of images in float32 whose pyramids are held at once, if more than one
MOST = 32_768  # images of a metric: 2.5 GB of patches of three channels, and as much of reals
AT_ONCE = 16  # directions whose projections are held at once
BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def distances(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    patches: int = PATCHES,
    directions: int = DIRECTIONS,
    seed: int = 0,
    progress: ProgressFn = lambda *_: None,
) -> dict[int, float]:
    """The distance of every level, from the finest on, by the height of its images; times 1,000.

    A level holds what halving it loses, and the last one, of side 16 or a little more, the rest.
    Each channel of the patches of a set is brought to mean 0 and deviation 1 first, so that neither
    brightness nor contrast counts.

    Args:
        real: uint8 or float [N, H, W, C], H and W at least 7.
        fake: the same shape.
        patches: of 7×7 pixels, of each image and level, at places drawn for each.
        directions: of the projections.
        seed: of places and directions; the places in both sets differ.
        progress: told of each level.

    Raises:
        ValueError: sets of different shapes, of none, or images smaller than a patch.
    """
    _refuse(real, fake)
    count = len(level_sizes(real.shape[1:3]))
    found = {}
    for level, (height, _) in enumerate(level_sizes(real.shape[1:3])):
        drawn = [
            _standardised(_patches(images, level, patches, [seed, level, one]))
            for one, images in enumerate((real, fake))
        ]
        found[height] = SCALE * sliced(*drawn, directions=directions, seed=[seed, level, 2])
        progress(len(found), count)
    return found


def level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) of each level: halves, while they are whole and at least 16."""
    sizes = [size]
    while all(n % 2 == 0 and n // 2 >= COARSEST for n in sizes[-1]):
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def sliced(a: np.ndarray, b: np.ndarray, *, directions: int, seed: int | list[int]) -> float:
    """The mean of Wasserstein-1 distances of projections on random unit vectors.

    "Wasserstein Barycenter and Its Application to Texture Mixing" (Rabin et al. 2011), with the
    mean of distances in place of squares, as in the code of Karras et al.

    Args:
        a: [N, F], float32.
        b: [N, F].
        directions: their number.
        seed: of them.
    """
    axes = np.random.default_rng(seed).standard_normal((directions, a.shape[1]), np.float32)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    total = 0.0
    for some in np.array_split(axes, -(-directions // AT_ONCE)):
        x, y = (np.sort(some @ z.T, axis=1) for z in (a, b))
        total += float(np.abs(x - y).mean(axis=1, dtype=np.float64).sum())
    return total / directions


def pyramid(images: np.ndarray, level: int) -> np.ndarray:
    """One level of the Laplacian pyramid, float32, of images [n, H, W, C]."""
    x = images.astype(np.float32)
    for _ in range(level):
        x = _halved(x)
    is_last = level == len(level_sizes(images.shape[1:3])) - 1
    return x if is_last else x - _doubled(_halved(x))


def _refuse(real: np.ndarray, fake: np.ndarray) -> None:
    if real.shape != fake.shape or real.ndim != 4 or not len(real):
        raise ValueError(
            f'real and fake must be two sets [N, H, W, C] of one shape, got {real.shape} and '
            f'{fake.shape}'
        )
    if min(real.shape[1:3]) < SIDE:
        raise ValueError(f'images must have at least {SIDE} pixels a side, got shape {real.shape}')


def _patches(images: np.ndarray, level: int, count: int, seed: list[int]) -> np.ndarray:
    """float32 [N * count, SIDE, SIDE, C], at random places of one level of the pyramid."""
    rng, (total, *size, channels) = np.random.default_rng(seed), images.shape
    places = [side - SIDE + 1 for side in level_sizes((size[0], size[1]))[level]]
    step = max(1, BYTES // (4 * images[0].size))
    made = np.empty((total, count, SIDE, SIDE, channels), np.float32)
    for start in range(0, total, DRAWN):
        end = min(start + DRAWN, total)
        rows, columns = (rng.integers(n, size=(end - start, count)) for n in places)
        for first in range(start, end, step):
            at = slice(first, min(first + step, end))
            part = slice(at.start - start, at.stop - start)
            some = pyramid(np.asarray(images[at]), level)
            made[at] = _cut(some, rows[part], columns[part])
    return made.reshape(total * count, SIDE, SIDE, channels)


def _cut(level: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """[n, count, SIDE, SIDE, C] of images [n, H, W, C], by first rows and columns [n, count]."""
    windows = np.lib.stride_tricks.sliding_window_view(level, (SIDE, SIDE), axis=(1, 2))
    taken = windows[np.arange(len(level))[:, None], rows, columns]  # [n, count, C, SIDE, SIDE]
    return np.moveaxis(taken, 2, -1)


def _standardised(patches: np.ndarray) -> np.ndarray:
    """[M, SIDE² · C]: each channel with mean 0 and deviation 1; one that is constant stays 0."""
    mean = patches.mean(axis=(0, 1, 2), dtype=np.float64)
    patches -= mean.astype(np.float32)
    starts = range(0, len(patches), BLOCK)
    squares = sum(
        np.square(patches[i : i + BLOCK], dtype=np.float64).sum((0, 1, 2)) for i in starts
    )
    deviation = np.sqrt(squares / (len(patches) * SIDE**2))
    patches /= np.where(deviation > 0, deviation, 1).astype(np.float32)
    return patches.reshape(len(patches), -1)


def _halved(x: np.ndarray) -> np.ndarray:
    return _blurred(x)[:, ::2, ::2]


def _doubled(x: np.ndarray) -> np.ndarray:
    n, height, width, channels = x.shape
    spread = np.zeros((n, 2 * height, 2 * width, channels), x.dtype)
    spread[:, ::2, ::2] = 4 * x
    return _blurred(spread)


def _blurred(x: np.ndarray) -> np.ndarray:
    """The binomial filter along both axes; beyond the border images are mirrored."""
    for axis in (1, 2):
        length, before = x.shape[axis], x.shape[:axis]
        around = np.pad(x, [(2, 2) if i == axis else (0, 0) for i in range(4)], 'reflect')
        index = (slice(None),) * len(before)
        x = sum(
            weight * around[(*index, slice(k, k + length))] for k, weight in enumerate(BINOMIAL)
        )
    return x
