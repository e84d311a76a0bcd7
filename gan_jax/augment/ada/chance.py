"""The chance of each transformation of the pipe to act on an image."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def chosen(
    gates: jax.Array,
    chances: Sequence[jax.Array],
    drawn: Sequence[jax.Array],
    neutral: Sequence[float],
) -> list[jax.Array]:
    """Each parameter of each image as drawn where its gate lies below its chance, else neutral.

    Args:
        gates: [fields, B], independent draws from U(0, 1), one for each parameter and image.
        chances: for each parameter a number in [0, 1], [].
        drawn: for each parameter its values, [B] or [B, 2].
        neutral: for each parameter the value that changes no image.

    Returns:
        As `drawn`.
    """

    def choose(gate, chance, new, old):
        return jnp.where(gate.reshape(-1, *[1] * (new.ndim - 1)) < chance, new, old)

    return [choose(*of_one) for of_one in zip(gates, chances, drawn, neutral, strict=True)]


def touched(parameters: Sequence[jax.Array], neutral: Sequence[float]) -> jax.Array:
    """The images with some parameter that is not neutral: bool [B]."""
    different = [
        jnp.any((found != value).reshape(len(found), -1), axis=1)
        for found, value in zip(parameters, neutral, strict=True)
    ]
    return jnp.any(jnp.stack(different), axis=0)
