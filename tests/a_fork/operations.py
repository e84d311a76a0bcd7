"""An augmentation operation: negatives."""

from gan_jax.augment import draws
from gan_jax.augment.operation import CLOSED, op


@op(CLOSED)
def negative(key, images, strength):
    """Each image x as x + a (1 - 2 x), where a ~ U(0, strength)."""
    share = strength * draws.uniform(key, images, 1)[0][:, None, None, None]
    return images + share * (1 - 2 * images)
