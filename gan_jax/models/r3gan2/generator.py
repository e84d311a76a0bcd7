"""R3GAN2's generator."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.fir import double
from gan_jax.models.layers import at_least_float32, image_of
from gan_jax.models.r3gan2 import stage
from gan_jax.models.r3gan2.magnitude import MPDense, MPEmbed, ToMap, activate
from gan_jax.models.sizes import first_map
from gan_jax.runtime.ranges import Classes, Units


class Generator(nn.Module):
    """Latents and classes to images, with noise from the random stream 'noise'.

    Latents, the vector of the class, as long as they, and 1 go through a dense layer to twice the
    first width, a map of 4×4 and a 1×1 convolution, which is doubled: blocks begin at 8×8.

    Attributes:
        shape: of one image, (H, W, C).
        widths: channels of the maps of 8, 16, ... and H pixels, see `sizes`.
        group_size: channels of a group of the 3×3 convolutions, and of the 4×4 map.
        num_classes: 0 is unconditional.
        blocks: at each size.
        attention: sides of the maps with an attention before each block; the authors' networks have
            none.
        head_size: numbers of a head of these.
        clipped: False leaves images as they are in evaluation too, for codes of an autoencoder.
        dtype: of the maps from 8 pixels on; what comes before, and the image, is float32 at least.
    """

    shape: tuple[int, int, int]
    widths: Sequence[Units]
    group_size: Units = 32
    num_classes: Classes = 0
    blocks: stage.Blocks = 4
    attention: Sequence[Units] = ()
    head_size: stage.HeadSize = 64
    clipped: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] from z [B, Z] and label [B], not used without classes.

        With `train` they are unbounded, as the discriminator meets them; most values lie in [0, 1].
        Without it they are clipped to [0, 1], unless `clipped` is False.

        Raises:
            ValueError: the widths are of images of another size, or do not divide into groups,
                heads or each other.
        """
        sides = stage.sides_for(self, self.shape)
        if self.num_classes:
            embedded = MPEmbed(self.num_classes, z.shape[1], name='classes')(label)
            z = jnp.concatenate([z, embedded.astype(z.dtype)], axis=1)
        first = self.widths[0]
        x = activate(MPDense(2 * first, bias=True, name='dense')(z))
        x = activate(ToMap(self.group_size, first_map(self.shape, len(sides)), name='basis')(x))
        x = double(MPDense(first, name='narrow')(x))
        for i, side in enumerate(sides):
            x, gain = stage.stage_of(self, i, side, noise=True)(x)
            x = x if side == sides[-1] else stage.up(x, gain, self.widths[i + 1])
        scale = self.param('scale', nn.initializers.ones_init(), (), jnp.float32)
        image = MPDense(self.shape[2], centred=False, name='image')
        x = image(at_least_float32(x), scale * gain)
        return image_of(x, clipped=self.clipped and not train)
