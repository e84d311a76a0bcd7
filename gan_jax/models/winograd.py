"""Convolutions of 3×3 kernels without strides by Winograd's minimal filtering.

Lavin & Gray 2015 (arXiv 1509.09308), F(4×4, 3×3): a tile of 4×4 places of the map, computed from
6×6 pixels of the image x, is Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A. That is 36 products for each pair of
channels where the plain sum has 144. Rounding grows from 5e-7 to 3e-6 of the result in float32.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

TILE = 4
# For the points 0, 1, -1, 2, -2 and infinity (section 4.3 of the paper).
_B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
).T
_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_A = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
).T
_INPUT = len(_B)  # side of the square of the image under a tile

Grid = Sequence[Sequence[Array]]


def convolve(x: Array, w: Array) -> Array:
    """The convolution of an image that is padded already.

    Args:
        x: [N, H + 2, W + 2, C]; H and W are multiples of 4.
        w: [3, 3, C, O].

    Returns:
        [N, H, W, O].
    """
    pairs = zip(_both(_B.T, _tiles(x)), _both(_G, [list(row) for row in w]), strict=True)
    products = [[t @ k for t, k in zip(*pair, strict=True)] for pair in pairs]
    places = jnp.stack([jnp.stack(row, axis=3) for row in _both(_A.T, products)], axis=2)
    n, rows, _, columns, _, features = places.shape  # [N, H/4, 4, W/4, 4, O]
    return places.reshape(n, rows * TILE, columns * TILE, features)


def conv_kernel_grad(x: Array, g: Array, shares: int = 1) -> Array:
    """The adjoint of `convolve` in the kernel, for equal shares of the batch.

    Args:
        x: as in `convolve`.
        g: [N, H, W, O].
        shares: the number of shares; each has N / shares consecutive images.

    Returns:
        [shares, 3, 3, C, O].
    """
    places = [[g[:, p::TILE, q::TILE] for q in range(TILE)] for p in range(TILE)]
    pairs = zip(_both(_A, places), _both(_B.T, _tiles(x)), strict=True)
    products = [[_contract(a, b, shares) for a, b in zip(*pair, strict=True)] for pair in pairs]
    kernel = [jnp.stack(row, axis=1) for row in _both(_G.T, products)]  # 3 × [shares, 3, O, C]
    return jnp.stack(kernel, axis=1).swapaxes(3, 4)


def _tiles(x: Array) -> Grid:
    """Pixel (a, b) of all tiles, as element (a, b): [N, H/4, W/4, C] each."""
    bottom, right = (size - _INPUT + 1 for size in x.shape[1:3])
    across = range(_INPUT)
    return [[x[:, a : a + bottom : TILE, b : b + right : TILE] for b in across] for a in across]


def _both(matrix: np.ndarray, grid: Grid) -> Grid:
    """M x Mᵀ for a grid x of arrays."""
    columns = [_apply(matrix, column) for column in zip(*grid, strict=True)]
    return [_apply(matrix, row) for row in zip(*columns, strict=True)]


def _apply(matrix: np.ndarray, arrays: Sequence[Array]) -> list[Array]:
    def combined(row: Sequence[float]) -> Array:
        terms = [m * x if m != 1 else x for m, x in zip(row, arrays, strict=True) if m]
        return sum(terms[1:], start=terms[0])

    return [combined(row) for row in matrix.tolist()]


def _contract(g: Array, x: Array, shares: int) -> Array:
    """[N, h, w, O], [N, h, w, C] -> [shares, O, C]."""
    g, x = (y.reshape(shares, -1, y.shape[3]) for y in (g, x))
    return lax.dot_general(g, x, (((1,), (1,)), ((0,), (0,))))
