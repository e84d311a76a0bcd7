"""Random keys by name: a draw depends on its purpose, never on the number of earlier draws."""

import zlib

import jax

STREAMS = ('noise', 'dropout')  # for `make_rng` in a network: noise per pixel, stochastic depth


def named(key: jax.Array, *purpose: int | str | jax.Array) -> jax.Array:
    """The key for one purpose, such as `named(root, 'step', step, 'd', 0)`.

    Args:
        key: typed key, []; not consumed, since equal purposes should give equal keys.
        *purpose: integers (also traced ones) are folded in as they are, strings by their CRC-32.

    Returns:
        A typed key, [].
    """
    for part in purpose:
        key = jax.random.fold_in(key, zlib.crc32(part.encode()) if isinstance(part, str) else part)
    return key


def streams(key: jax.Array) -> dict[str, jax.Array]:
    """The random streams of one call of a network, as `rngs` of `flax.linen.Module.apply`."""
    return {name: named(key, name) for name in STREAMS}
