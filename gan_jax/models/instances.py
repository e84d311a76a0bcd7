"""IC-GAN's logit: of an image's features and the features of an instance.

Casanova et al. 2021, arXiv 2109.05070, section 3. Their networks embed the instance in 512 numbers
first; here the projection has that layer alone, as their code for BigGAN does.
"""

from typing import ClassVar

from flax import linen as nn
from jax import Array

from gan_jax.models.critic import Logit, ProjectionLogit
from gan_jax.models.layers import Initializer, initializer
from gan_jax.models.spectral import spectral
from gan_jax.runtime.ranges import Classes


class InstanceLogit(nn.Module):
    """The logit of an image's features φ and an instance's h, ψ(φ) + <W h, φ>.

    ψ is a logit without h; its products and W h have spectral normalisation.

    Attributes:
        num_classes: 0 is unconditional, else ψ is `critic.ProjectionLogit`.
        initializer: as in `critic.Logit`, for W too.
    """

    num_classes: Classes = 0
    initializer: Initializer = 'normal'
    reads: ClassVar[tuple[str, ...]] = ('h',)

    @nn.compact
    def __call__(self, features: Array, label: Array, *, h: Array, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F], label [N] and instances' features [N, H]."""
        if self.num_classes:
            logit: nn.Module = ProjectionLogit(self.num_classes, self.initializer, name='logit')
        else:
            logit = Logit(self.initializer, name='logit')
        init = initializer(self.initializer)
        project = nn.Dense(features.shape[-1], use_bias=False, kernel_init=init, name='instances')
        shared = (spectral(project, h, train=train) * features).sum(1)
        return {'logit': logit(features, label, train=train)['logit'] + shared}
