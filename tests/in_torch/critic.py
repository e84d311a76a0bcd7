"""The discriminator: a trunk, the logit, and heads of terms; `gan_jax.models.critic` in PyTorch."""

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.in_torch.layers import INITIALIZERS, linear, spectral


class Logit(nn.Module):
    """The unconditional logit: a dense layer with spectral normalisation."""

    def __init__(self, *, features: int, initializer: str = 'normal'):
        super().__init__()
        self.dense = spectral(linear(features, 1, INITIALIZERS[initializer]))

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        """[N] from features [N, F]; `label` [N] is not used."""
        return self.dense(features)[:, 0]


class ProjectionLogit(nn.Module):
    """The logit of features and class, ψ(φ) + <V y, φ>."""

    def __init__(self, *, features: int, num_classes: int, initializer: str = 'normal'):
        super().__init__()
        init = INITIALIZERS[initializer]
        self.num_classes = num_classes
        self.dense = spectral(linear(features, 1, init))
        self.classes = spectral(linear(num_classes, features, init, bias=False))

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        """[N] from features [N, F] and label [N]."""
        one_hot = F.one_hot(label, self.num_classes).to(features.dtype)
        return self.dense(features)[:, 0] + (self.classes(one_hot) * features).sum(1)


class Critic(nn.Module):
    """One pass over images; with `half` the trunk computes in bfloat16, the heads never do."""

    def __init__(
        self, trunk: nn.Module, logit: nn.Module, heads: Mapping[str, nn.Module], *, half: bool
    ):
        super().__init__()
        self.trunk, self.logit, self.heads = trunk, logit, nn.ModuleDict(heads)
        self.half = half

    def forward(self, image: Tensor, label: Tensor, heads: Collection[str]) -> dict[str, Tensor]:
        """{'logit': [N], name of each of `heads`: [N, ...]} of images [N, C, H, W] in [0, 1]."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.half):
            features = self.trunk(image)
        out = {name: self.heads[name](features) for name in heads}
        return {'logit': self.logit(features, label), **out}
