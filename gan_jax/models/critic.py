"""The discriminator: a trunk, a head for the logit, and heads that belong to terms."""

from collections.abc import Mapping
from dataclasses import field

from flax import linen as nn
from jax import Array

from gan_jax.models.layers import spectral


class Logit(nn.Module):
    """The unconditional logit: a dense layer with spectral normalisation."""

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F]; `label` [N] is not used."""
        dense = nn.Dense(1, kernel_init=nn.initializers.normal(0.02), name='dense')
        return {'logit': spectral(dense, features, train=train)[:, 0]}


class Critic(nn.Module):
    """One pass over images gives what every term reads: logits, features and the terms' heads.

    Attributes:
        trunk: `(image [N, H, W, C] in [0, 1], *, train) -> features [N, F]`.
        heads: by name, `(features [N, F], label [N]) -> dict`; each is one output of that name.
        logit: `(features [N, F], label [N], *, train) -> {'logit': [N], ...}`; what else it
            returns is an output too.
    """

    trunk: nn.Module
    heads: Mapping[str, nn.Module] = field(default_factory=dict)
    logit: nn.Module = Logit()

    def __call__(self, image: Array, label: Array, *, train: bool) -> dict:
        """{'logit': [N], 'features': [N, F], head's name: its dict, ...} of images in [0, 1].

        Raises:
            ValueError: a head is named as another output.
        """
        features = self.trunk(image, train=train)
        out = {'features': features, **self.logit(features, label, train=train)}
        for name, head in self.heads.items():
            if name in out:
                raise ValueError(f"a head cannot be called '{name}': D has an output of that name")
            out[name] = head(features, label)
        return out
