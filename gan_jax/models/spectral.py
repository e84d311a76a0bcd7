"""Spectral normalisation: a kernel over its largest singular value (Miyato et al. 2018)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

# Compilers of accelerators make the product of one row and a matrix a sum, for which a TPU's vector
# unit takes six times as long as its matrix unit for this many equal rows. XLA for a GPU writes the
# summands to memory. A CPU takes one row.
ROWS = 8


def spectral(layer: nn.Module, x: Array, *, train: bool) -> Array:
    """`layer(x)` with its kernel over its largest singular value (section 2.1 of the paper).

    The layer keeps the initial values of its initialiser, where Flax's SpectralNorm stores them
    already divided. The function of the network is the same, but with Flax's the size of Adam's
    steps relative to the weights would not be the papers'. Everything else is as in Flax's, but
    that the singular value is not kept.

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
            self.layer(x)  # draws its parameters

        def divided(variables: Any) -> Any:
            params = variables['params']
            return {'params': {**params, 'kernel': self._over_sigma(params['kernel'], train)}}

        return nn.map_variables(lambda layer: layer(x), 'params', divided)(self.layer)

    def _over_sigma(self, kernel: Array, train: bool) -> Array:
        w = kernel.reshape(-1, kernel.shape[-1])
        key = self.make_rng('params') if self.is_initializing() else None
        first = (key, (1, w.shape[1]), jnp.float32)
        name = f'{self.layer.name}/kernel/u'
        u = self.variable('batch_stats', name, jax.random.normal, *first)
        sigma, _, moved = largest_singular_value(w, u.value)
        if train:
            u.value = moved
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
    one, several = (partial(power_iteration, rows=rows) for rows in (1, ROWS))
    return lax.platform_dependent(w, u, cpu=one, default=several)


def power_iteration(w: Array, u: Array, rows: int) -> tuple[Array, Array, Array]:
    """`largest_singular_value` with a number of equal rows in its products."""
    v = _unit(jnp.broadcast_to(u, (rows, u.shape[1])) @ w.T)
    vw = v @ w
    u = _unit(vw)
    return (vw * u).sum(1)[0], v[:1], u[:1]


def _forward(w: Array, u: Array) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
    sigma, v, u = largest_singular_value(w, u)
    return (sigma, v, u), (lax.stop_gradient(v), lax.stop_gradient(u))


def _back(vectors: tuple[Array, Array], cotangents: tuple[Array, ...]) -> tuple[Array, Array]:
    v, u = vectors
    return v.T @ (cotangents[0] * u), jnp.zeros_like(u)


largest_singular_value.defvjp(_forward, _back)


def _unit(x: Array) -> Array:
    """Rows over their Euclidean norms."""
    return x * lax.rsqrt((x * x).sum(1, keepdims=True) + 1e-12)
