"""`gan_jax.augment`: images through an augmentation policy."""

import functools
from collections.abc import Callable, Collection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import policy as policies
from gan_jax.runtime.errors import UserError


def augment(
    images: Any,
    policy: str,
    key: Any,
    *,
    strength: float | None = None,
    probability: float = 1.0,
    allow: str | Collection[str] = (),
) -> jax.Array:
    """Augmented images [N, H, W, C], each by draws of its own; of the type of the images.

    Args:
        images: [N, H, W, C], uint8, or floats in [0, 1]; C is 1 or 3. They may be traced.
        policy: such as 'flip|translation(0.125)', see `augment.policy`.
        key: a seed, or a key of `jax.random`, which is consumed.
        strength: of operations that the policy gives none.
        probability: of every `p(...)` without a number.
        allow: packages whose operations the policy may name by their paths.

    Raises:
        UserError: the images are none, the policy has a fault, or it takes a strength and none is
            given.
    """
    images = jnp.asarray(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UserError(
            f'the images are {images.dtype} {list(images.shape)}: give [N, H, W, C], C of 1 or 3'
        )
    packages = (allow,) if isinstance(allow, str) else tuple(allow)
    try:
        if strength is None and policies.needs_strength(policy, allow=packages):
            raise ValueError(
                f"policy '{policy}' takes a strength: write it in, as in 'translation(0.125)', or "
                'give strength=NUMBER'
            )
        amount = 0.0 if strength is None else strength
        policies.check(policy, amount, probability, allow=packages)
        applied = _compiled(policy, packages)
    except ValueError as error:
        raise UserError(str(error)) from error
    key = jax.random.key(key) if isinstance(key, int | np.integer) else key
    is_bytes = images.dtype == jnp.uint8
    pixels = images.astype(jnp.float32) / 255 if is_bytes else images
    made = applied(key, pixels, jnp.float32(amount), jnp.float32(probability))
    if not is_bytes:
        return made
    return jnp.round(jnp.clip(made, 0, 1) * 255).astype(jnp.uint8)


@functools.lru_cache(maxsize=64)
def _compiled(policy: str, allow: tuple[str, ...]) -> Callable[..., jax.Array]:
    return jax.jit(policies.parse(policy, allow=allow))
