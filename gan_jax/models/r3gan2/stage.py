"""The blocks of one size, and the ways between sizes.

A residual sum grows: α is a block's factor of what it adds, a number for each channel, and v is the
variance of a channel, 1 at first and v + α² after the block. What reads the map has its weights
times v^(-1/2). The way to another size multiplies the map itself by v^(-1/2), and v is 1 again.
"""

import itertools
from collections.abc import Sequence
from typing import Annotated, Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.fir import double, halve, smooth
from gan_jax.models.layers import at_least_float32, cast, times
from gan_jax.models.r3gan2.attention import Attention
from gan_jax.models.r3gan2.magnitude import MPConv, MPDense, activate
from gan_jax.models.sizes import sides_of
from gan_jax.runtime.ranges import Integer

SMALLEST = 8  # pixels of the smallest map with blocks
WIDER = 2  # channels inside a block over those of the map

Blocks = Annotated[int, Integer(1, 2**10)]
HeadSize = Annotated[int, Integer(4, 2**16)]


class FeedForward(nn.Module):
    """x + α f(x), and the variance of the sum; f is a grouped bottleneck that is wide inside.

    1×1 to twice the channels, with a bias and in G noise; leaky ReLU; 3×3 in groups; leaky ReLU;
    1×1 back. α = tanh(a) is a factor for each channel, 0 at first.

    Attributes:
        group_size: channels of a group of the 3×3 convolution.
        noise: whether there is noise.
        dtype: of the maps.
    """

    group_size: int
    noise: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, variance: Array) -> tuple[Array, Array]:
        """The map [N, H, W, C] and its variance [C], from x [N, H, W, C] and its variance [C]."""
        channels = x.shape[-1]
        zeros = nn.initializers.zeros_init()
        alpha = jnp.tanh(self.param('alpha', zeros, (channels,), jnp.float32))
        widen = MPDense(WIDER * channels, True, True, self.noise, self.dtype, name='widen')
        y = activate(widen(x, lax.rsqrt(variance)))
        y = activate(MPConv(self.group_size, name='conv')(y))
        narrow = MPDense(channels, dtype=self.dtype, name='narrow')
        return x + narrow(y, out_gain=alpha), variance + alpha**2


class Stage(nn.Module):
    """The blocks of one size.

    Attributes:
        blocks: of kind `FeedForward`, so many.
        group_size: channels of a group of their 3×3 convolutions.
        head_size: numbers of a head of an `Attention` before each of them; 0 is without.
        noise: whether they have noise.
        dtype: of the maps; None is the type of x.
    """

    blocks: int
    group_size: int
    head_size: int = 0
    noise: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """The map [N, H, W, C] and v^(-1/2) [C], from x [N, H, W, C] of variance 1."""
        x = cast(x, self.dtype)
        variance = jnp.ones(x.shape[-1], at_least_float32(x).dtype)
        for i in range(self.blocks):
            if self.head_size:
                attend = Attention(self.head_size, self.dtype, name=f'attention_{i}')
                x, variance = attend(x, variance)
            block = FeedForward(self.group_size, self.noise, self.dtype, name=f'block_{i}')
            x, variance = block(x, variance)
        return x, lax.rsqrt(variance)


def up(x: Array, gain: Array, channels: int) -> Array:
    """x [N, H, W, C] times a gain [C], doubled, with so many channels: [N, 2H, 2W, channels].

    With C channels it is `fir.double`. Otherwise every channel is repeated, each four channels
    become the four places of one of a map twice as large, and that is smoothed.
    """
    x = times(x, gain)
    n, height, width, c = x.shape
    if c == channels:
        return double(x)
    fours = jnp.repeat(x, 4 * channels // c, axis=3).reshape(n, height, width, channels, 2, 2)
    return smooth(fours.transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * height, 2 * width, channels))


def down(x: Array, gain: Array, channels: int) -> Array:
    """x [N, H, W, C] times a gain [C], halved, with so many channels: [N, H/2, W/2, channels].

    With C channels it is `fir.halve`. Otherwise the map is smoothed, the four places of a channel
    become four channels, and each of the result is the mean of neighbours among these.
    """
    x = times(x, gain)
    n, height, width, c = x.shape
    if c == channels:
        return halve(x)
    fours = smooth(x).reshape(n, height // 2, 2, width // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
    return fours.reshape(n, height // 2, width // 2, channels, -1).mean(4)


def stage_of(network: Any, i: int, side: int, *, noise: bool) -> Stage:
    """The blocks of a network with the attributes of `generator.Generator`, at its i-th side."""
    head_size = network.head_size if side in network.attention else 0
    options = (network.blocks, network.group_size, head_size, noise, network.dtype)
    return Stage(*options, name=f'stage_{i}')


def sides_for(network: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """The sides of the maps with blocks, see `sizes`, for images [H, W, C].

    Args:
        network: with the attributes of `generator.Generator`.
        shape: of an image.

    Raises:
        ValueError: its widths are not of such images, or do not divide into groups, heads or each
            other.
    """
    widths, group_size = network.widths, network.group_size
    attention, head_size = network.attention, network.head_size
    sides = sides_of(shape, widths, 'R3GAN2', SMALLEST, bare=1)
    for side, channels in zip(sides, widths, strict=True):
        if WIDER * channels % group_size:
            raise ValueError(
                f'{WIDER * channels} channels, twice a width of {channels}, do not divide into '
                f'groups of {group_size}: change widths or group_size'
            )
        if side in attention and (channels % head_size or head_size % 4):
            raise ValueError(
                f'{channels} channels of the maps of {side} pixels do not divide into heads of '
                f'{head_size}, a multiple of 4: change widths, head_size or attention'
            )
    for small, large in itertools.pairwise(widths):
        if 4 * large % small:
            raise ValueError(
                f'a map of {small} channels cannot become one of {large} twice as large: let each '
                'width divide four times the next one'
            )
    if others := {*attention} - {*sides}:
        raise ValueError(
            f'attention is for maps of {min(others)} pixels, and there are maps of '
            f'{", ".join(map(str, sides))}'
        )
    return sides
