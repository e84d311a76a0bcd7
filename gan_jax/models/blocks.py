"""Residual blocks of the SN-ResNet and of BigGAN.

Every map is convolved at its smallest size: the same numbers as in the papers' order for less work.
A 1×1 convolution commutes with upsampling by copies and with averaging over squares, so that a
shortcut costs a quarter on a CPU; elsewhere it is a 2×2 convolution that reads or makes the small
map. A 3×3 convolution after the upsampling, or before the averaging, is a 4×4 convolution of the
small map, which costs four ninths.
"""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from jax import Array

from gan_jax.models.conv import Conv, DownConv, DownDense, UpConv, UpDense
from gan_jax.models.layers import Dense
from gan_jax.models.spectral import maybe_spectral


class UpBlock(nn.Module):
    """A generator's block, whose map is twice as large (Miyato et al. 2018, appendix B.4).

    norm, ReLU, twice the size (nearest), conv 3×3, norm, ReLU, conv 3×3; the shortcut is a 1×1
    convolution at twice the size. The first convolution has no bias, since the norm after it would
    subtract it; the paper's has one.

    Attributes:
        features: channels of the result and between the convolutions.
        norm: name -> a module (x, condition, *, train) -> x that subtracts each channel's mean,
            such as `ConditionalNorm`.
        kernel_init: of the 3×3 convolutions.
        shortcut_init: of the 1×1 convolution.
        normalised: whether the convolutions have spectral normalisation.
        dtype: of the convolutions.
    """

    features: int
    norm: Callable[..., nn.Module]
    kernel_init: nn.initializers.Initializer
    shortcut_init: nn.initializers.Initializer
    normalised: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, condition: Array | None, *, train: bool) -> Array:
        """[N, 2H, 2W, features] from x [N, H, W, C] and the norms' condition, [N, K] or None."""
        call = maybe_spectral(self.normalised, train=train)
        options = dict(dtype=self.dtype, kernel_init=self.kernel_init, kernel_size=(3, 3))
        y = nn.relu(self.norm(name='norm_0')(x, condition, train=train))
        y = call(UpConv(self.features, use_bias=False, name='conv_0', **options), y)
        y = nn.relu(self.norm(name='norm_1')(y, condition, train=train))
        y = call(Conv(self.features, name='conv_1', **options), y)
        shortcut = UpDense(
            self.features, dtype=self.dtype, kernel_init=self.shortcut_init, name='shortcut'
        )
        return y + call(shortcut, x)


class DownBlock(nn.Module):
    """A discriminator's block, all with spectral normalisation (Miyato et al. 2018, appendix B.4).

    ReLU, conv 3×3, ReLU, conv 3×3, half the size (means). The shortcut is x itself if neither size
    nor channels change, else a 1×1 convolution at the size of the result.

    Attributes:
        features: channels of the result.
        hidden: channels between the convolutions.
        down: whether the map is half as large.
        first: whether x is the image, which has no ReLU before its first convolution.
        identity_shortcut: False leaves out the shortcut if the channels do not change.
        kernel_init: of the 3×3 convolutions.
        shortcut_init: of the 1×1 convolution.
        normalised: False leaves out the spectral normalisation.
        norm: name -> a module x -> x before each ReLU, such as Flax's LayerNorm; None leaves it
            out.
        dtype: of the convolutions.
    """

    features: int
    hidden: int
    kernel_init: nn.initializers.Initializer
    shortcut_init: nn.initializers.Initializer
    down: bool = True
    first: bool = False
    identity_shortcut: bool = True
    normalised: bool = True
    norm: Callable[..., nn.Module] | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[N, H', W', features] from x [N, H, W, C]; sides are halved where `down`."""
        call = maybe_spectral(self.normalised, train=train)
        options = dict(dtype=self.dtype, kernel_init=self.kernel_init, kernel_size=(3, 3))
        last, dense = (DownConv, DownDense) if self.down else (Conv, Dense)

        y = x if self.first else self._activated(x, 'norm_0')
        y = call(Conv(self.hidden, name='conv_0', **options), y)
        y = call(last(self.features, name='conv_1', **options), self._activated(y, 'norm_1'))
        widens = x.shape[-1] != self.features
        if not (widens or self.identity_shortcut):
            return y
        if not (widens or self.down):
            return y + x
        shortcut = dense(
            self.features, dtype=self.dtype, kernel_init=self.shortcut_init, name='shortcut'
        )
        return y + call(shortcut, x)

    def _activated(self, x: Array, name: str) -> Array:
        return nn.relu(x if self.norm is None else self.norm(name=name)(x))
