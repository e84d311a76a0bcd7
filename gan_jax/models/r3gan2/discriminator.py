"""R3GAN2's discriminator: a trunk, and a logit."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.fir import halve
from gan_jax.models.layers import at_least_float32
from gan_jax.models.r3gan2 import stage
from gan_jax.models.r3gan2.magnitude import FromMap, MPDense, MPEmbed, activate
from gan_jax.runtime.ranges import Classes, Units


class Trunk(nn.Module):
    """Images to features: the generator's mirror without noise.

    Attributes:
        widths: channels of the maps of 8, 16, ... pixels up to the image's.
        group_size, blocks, attention, head_size: as in `generator.Generator`.
        dtype: of the maps from 8 pixels on; what comes after is float32 at least.
    """

    widths: Sequence[Units]
    group_size: Units = 32
    blocks: stage.Blocks = 4
    attention: Sequence[Units] = ()
    head_size: stage.HeadSize = 64
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]; F is twice the first of the widths.

        Raises:
            ValueError: the widths are of images of another size, or do not divide into groups,
                heads or each other.
        """
        sides, widths = stage.sides_for(self, image.shape[1:]), self.widths
        x = MPDense(widths[-1], centred=False, dtype=self.dtype, name='image')(2 * image - 1)
        for i, side in reversed([*enumerate(sides)]):
            x, gain = stage.stage_of(self, i, side, noise=False)(x)
            x = x if i == 0 else stage.down(x, gain, widths[i - 1])
        x = halve(at_least_float32(x))
        x = activate(MPDense(2 * widths[0], bias=True, name='widen')(x, gain))
        return activate(FromMap(self.group_size, name='basis')(x))


class Logit(nn.Module):
    """The logit: a dense layer of features; with classes e(y) · W φ / √E, e(y) of E numbers.

    E is half the number of features, and so the first width.

    Attributes:
        num_classes: 0 is unconditional; a label outside 0 ... num_classes - 1 has the logit 0.
    """

    num_classes: Classes = 0

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F] and label [N], not used without classes."""
        if not self.num_classes:
            return {'logit': MPDense(1, name='dense')(features)[:, 0]}
        length = max(1, features.shape[-1] // 2)
        embedded = MPEmbed(self.num_classes, length, name='classes')(label)
        product = MPDense(length, name='dense')(features) * embedded.astype(features.dtype)
        return {'logit': jnp.sum(product, axis=1) / math.sqrt(length)}
