"""BiGAN's two further networks: the encoder, and the logit of a pair (image, latent).

Donahue et al. 2016, arXiv 1605.09782, section 3; Dumoulin et al. 2016, arXiv 1606.00704, have the
same game, with an encoder that draws z. Their networks are of other sizes: the encoder is made
beside the SNDCGAN of `gan_jax.models.sndcgan`, and the logit goes with any trunk.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.conv import Conv
from gan_jax.models.critic import Logit, ProjectionLogit
from gan_jax.models.layers import Dense, Initializer, at_least_float32, channels, initializer
from gan_jax.models.spectral import spectral
from gan_jax.runtime.ranges import Classes, Units, Width

_init = initializer('normal')


class Encoder(nn.Module):
    """Images to latents: three strided convolutions with BatchNorm, and a dense layer.

    Attributes:
        size: numbers of a latent, Z.
        width: factor on every number of channels (64, 128, 256).
        dtype: of the layers; BatchNorm's statistics and the latents are float32 at least.
    """

    size: Units
    width: Width = 1.0
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Latents [N, Z], unbounded, of images [N, H, W, C] in [0, 1].

        With `train` BatchNorm takes the statistics of the batch and updates the running ones in
        the collection 'batch_stats'; without it BatchNorm takes the running ones.
        """
        x = 2 * image - 1
        for i, features in enumerate(channels(self.width, 64, 128, 256)):
            options = dict(use_bias=False, dtype=self.dtype, kernel_init=_init)
            x = Conv(features, (4, 4), (2, 2), name=f'conv_{i}', **options)(x)
            norm = nn.BatchNorm(
                not train, momentum=0.9, epsilon=1e-5, dtype=self.dtype, name=f'norm_{i}'
            )
            x = nn.leaky_relu(norm(x), 0.2)
        x = x.reshape(x.shape[0], -1)
        latent = Dense(self.size, dtype=self.dtype, kernel_init=_init, name='latent')(x)
        return at_least_float32(latent)


class PairLogit(nn.Module):
    """The logit of an image's features and a latent: a dense layer on both, and a logit of it.

    The layer joins them, so that the logit is more than a sum of one for each. Its products have
    spectral normalisation.

    Attributes:
        units: of the layer.
        num_classes: 0 is unconditional, else as in `critic.ProjectionLogit`.
        initializer: as in `critic.Logit`.
    """

    units: Units = 512
    num_classes: Classes = 0
    initializer: Initializer = 'normal'
    reads: ClassVar[tuple[str, ...]] = ('z',)

    @nn.compact
    def __call__(self, features: Array, label: Array, *, z: Array, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F], label [N] and latents [N, Z]."""
        init = initializer(self.initializer)
        both = jnp.concatenate([features, z], axis=1)
        layer = nn.Dense(self.units, kernel_init=init, name='pair')
        pair = nn.leaky_relu(spectral(layer, both, train=train), 0.1)
        if self.num_classes:
            logit: nn.Module = ProjectionLogit(self.num_classes, self.initializer, name='logit')
        else:
            logit = Logit(self.initializer, name='logit')
        return logit(pair, label, train=train)
