"""WGAN-GP's residual discriminator (Gulrajani et al. 2017, arXiv 1704.00028, appendices C and F).

The layers are as in the authors' code for CIFAR-10, here for 16 pixels too, and for 64 pixels.
Nothing mixes the images of a batch, so that the penalty on the gradient of each image means what it
says. The generators are of the same blocks as SN-ResNet's:

    16 px:  fn='gan_jax.models.resnet.Generator', up=(128, 128, 128)
    32 px:  fn='gan_jax.models.resnet.Generator', up=(128, 128, 128, 128)
    64 px:  fn='gan_jax.models.resnet.Generator', up=(512, 512, 256, 128, 64)
    logit:  fn='gan_jax.models.critic.Logit', initializer='glorot', normalised=False
"""

from functools import partial
from typing import Any

from flax import linen as nn
from jax import Array

from gan_jax.models.blocks import DownBlock
from gan_jax.models.conv import Conv
from gan_jax.models.layers import at_least_float32, channels, initializer
from gan_jax.models.sizes import side_of
from gan_jax.runtime.ranges import Width

# Channels after the first layer and after each further block, by the image's side.
LAYERS = {16: (128,) * 4, 32: (128,) * 4, 64: (64, 128, 256, 512, 512)}
MULTIPLES = {16: 4, 32: 4, 64: 16}  # that height and width are
LARGE = 64  # pixels from which all blocks halve the map, after a plain convolution
_glorot = initializer('glorot')
_glorot_relu = nn.initializers.variance_scaling(2.0, 'fan_avg', 'uniform')


class Trunk(nn.Module):
    """Images to features: four residual blocks without spectral normalisation.

    For 16 and 32 pixels two of them halve the map, and features are means over its places; for 64
    pixels all do, and features are the last map, flat. Every convolution has a bias; at 64 pixels
    the authors' blocks have none in the first one.

    Attributes:
        width: factor on every number of channels.
        layer_norm: layer normalisation before each ReLU of the blocks but the first one of 16 and
            32 pixels, over channels and places of an image, with a gain and a bias for each
            channel. The authors have it for 64 pixels, and not for CIFAR-10.
        dtype: of the convolutions; means, variances and features are float32 at least.
    """

    width: Width = 1.0
    layer_norm: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]; `train` is not used.

        Raises:
            ValueError: no layers for images of that size.
        """
        side = side_of(image.shape[1:], MULTIPLES, 'WGAN-GP')
        first, *others = channels(self.width, *LAYERS[side])
        inits = dict(kernel_init=_glorot_relu, shortcut_init=_glorot)
        block = partial(DownBlock, normalised=False, dtype=self.dtype, **inits)
        x = 2 * image - 1
        if side < LARGE:
            x = block(first, hidden=first, first=True, name='block_0')(x, train=train)
        else:
            x = Conv(first, (3, 3), dtype=self.dtype, kernel_init=_glorot, name='image')(x)
        for i, features in enumerate(others, 1):
            halves = side >= LARGE or i == 1
            own = block(features, x.shape[-1], down=halves, norm=self._norm(), name=f'block_{i}')
            x = own(x, train=train)
        x = at_least_float32(x)
        return nn.relu(x).mean((1, 2)) if side < LARGE else x.reshape(len(x), -1)

    def _norm(self) -> partial[nn.LayerNorm] | None:
        if not self.layer_norm:
            return None
        axes = dict(reduction_axes=(1, 2, 3), feature_axes=-1)
        # A variance as the mean of squares less the square of the mean loses digits.
        return partial(
            nn.LayerNorm, epsilon=1e-5, dtype=self.dtype, use_fast_variance=False, **axes
        )
