"""The customs of resizing images to the input of a network.

- `tf1`: bilinear with the corners of pixels aligned and no antialiasing, TensorFlow 1's
  `resize_bilinear`, by which published FIDs were measured.
- `clean`: Pillow's bicubic (a = -0.5), antialiased if it shrinks; the caller clips the result to
  [0, 255]: "On Aliased Resizing and Surprising Subtleties in GAN Evaluation" (Parmar et al. 2022,
  arXiv 2104.11222).
- `bilinear` and `area`: PyTorch's, without aligned corners or antialiasing, and the means over the
  source pixels that a target pixel touches.

All are linear in rows and in columns: a matrix each. Scores of two customs are not comparable.
"""

import numpy as np


def matrix(kind: str, source: int, target: int) -> np.ndarray:
    """The interpolation of one axis, float32 [target, source], rows that sum to 1.

    Args:
        kind: of KINDS.
        source: pixels before, >= 1.
        target: pixels after, >= 1.
    """
    return KINDS[kind](source, target)


def _tf1(source: int, target: int) -> np.ndarray:
    """Pixel i lies at i · source / target, between its two neighbours, the last one repeated."""
    at = np.arange(target, dtype=np.float32) * np.float32(source / target)  # as TF rounds
    return _between(at, source)


def _clean(source: int, target: int) -> np.ndarray:
    """Keys' cubic around (i + ½) · source / target, scaled to the width of a target pixel.

    The width is in source pixels, and at least one.
    """
    scale = source / target
    width = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale
    first = np.maximum(np.floor(centre - 2 * width + 0.5), 0)
    last = np.minimum(np.floor(centre + 2 * width + 0.5), source)
    pixel = np.arange(source)
    inside = (pixel >= first[:, None]) & (pixel < last[:, None])
    weights = np.where(inside, cubic((pixel + 0.5 - centre[:, None]) / width, -0.5), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' interpolation kernel, of slope a at distance 1: Pillow's -0.5, PyTorch's -0.75."""
    x = np.abs(x)
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _bilinear(source: int, target: int) -> np.ndarray:
    """Pixel i lies at (i + ½) · source / target - ½, not before the first pixel."""
    return _between(np.maximum((np.arange(target) + 0.5) * (source / target) - 0.5, 0), source)


def _between(at: np.ndarray, source: int) -> np.ndarray:
    """The shares of the two neighbours of places >= 0; beyond the last pixel it is repeated."""
    low = np.floor(at).astype(int)
    weights, rows = np.zeros((len(at), source), np.float32), np.arange(len(at))
    np.add.at(weights, (rows, low), 1 - (at - low))
    np.add.at(weights, (rows, np.minimum(low + 1, source - 1)), at - low)
    return weights


def _area(source: int, target: int) -> np.ndarray:
    edges, pixel = np.arange(target + 1) * source, np.arange(source)
    first, last = edges[:-1] // target, -(-edges[1:] // target)
    inside = (pixel >= first[:, None]) & (pixel < last[:, None])
    return (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)


KINDS = {'tf1': _tf1, 'clean': _clean, 'bilinear': _bilinear, 'area': _area}
