"""The networks, optimisers and static options of a run."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import flax.linen as nn
import optax

from gan_jax import labels
from gan_jax.latents import NORMAL, Latent
from gan_jax.state import Ema, Power


class Augment(NamedTuple):
    """The augmentation policies; '' is none.

    Attributes:
        real: policy for real images only, before anything else.
        critic: policy for every input of the discriminator, real and generated.
        view: policy for augmented views of terms without their own policy.
        shared: True: image i of every source meets one draw of `critic`'s policy. False: every
            source has draws of its own.
    """

    real: str = ''
    critic: str = ''
    view: str = ''
    shared: bool = False

    @property
    def policies(self) -> dict[str, str]:
        """The policies by use: 'real', 'critic', 'view'."""
        return {'real': self.real, 'critic': self.critic, 'view': self.view}


class GAN(NamedTuple):
    """Networks, optimisers and static options of a run.

    Attributes:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1], or a record with
            'image', see `synthesis.synthesize`.
        critic: a `Critic` with the heads of all terms.
        optimizers: optimisers of 'g' and 'd', made with learning rate 1; `Hyper` has the rates.
        latent_dim: Z.
        class_counts: proportions of the labels of generated images, an integer for each class, or
            for each row of the data's label vectors.
        latent: the distribution of the latents.
        paired_labels: True: generated images have the labels of the reals of their update. False:
            labels are drawn, in the proportions of `class_counts`.
        g_reals: the reals that G's update meets: 'last', the reals of D's last update with the same
            draws, or 'own', a batch and draws of its own.
        augment: the augmentation policies.
        ema: options of the generator's average.
        averages: options of further averages, by name: 'd' is D's, by which terms look at views,
            all others are G's.
        joint: True: one discriminator pass for all views. False: one pass per view, for a
            discriminator whose layers mix the images of a batch.
        accumulate: number of microbatches of each update. They run one after another in the memory
            of one, and the mean of their gradients moves the player once. Layers and losses across
            the batch (BatchNorm, contrastive negatives, mixup) are then computed per microbatch,
            collections and the terms' states are updated by every microbatch, and random draws
            differ. Everything else is the same mathematics.
        freeze: pattern of the parameters that never move, see `freezing.moving`; collections (u of
            spectral norm, BatchNorm's running statistics) go on.
    """

    generator: nn.Module
    critic: nn.Module
    optimizers: Mapping[str, optax.GradientTransformation]
    latent_dim: int
    class_counts: labels.Counts
    latent: Latent = NORMAL
    paired_labels: bool = False
    g_reals: str = 'last'
    augment: Augment = Augment()
    ema: Ema = Ema()
    averages: Mapping[str, Ema | Power] = MappingProxyType({})
    joint: bool = True
    accumulate: int = 1
    freeze: str = ''

    @property
    def num_classes(self) -> int:
        """The number of classes, also those with a count of 0; or of rows of label vectors."""
        return len(self.class_counts)

    def batches(self, d_steps: int) -> int:
        """The batches of reals in a step with so many updates of D: one more if G has its own."""
        return d_steps + (self.g_reals == 'own')
