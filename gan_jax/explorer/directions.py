"""Directions in latents or in w that change much in the image, from the weights alone.

"Closed-Form Factorization of Latent Semantics in GANs" (Shen & Zhou 2020, arXiv 2007.06600, section
3). The first layers take a latent x to A x + b. A step of length 1 along n moves their outputs by
|A n|, and the directions that move them most are the eigenvectors of AᵀA with the largest
eigenvalues (equation 4).

A is read from the network by derivatives, so that it is what the layers multiply by: kernels over
their spectral norms, or equalised ones. The paper's published code gives each row of A the length 1
first; equation 4, and this module, take the rows as they are.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.keys import streams
from gan_jax.runtime.errors import UserError

NAME = 'first'  # of the recorded outputs


class Directions(NamedTuple):
    """Directions, the one that moves the first layers most before the others.

    Attributes:
        vectors: float32 [K, X], of unit length, orthogonal; the largest entry of each is positive.
        values: float64 [K], the eigenvalues, |A n|².
    """

    vectors: np.ndarray
    values: np.ndarray


def of_kernel(kernel: np.ndarray, count: int) -> Directions:
    """The eigenvectors of AᵀA with the largest eigenvalues.

    Args:
        kernel: A, [F, X].
        count: of directions; at most X are there.
    """
    gram = np.asarray(kernel, np.float64).T @ np.asarray(kernel, np.float64)
    values, vectors = np.linalg.eigh(gram)  # the smallest first
    values, vectors = values[::-1][:count], vectors.T[::-1][:count]
    rows = np.arange(len(vectors))
    signs = np.sign(vectors[rows, np.abs(vectors).argmax(axis=1)])
    return Directions(np.float32(vectors * signs[:, None]), np.maximum(values, 0))


def kernel_of(network: nn.Module, variables: Mapping[str, Any], given: jax.Array) -> np.ndarray:
    """A of the first layers that take the latents, float32 [F, Z]; F is the sum of their outputs.

    A first layer has parameters of its own, makes a vector, and is met by z before any other layer
    with parameters: BigGAN's dense layer, and the gains and biases of its norms. Where z is divided
    by its length before, A is what comes after.

    Args:
        network: (z [B, Z], label [B], train) -> images or a record.
        variables: its parameters and other collections.
        given: zeros of the shape of z, [1, Z], in its type.

    Raises:
        UserError: as `_checked`.
    """
    return _checked(_jacobian(network, variables, '__call__', lambda z: z[None], given[0]))


def kernel_of_styles(network: nn.Module, variables: Mapping[str, Any], given: jax.Array):
    """A of all styles, float32 [F, W], for a w that all layers share; F is the sum of channels.

    StyleGAN3's input, which w turns and shifts, is left out.

    Args:
        network: whose method 'synthesize' takes w [B, L, W].
        variables: its parameters and other collections.
        given: zeros of the shape of w, [1, L, W], in its type.

    Raises:
        UserError: as `_checked`.
    """

    def shared(w):
        return jnp.broadcast_to(w[None, None], given.shape)

    return _checked(_jacobian(network, variables, 'synthesize', shared, given[0, 0]))


def _jacobian(network, variables, method, spread, at) -> np.ndarray:
    """The derivative of all first layers' outputs in `spread`'s argument, [F, len(at)].

    At 0, where the derivative of x over its length, which a small number keeps finite, is a
    multiple of the identity.
    """

    def first(variables, x):
        rngs, label = streams(jax.random.key(0)), jnp.zeros(1, jnp.int32)
        with nn.intercept_methods(_recorded):
            _, after = network.apply(
                variables,
                spread(x),
                label,
                train=False,
                method=method,
                mutable=['intermediates'],
                rngs=rngs,
            )
        return jax.tree.leaves(after.get('intermediates', {}))

    made = jax.jit(jax.jacfwd(first, argnums=1))(variables, at)
    rows = [np.asarray(x, np.float32).reshape(-1, len(at)) for x in made]
    return np.concatenate([np.zeros((0, len(at)), np.float32), *rows])


def _recorded(call, inputs, options, context):
    """Keeps what a layer makes of vectors, and lets no derivative through a layer.

    So what is kept depends on the latents by a layer's own parameters alone.
    """
    made, layer = call(*inputs, **options), context.module
    if context.method_name != '__call__' or not _has_parameters(layer):
        return made
    if getattr(made, 'ndim', 0) == 2:
        layer.sow('intermediates', NAME, made)
    return jax.tree.map(lax.stop_gradient, made)


def _has_parameters(layer: nn.Module) -> bool:
    """True if a module has parameters of its own, beside the parameters of modules in it."""
    return any(not isinstance(x, Mapping) for x in layer.variables.get('params', {}).values())


def _checked(kernel: np.ndarray) -> np.ndarray:
    """The rows that are not zero.

    Raises:
        UserError: there are none, or a number is not finite.
    """
    found = kernel[np.any(kernel != 0, axis=1)]
    if not len(found) or not np.isfinite(found).all():
        raise UserError(
            'this generator has no first layer that is linear in its latents, so that there are '
            'no directions of it: use the other controls'
        )
    return found
