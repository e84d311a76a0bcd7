"""Spectral normalisation: a kernel over its largest singular value (Miyato et al. 2018)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

# A TPU's compiler makes the product of one row and a matrix a sum on the vector unit, which takes
# six times as long as the same row, this many times, on the matrix unit.
ROWS = 8


def spectral(layer: nn.Module, x: Array, *, train: bool) -> Array:
    """`layer(x)` with its kernel over its largest singular value (section 2.1 of the paper).

    The layer keeps the initial values of its initialiser, where Flax's SpectralNorm stores them
    already divided. The function of the network is the same, but with Flax's the size of Adam's
    steps relative to the weights would not be the papers'. Everything else is as in Flax's.

    Args:
        layer: a layer with a kernel, made in the compact method that calls this function.
        x: the layer's input.
        train: whether the step of the power iteration is kept.
    """
    return SpectralNorm(layer, name=f'spectral_{layer.name}')(x, train=train)


def maybe_spectral(normalised: bool, *, train: bool) -> Callable[[nn.Module, Array], Array]:
    """The function (layer, x) -> `layer(x)`, or with `normalised` `spectral(layer, x)`."""
    return partial(spectral, train=train) if normalised else lambda layer, x: layer(x)


class SpectralNorm(nn.Module):
    """The layer of `spectral`, with its vector u in the collection 'batch_stats'."""

    layer: nn.Module

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """`layer(x)` with the kernel that `spectral` describes."""
        if self.is_initializing():
            y = self.layer(x)
            self._over_sigma(self.layer.variables['params']['kernel'], train)
            return y

        def divided(variables: Any) -> Any:
            params = variables['params']
            return {'params': {**params, 'kernel': self._over_sigma(params['kernel'], train)}}

        return nn.map_variables(lambda layer: layer(x), 'params', divided, mutable=True)(self.layer)

    def _over_sigma(self, kernel: Array, train: bool) -> Array:
        w = kernel.reshape(-1, kernel.shape[-1])
        name = f'{self.layer.name}/kernel'
        key = self.make_rng('params') if self.is_initializing() else None
        first = (key, (1, w.shape[1]), jnp.float32)
        u = self.variable('batch_stats', f'{name}/u', jax.random.normal, *first)
        kept = self.variable('batch_stats', f'{name}/sigma', jnp.ones, (), jnp.float32)
        sigma, _, moved = largest_singular_value(w, u.value)
        if train:
            u.value, kept.value = moved, sigma
        return (w / jnp.where(sigma != 0, sigma, 1)).reshape(kernel.shape)


@jax.custom_vjp
def largest_singular_value(w: Array, u: Array) -> tuple[Array, Array, Array]:
    """One step of the power iteration, algorithm 1 of the paper: (σ, v, the next u).

    The gradient takes both singular vectors for constants: dσ/dw = vᵀ u (section 2.2). Reverse mode
    to any order, jit and vmap; no forward mode.

    Args:
        w: [K, C].
        u: [1, C], of any Euclidean norm but 0.

    Returns:
        σ [] and the left and the right vector, v [1, K] and u [1, C], both of norm 1.
    """
    v = _unit(_times(u, w.T))
    vw = _times(v, w)
    u = _unit(vw)
    return (vw @ u.T)[0, 0], v, u


def _forward(w: Array, u: Array) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
    sigma, v, u = largest_singular_value(w, u)
    return (sigma, v, u), (lax.stop_gradient(v), lax.stop_gradient(u))


def _back(vectors: tuple[Array, Array], cotangents: tuple[Array, ...]) -> tuple[Array, Array]:
    v, u = vectors
    return v.T @ (cotangents[0] * u), jnp.zeros_like(u)


largest_singular_value.defvjp(_forward, _back)


def _times(row: Array, w: Array) -> Array:
    """row @ w: [1, K], [K, C] -> [1, C]."""
    return lax.platform_dependent(row, w, tpu=by_matrix_unit, default=jnp.matmul)


def by_matrix_unit(row: Array, w: Array) -> Array:
    """row @ w, for a TPU."""
    return (jnp.broadcast_to(row, (ROWS, row.shape[1])) @ w)[:1]


def _unit(x: Array) -> Array:
    return x * lax.rsqrt((x * x).sum() + 1e-12)
