"""A number that falls in steps."""

import jax.numpy as jnp

from gan_jax.schedules import Curve, Length


def stairs(start: float, *, height: float, over: Length = 1.0) -> Curve:
    """`start` less `height` for every `over` that has passed."""
    return lambda count: start - height * jnp.floor(count / over)
