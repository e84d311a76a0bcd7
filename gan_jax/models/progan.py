"""ProGAN's networks at their last size (Karras et al. 2017, arXiv 1710.10196, table 2).

They do not grow here: all layers are there from the first step. What is left of the paper's ideas
are the equalised learning rate in every layer, pixel norm in the generator, and the minibatch
standard deviation in the discriminator. A side of the map, 4, 8, 16, ..., has min(base / side,
most) channels and two 3×3 convolutions; maps double by copies and halve by means. Leaky ReLUs have
the slope 0.2, and weights before them the gain √2.

    generator:      fn='gan_jax.models.progan.Generator', num_classes=10   (0: unconditional)
    discriminator:  fn='gan_jax.models.progan.Trunk'
    logit:          fn='gan_jax.models.stylegan2.discriminator.Logit'

With z of 512 numbers, images of 1,024 pixels and the defaults there are 23,071,507 and 23,077,137
parameters: the 23.1 million that table 2 has for either. The RGB layers of smaller images, which
only a growing network needs, are not among them. A trunk with a group looks across the
batch, so `config.joint` has to be False. Authors' training: WGAN-GP, a drift of 0.001 (which is no
term here), batch 16, and 14, 6 and 3 at 256, 512 and 1,024 pixels, Adam with β (0, 0.99) and a rate
of 0.001, to which it rises over 40,000 images after each doubling, an average of the generator of
0.999 a step.
"""

import math
from functools import partial
from typing import Annotated, Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.cgan import with_classes
from gan_jax.models.conv import convolve_halve, double_convolve
from gan_jax.models.layers import add_bias, at_least_float32, image_of
from gan_jax.models.sizes import channels_at, first_map, sides
from gan_jax.models.stylegan2.discriminator import Spread
from gan_jax.models.stylegan2.equalised import GAIN, LEAK, EqualConv, EqualDense
from gan_jax.models.stylegan2.generator import Base
from gan_jax.models.stylegan2.mapping import normalised
from gan_jax.runtime.ranges import Classes, Integer, Units

_act = partial(nn.leaky_relu, negative_slope=LEAK)


class Generator(nn.Module):
    """Latents, and classes if any, to images.

    In training images are not kept within [0, 1], as in the authors' code; in evaluation they are
    clipped to it, unless `clipped` is False. Latents, beside the class as a one-hot vector, are
    divided by their root mean square.

    Attributes:
        shape: of one image, (H, W, C); see `sizes.sides`.
        base: channels times side of a map.
        most: channels of a map at most.
        num_classes: 0 is unconditional.
        clipped: False leaves images as they are in evaluation too, for codes of an autoencoder.
        dtype: of the products of the convolutions; pixel norm's means and the image are float32 at
            least.
    """

    shape: tuple[int, int, int]
    base: Base = 16_384
    most: Units = 512
    num_classes: Classes = 0
    clipped: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] from z [B, Z] and label [B], not used without classes.

        Raises:
            ValueError: no layers for images of that size.
        """
        smallest, *others = sides(self.shape, 'ProGAN')
        channels = partial(channels_at, base=self.base, most=self.most)
        conv = partial(EqualConv, dtype=self.dtype, gain=GAIN)
        x = normalised(with_classes(z, label, self.num_classes))
        # The authors' gain, of an earlier code of theirs; the bias is one for each channel.
        height, width = first_map(self.shape, len(others))
        units = height * width * channels(smallest)
        dense = EqualDense(units, bias=None, gain=math.sqrt(2) / 4, name='dense')
        x = dense(x).reshape(-1, height, width, channels(smallest))
        zeros = nn.initializers.zeros_init()
        bias = self.param('bias', zeros, (channels(smallest),), jnp.float32)
        x = pixel_norm(_act(add_bias(x, bias)))
        x = pixel_norm(_act(conv(channels(smallest), name='conv_4')(x)))
        for side in others:
            up = conv(channels(side), double_convolve, name=f'conv_{side}_0')
            x = pixel_norm(_act(up(x)))
            x = pixel_norm(_act(conv(channels(side), name=f'conv_{side}_1')(x)))
        x = EqualDense(self.shape[2], name='image')(at_least_float32(x))
        return image_of(x, clipped=self.clipped and not train)


class Trunk(nn.Module):
    """Images to features, which with a `group` depend on the other images of a batch in training.

    Attributes:
        base, most: as in `Generator`.
        group: images of the minibatch standard deviation; 0 leaves the layer out.
        dtype: of the products of the convolutions above 4×4; the features are float32 at least.
    """

    base: Base = 16_384
    most: Units = 512
    group: Annotated[int, Integer(0, 2**16)] = 4
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, ch(4)] of images [N, H, W, C] in [0, 1].

        Raises:
            ValueError: no layers for images of that size, or the group does not divide N.
        """
        smallest, *others = sides(image.shape[1:], 'ProGAN')
        channels = partial(channels_at, base=self.base, most=self.most)
        conv, dense = partial(EqualConv, gain=GAIN), partial(EqualDense, gain=GAIN)
        x = 2 * image - 1
        x = _act(dense(channels(others[-1]), dtype=self.dtype, name='from_image')(x))
        for side in reversed(others):
            own = conv(channels(side), dtype=self.dtype, name=f'conv_{side}_0')
            down = conv(channels(side // 2), convolve_halve, self.dtype, name=f'conv_{side}_1')
            x = _act(down(_act(own(x))))
        x = at_least_float32(x)
        if self.group:
            x = Spread(self.group, name='spread')(x, train=train)
        x = _act(conv(channels(smallest), name='conv_4')(x))
        return _act(dense(channels(smallest), name='dense')(x.reshape(len(x), -1)))


def pixel_norm(x: Array) -> Array:
    """The values at each place over their root mean square (section 4.2): [N, H, W, C] -> same."""
    return normalised(at_least_float32(x)).astype(x.dtype)
