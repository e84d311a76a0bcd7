"""A discriminator in the maps of a trained network that stays as it is.

"Projected GANs Converge Faster" (Sauer et al. 2021, arXiv 2111.01007):

    extractor       image -> L maps, each half as wide as the one before; trained elsewhere
    channels        a fixed random 1×1 convolution of each map, to C, 2 C, 4 C, ... channels
    scales          from the smallest map on: the sum of a map and what comes from the one below
                    goes through a fixed random 1×1 convolution and is doubled, bilinearly
    discriminators  one for each of these L maps, of 4×4 convolutions of stride 2; only they learn
    logits          of the windows of their last maps; the hinge loss at every one of all L

    discriminator:  fn='gan_jax.models.projected.Trunk',
                    extractor=dict(fn='gan_jax.extractors.digits.digits_net')
    logit:          fn='gan_jax.models.projected.Logit', scales=L, with the trunk's `side`
    term:           fn='gan_jax.terms.patches.hinge'

BatchNorm in the discriminators looks across the batch: `config.joint` has to be False. The
extractor's weights and the random convolutions lie in the collection 'frozen', which checkpoints
hold and no optimiser sees.

As in the authors' code: random convolutions are uniform within ± 1 / √inputs, biases too; the
convolution comes before the doubling here, which gives the same map for a quarter of the products.
Otherwise than there: images keep their size and are given to the extractor as they are, an
extractor decides what it takes (theirs is EfficientNet-Lite0 at 224 pixels, which does not come
with this package, see docs/own_parts.md); the number of convolutions follows from the maps' own
sides (theirs from a nominal 256 pixels); classes are not looked at; augmentation is
`config.augment`'s (theirs is DiffAugment of colour, translation and cutout); first weights of the
convolutions are N(0, 0.02²), in place of PyTorch's.
"""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

from gan_jax.extractors import FROZEN, FeatureNetwork
from gan_jax.models.conv import Conv
from gan_jax.models.layers import (
    Initializer,
    add_bias,
    along_both,
    at_least_float32,
    cast,
    initializer,
)
from gan_jax.models.patches import PatchLogit, Side
from gan_jax.models.spectral import maybe_spectral
from gan_jax.runtime.ranges import Block, Integer, Units

Extractor = Annotated[FeatureNetwork, Block()]
_init = initializer('normal')


class Trunk(nn.Module):
    """Images to features: the last map of every scale's discriminator, flat, the largest first.

    Attributes:
        extractor: the trained network; in a config a block, `extractor=dict(fn=...)`.
        mixed: C, channels of the first mixed map; the authors have 64.
        width: channels of the last maps; a map twice as wide has half as many, and none has fewer
            than an eighth.
        side: of the last maps; the authors have 8, at a nominal image of 256.
        normalised: False leaves out BatchNorm and the spectral normalisation of the convolutions,
            as penalties of the gradient of one image and clipped weights ask.
        dtype: of mixed maps and discriminators; the extractor, BatchNorm's statistics, spectral
            norms and features are float32 at least.
    """

    extractor: Extractor
    mixed: Units = 64
    width: Units = 512
    side: Side = 8
    normalised: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1].

        F is the product of the number of the extractor's maps, the square of `side`, and `width`.

        Raises:
            ValueError: the extractor does not take the images, or gives other maps than its
                contract says or than end at `side`.
        """
        weights = self.variable(FROZEN, 'extractor', _arrays_of, self.extractor)
        maps = self.extractor.maps(weights.value, image)
        self._check([x.shape for x in maps])
        options = dict(normalised=self.normalised, dtype=self.dtype)
        ends = [
            ScaleTrunk(self.width, self.side, name=f'scale_{i}', **options)(x, train=train)
            for i, x in enumerate(self._mix([cast(x, self.dtype) for x in maps]))
        ]
        flat = [at_least_float32(x).reshape(len(x), -1) for x in ends]
        return jnp.concatenate(flat, axis=1)

    def _mix(self, maps: Sequence[Array]) -> list[Array]:
        """The maps mixed across channels and scales, each twice as wide as it was."""
        found, below = [], None
        for i in reversed(range(len(maps))):
            x = FrozenDense(self.mixed << i, name=f'channels_{i}')(maps[i])
            x = x if below is None else x + below
            below = doubled(FrozenDense(self.mixed << max(i - 1, 0), name=f'scales_{i}')(x))
            found.append(below)
        return found[::-1]

    def _check(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Raises unless maps halve from one to the next, and halve to `side` when doubled."""
        sides = [shape[1] for shape in shapes if len(shape) == 4 and shape[1] == shape[2]]
        halve = all(a == 2 * b for a, b in itertools.pairwise(sides))
        last, rest = divmod(sides[-1], self.side) if sides else (0, 0)
        if len(sides) < len(shapes) or not halve or rest or last & (last - 1) or not last:
            raise ValueError(
                f'its extractor gives maps of {", ".join(map(str, shapes)) or "no shape"}, and it '
                'takes square ones [N, h, h, c], each half as wide as the one before, the last of '
                f'{self.side}, {2 * self.side}, {4 * self.side}, ... pixels: change its side or '
                'the extractor'
            )


class ScaleTrunk(nn.Module):
    """The discriminator of one scale: 4×4 convolutions of stride 2 down to a side.

    Attributes:
        width, side, normalised, dtype: as in `Trunk`.
    """

    width: int
    side: int
    normalised: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """The last map [N, side, side, width] from x [N, h, h, C]; h is side times 2, 4, 8, ..."""
        call = maybe_spectral(self.normalised, train=train)
        norm = partial(nn.BatchNorm, not train, momentum=0.9, epsilon=1e-5, dtype=self.dtype)
        options = dict(use_bias=not self.normalised, dtype=self.dtype, kernel_init=_init)
        while (side := x.shape[1] // 2) >= self.side:
            channels = max(1, self.width // 8, self.width * self.side // side)
            x = call(Conv(channels, (4, 4), (2, 2), name=f'conv_{side}', **options), x)
            x = nn.leaky_relu(norm(name=f'norm_{side}')(x) if self.normalised else x, 0.2)
        return x


class Logit(nn.Module):
    """Logits of the windows of the last maps of all scales, each scale with its own weights.

    Attributes:
        scales: of the trunk, as many as its extractor has maps.
        side: of the last maps, the trunk's.
        kernel: side of a window.
        initializer: as in `critic.Logit`.
        normalised: False leaves out the spectral normalisation.
    """

    scales: Annotated[int, Integer(1, 16)] = 4
    side: Side = 8
    kernel: Side = 4
    initializer: Initializer = 'normal'
    normalised: bool = True

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N], 'patches': [N, P]} from features [N, F]; `label` is not used.

        As in `patches.PatchLogit`: 'logit' is the mean over all windows, 'patches' what each
        differs from it.

        Raises:
            ValueError: the features are not of so many scales, or a scale's no map of that side.
        """
        if features.shape[1] % self.scales:
            raise ValueError(
                f'{features.shape[1]} features do not divide into {self.scales} scales: give as '
                "many scales as the discriminator's extractor has maps"
            )
        options = (self.side, self.kernel, self.initializer, self.normalised)
        found = [
            PatchLogit(*options, name=f'scale_{i}')(part, label, train=train)
            for i, part in enumerate(jnp.split(features, self.scales, axis=1))
        ]
        logits = [one['logit'][:, None] + one['patches'] for one in found]
        every = jnp.concatenate(logits, axis=1)  # [N, P]
        mean = every.mean(axis=1)
        return {'logit': mean, 'patches': every - mean[:, None]}


class FrozenDense(nn.Module):
    """A random layer that stays: x A + b, with A and b uniform within ± 1 / √inputs.

    Attributes:
        features: outputs.
    """

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., features] from x [..., C]; A and b lie in the collection 'frozen'."""
        inputs = x.shape[-1]

        def drawn(*shape: int) -> Array:
            key, bound = self.make_rng('params'), inputs**-0.5
            return jax.random.uniform(key, shape, jnp.float32, -bound, bound)

        kernel = self.variable(FROZEN, 'kernel', drawn, inputs, self.features)
        bias = self.variable(FROZEN, 'bias', drawn, self.features)
        return add_bias(x @ kernel.value.astype(x.dtype), bias.value)


def doubled(x: Array) -> Array:
    """The map [N, h, h, C] twice as wide, [N, 2 h, 2 h, C], by lines between its values.

    The outermost values of both maps are in the same places, as in PyTorch with `align_corners`.
    """
    side = x.shape[1]
    places = np.arange(2 * side) * (side - 1) / (2 * side - 1)
    shares = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)))  # [2 h, h]
    return along_both(x, shares)


def _arrays_of(extractor: FeatureNetwork) -> Any:
    return jax.tree.map(jnp.asarray, extractor.load())
