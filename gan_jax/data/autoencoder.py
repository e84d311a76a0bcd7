"""The contract of an autoencoder of one's own: an `Autoencoder`, made by a function.

Its latents are called codes here, since a latent is the generator's input z. `prepare --encode`
encodes a data set with it. With `data.autoencoder = dict(fn='my_package.module.function')` the
networks see the codes, and what the generator makes is decoded before anybody else sees it.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.runtime import leaves, shapes
from gan_jax.runtime.digest import json_digest

PORTION = 20  # images that are encoded or decoded at once: maps of a decoder are large


class Autoencoder(NamedTuple):
    """A trained autoencoder. Both functions are pure and traced by JAX.

    Attributes:
        variables: its weights, a tree of arrays.
        encode: (variables, images float32 [n, H, W, C] in [0, 1]) -> codes [n, h, w, c], any
            floats, or uint8. Image i of the result depends on image i alone; of a distribution of
            codes it gives the mean.
        decode: (variables, codes float32 [n, h, w, c]) -> images [n, H, W, C], floats that are
            clipped to [0, 1] where they are shown. Generated codes are unbounded, and between the
            whole numbers of uint8.
    """

    variables: Any
    encode: Callable[[Any, jax.Array], jax.Array]
    decode: Callable[[Any, jax.Array], jax.Array]


class Decoder(NamedTuple):
    """The way from what a generator makes to images.

    Attributes:
        variables: a tree of arrays, which compiled programs take as an argument.
        decode: (variables, what the networks see [n, h, w, c]) -> images float32 [n, H, W, C],
            where [0, 1] is black to white.
    """

    variables: Any
    decode: Callable[[Any, jax.Array], jax.Array]


PLAIN = Decoder((), lambda variables, images: images)  # where images are what the networks see


def digest(autoencoder: Autoencoder) -> str:
    """SHA-256, in hex, of the weights."""
    return json_digest(leaves.digests(autoencoder.variables))


def code_of(autoencoder: Autoencoder, shape: Sequence[int]) -> jax.ShapeDtypeStruct:
    """The shape [h, w, c] and the type of the code of an image.

    Args:
        autoencoder: both functions are traced, and neither is run.
        shape: of an image, [H, W, C].

    Raises:
        TypeError: a function returns something else than its contract says.
        Exception: it fails.
    """
    images = jax.ShapeDtypeStruct((PORTION, *shape), jnp.float32)
    codes = jax.eval_shape(autoencoder.encode, autoencoder.variables, images)
    _floats('what encode returns', codes, (PORTION, 'h', 'w', 'c'), jnp.uint8)
    given = jax.ShapeDtypeStruct(codes.shape, jnp.float32)
    made = jax.eval_shape(autoencoder.decode, autoencoder.variables, given)
    _floats('what decode returns', made, (PORTION, *shape))
    return jax.ShapeDtypeStruct(codes.shape[1:], codes.dtype)


def make_encode(autoencoder: Autoencoder) -> Callable[[np.ndarray], np.ndarray]:
    """A function from images, uint8 [n, H, W, C], to their codes, float32 or uint8 [n, h, w, c]."""

    @jax.jit
    def portion(variables, images):
        codes = autoencoder.encode(variables, images.astype(jnp.float32) / 255)
        return codes if codes.dtype == jnp.uint8 else codes.astype(jnp.float32)

    def encode(images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), PORTION)
        parts = [portion(autoencoder.variables, _padded(images[i : i + PORTION])) for i in starts]
        return np.concatenate([np.asarray(part) for part in parts])[: len(images)]

    return encode


def make_decoder(autoencoder: Autoencoder, record: Mapping[str, Any]) -> Decoder:
    """The decoder of codes as the networks see them.

    Args:
        autoencoder: that made the codes.
        record: from `dataset.codes_record`.
    """
    offset, scale = (
        np.asarray(record[name], np.float32)[None, None, None] for name in ('offset', 'scale')
    )

    def portion(variables, seen):
        return autoencoder.decode(variables, offset + scale * seen).astype(jnp.float32)

    def decode(variables, seen):
        seen = seen.astype(jnp.float32)
        if len(seen) % PORTION:
            return portion(variables, seen)
        parts = seen.reshape(-1, PORTION, *seen.shape[1:])
        made = jax.lax.map(functools.partial(portion, variables), parts)
        return made.reshape(len(seen), *made.shape[2:])

    return Decoder(autoencoder.variables, decode)


def _padded(images: np.ndarray) -> np.ndarray:
    """A whole portion, so that no image is encoded by another program than its neighbours."""
    missing = PORTION - len(images)
    return np.concatenate([images, np.zeros((missing, *images.shape[1:]), images.dtype)])


def _floats(what: str, value: Any, shape: Sequence[Any], *others: Any) -> None:
    shapes.array(what, value, shape)
    if not jnp.issubdtype(value.dtype, jnp.floating) and value.dtype not in others:
        raise TypeError(f'{what} is {value.dtype}: give floats{" or uint8" if others else ""}')
