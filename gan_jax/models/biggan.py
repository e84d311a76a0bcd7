"""BigGAN (Brock et al. 2018, appendix B) and SAGAN for images of 16, 32, 64 and 128, and others.

At 128 px the published codes agree but for one shortcut; at 32 px, a size that the paper does not
have, three networks bear the name. Parameters of the published G / D with ten classes and
`ProjectionLogit`; ours are the same, but that G lacks the biases before norms, see
docs/differences.md, Biases (the first has 9,415,044):

    compare_gan's, the default, which the papers on consistency and augmentation train:
        G(num_classes=10), Trunk()                                            9,416,196 / 2,378,114
    StudioGAN's, whose discriminator halves two maps, not three, and has all shortcuts:
        G(num_classes=10), Trunk(compare_gan=False)                           9,416,196 / 2,415,170
    BigGAN-PyTorch's, which DiffAugment and LeCam train; no attention, one latent vector:
        G(num_classes=10, channels=64, shared=0, hierarchical=False, attention=False,
          initializer='normal'),
        Trunk(channels=128, compare_gan=False, attention=False, initializer='normal')
                                                                              4,304,387 / 4,207,361

compare_gan's own G has attention only with a fourth block, so not at 32 px: there it is
`attention=False`, 9,231,875 parameters. Latents: Z = 80 for the first two (four parts of 20), 128
for the third, 120 at 128 px. The layers for 16 px are ours, for 64 px StudioGAN's, there with
Z = 100:

        G(num_classes=10), Trunk()                                          24,566,724 / 43,991,330

SAGAN (Zhang et al. 2018, arXiv 1805.08318) is the older network, with one latent vector and a table
of classes in each norm:

    SAGAN's at 64 and 128 px, with ten classes, Z = 128:
        G(num_classes=10, channels=64, shared=0, hierarchical=False, initializer='glorot'),
        Trunk(channels=64, compare_gan=False, initializer='glorot')
                                                                            12,292,996 / 19,558,082
                                                                            32,259,972 / 38,434,498

Its self-attention stands on the map of half the image's side, as BigGAN-PyTorch and StudioGAN have
it; SAGAN's authors have it there or at 32 px. The logit's block is
fn='gan_jax.models.critic.ProjectionLogit', num_classes=10, initializer='orthogonal' ('normal' for
BigGAN-PyTorch's, 'glorot' for SAGAN's).
"""

from functools import partial
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.blocks import DownBlock, UpBlock
from gan_jax.models.conv import Conv
from gan_jax.models.layers import (
    ConditionalNorm,
    Dense,
    Initializer,
    SelfAttention,
    at_least_float32,
    initializer,
    maybe_remat,
)
from gan_jax.models.sizes import first_map, side_of
from gan_jax.models.spectral import spectral
from gan_jax.runtime.ranges import Classes, Integer, Units

# By side: multiples of `channels` before and after each block of the generator, multiples after
# each block of the discriminator, and the number of its blocks that halve the map.
UP = {16: (4, 4, 4), 32: (4, 4, 4, 4), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1)}
DOWN = {16: (2, 2, 2), 32: (2, 2, 2, 2), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16)}
HALVINGS = {16: 2, 32: 2, 64: 4, 128: 5}
MULTIPLES = {side: 1 << len(up) - 1 for side, up in UP.items()}  # that height and width are


class Generator(nn.Module):
    """Latents and classes to images, with spectral normalisation everywhere but in the classes.

    The gains and biases of a block's norms are linear in the vector [class, the block's part of z].
    Either half may be absent; without both the norms are plain BatchNorm.

    Attributes:
        shape: of one image, (H, W, C).
        channels: the unit of all numbers of channels.
        num_classes: 0 is unconditional.
        hierarchical: whether z is cut into a part for the first layer and one for each block
            (three parts at 16 px, four at 32, five at 64, six at 128).
        shared: length of the embedding of classes that all norms share; 0 gives each norm a table
            of its own, without spectral normalisation if z is not cut either.
        attention: self-attention on the map of half the image's side.
        initializer: 'orthogonal', 'normal' or 'glorot', see `layers.initializer`.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the layers; BatchNorm's statistics and the image are float32 at least.
    """

    shape: tuple[int, int, int]
    channels: Units = 96
    num_classes: Classes = 0
    hierarchical: bool = True
    shared: Annotated[int, Integer(0, 2**16)] = 128
    attention: bool = True
    initializer: Initializer = 'orthogonal'
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] in [0, 1] from z [B, Z] and label [B], not used without classes.

        With `train` BatchNorm takes the statistics of the batch and updates the running ones in
        the collection 'batch_stats' (keeping nine tenths a step), and so does spectral
        normalisation with its vectors; without it they stay.

        Raises:
            ValueError: no layers for images of that size, no such initialiser, or Z cannot be cut
                into equal parts.
        """
        side = side_of(self.shape, MULTIPLES, 'BigGAN')
        options = dict(dtype=self.dtype, kernel_init=initializer(self.initializer))
        first, *others = (self.channels * m for m in UP[side])
        z, conditions = self._conditions(z, label, len(others), options)
        norm = partial(ConditionalNorm, normalised=self.hierarchical or self.shared > 0, **options)
        block = partial(
            UpBlock,
            norm=norm,
            normalised=True,
            shortcut_init=options['kernel_init'],
            **options,
        )
        call = partial(maybe_remat, train=train, remat=self.remat)
        height, width = first_map(self.shape, len(others))
        dense = Dense(height * width * first, name='dense', **options)
        x = spectral(dense, z, train=train).reshape(-1, height, width, first)
        for i, (features, condition) in enumerate(zip(others, conditions, strict=True)):
            x = call(block(features, name=f'block_{i}'), x, condition)
            if self.attention and 2 * x.shape[1] == self.shape[0]:
                x = call(SelfAttention(name='attention', **options), x)
        x = nn.relu(norm(name='norm')(x, None, train=train))
        x = spectral(Conv(self.shape[2], (3, 3), name='image', **options), x, train=train)
        return (jnp.tanh(at_least_float32(x)) + 1) / 2

    def _conditions(self, z, label, blocks, options) -> tuple[Array, list[Array | None]]:
        """z for the first layer, and for each block the vector of its norms, [B, K] or None."""
        parts = [[] for _ in range(blocks)]
        if self.num_classes:
            y = jax.nn.one_hot(label, self.num_classes, dtype=z.dtype)
            if self.shared:
                y = nn.Dense(self.shared, use_bias=False, name='classes', **options)(y)
            parts = [[y] for _ in parts]
        if self.hierarchical:
            if z.shape[1] % (blocks + 1):
                raise ValueError(
                    f'this BigGAN cuts latents into {blocks + 1} equal parts, which '
                    f'{z.shape[1]} numbers do not give: change latent.dim or set '
                    'hierarchical=False'
                )
            z, *cuts = jnp.split(z, blocks + 1, axis=1)
            # Latents are float32, also where labels are embedded in bfloat16.
            parts = [
                [*map(at_least_float32, part), cut] for part, cut in zip(parts, cuts, strict=True)
            ]
        return z, [jnp.concatenate(part, axis=1) if part else None for part in parts]


class Trunk(nn.Module):
    """Images to features: three to six residual blocks with spectral normalisation.

    Attributes:
        channels: the unit of all numbers of channels.
        attention: self-attention on the map of half the image's side.
        compare_gan: the discriminator of compare_gan, in which a block that does not change the
            channels has no shortcut and, at 32 px, three blocks halve the map. False is the
            discriminator of BigGAN's authors and of StudioGAN.
        initializer: 'orthogonal', 'normal' or 'glorot', see `layers.initializer`.
        normalised: False leaves out the spectral normalisation.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the convolutions; spectral norms and features are float32 at least.
    """

    channels: Units = 96
    attention: bool = True
    compare_gan: bool = True
    initializer: Initializer = 'orthogonal'
    normalised: bool = True
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]: the last map, summed over places.

        With `train` one step of the power iteration is kept in the collection 'batch_stats'.

        Raises:
            ValueError: no layers for images of that size, or no such initialiser.
        """
        side = side_of(image.shape[1:], MULTIPLES, 'BigGAN')
        options = dict(
            dtype=self.dtype,
            kernel_init=initializer(self.initializer),
            normalised=self.normalised,
        )
        multiples = DOWN[side]
        halvings = len(multiples) - 1 if self.compare_gan else HALVINGS[side]
        call = partial(maybe_remat, train=train, remat=self.remat)
        x = 2 * image - 1
        for i, multiple in enumerate(multiples):
            block = DownBlock(
                features=self.channels * multiple,
                hidden=self.channels * multiple,
                down=i < halvings,
                first=i == 0,
                identity_shortcut=not self.compare_gan,
                shortcut_init=options['kernel_init'],
                name=f'block_{i}',
                **options,
            )
            x = call(block, x)
            if self.attention and i == 0:
                x = call(SelfAttention(name='attention', **options), x)
        return at_least_float32(nn.relu(x)).sum((1, 2))  # [N, F]
