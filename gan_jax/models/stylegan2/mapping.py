"""The mapping network: from latents and classes to w."""

from typing import Annotated

import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.conditions import LabelTable, condition
from gan_jax.models.stylegan2.equalised import EqualDense, activate
from gan_jax.runtime.ranges import Integer, Number

Layers = Annotated[int, Integer(1, 64)]
Rate = Annotated[float, Number(1e-4, 1)]


class Mapping(nn.Module):
    """Dense layers with leaky ReLUs over normalised inputs (section 2 of arXiv 1812.04948).

    Latents, and the class through a dense layer of its own, are each divided by their root mean
    square. That layer has the full learning rate.

    Attributes:
        units: of w and of every layer.
        layers: their number.
        num_classes: 0 is unconditional.
        rate: multiplier of the layers' learning rate.
        label_size, label_table: of label vectors in the place of classes, see `models.conditions`.
    """

    units: int
    layers: int
    num_classes: int = 0
    rate: float = 0.01
    label_size: int = 0
    label_table: LabelTable | None = None

    @nn.compact
    def __call__(self, z: Array | None, label: Array) -> Array:
        """w [N, units] from z [N, Z], or None, and label [N], which is not read without classes."""
        inputs = [] if z is None else [normalised(z)]
        dtype = jnp.result_type(float) if z is None else z.dtype
        given = condition(self, label, dtype)
        if given is not None:
            inputs.append(normalised(EqualDense(self.units, name='classes')(given)))
        x = jnp.concatenate(inputs, axis=1)
        for i in range(self.layers):
            x = activate(EqualDense(self.units, rate=self.rate, name=f'dense_{i}')(x))
        return x


def normalised(x: Array) -> Array:
    """Vectors along the last axis over their root mean squares."""
    return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-8)


def average_after(average: Array, w: Array, decay: float) -> Array:
    """The average w [W] after a batch w [N, W]; it has no gradient."""
    mean = lax.stop_gradient(w.mean(0)).astype(jnp.float32)
    return decay * average + (1 - decay) * mean


def truncated(w: Array, average: Array, psi: float, layers: int) -> Array:
    """w [N, L, W] moved towards the average w [W] in the first layers: average + psi (w - average).

    Args:
        w: of each image and layer.
        average: float32.
        psi: from 0 to 1.
        layers: the first ones, so many; the others keep their w.
    """
    if psi == 1:
        return w
    centre = average.astype(w.dtype)[None, None]
    near = (jnp.arange(w.shape[1]) < layers)[None, :, None]
    return jnp.where(near, centre + psi * (w - centre), w)
