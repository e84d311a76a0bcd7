"""SNDCGAN; `gan_jax.models.sndcgan` in PyTorch."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_jax.models.layers import channels
from tests.in_torch.layers import INITIALIZERS, conv, linear, spectral, started, wide

_init = INITIALIZERS['normal']


class Generator(nn.Module):
    """Latents to images; the arguments are those of ours, and Z."""

    def __init__(self, *, latent_dim: int, shape: tuple[int, int, int], width: float = 1.0):
        super().__init__()
        height, breadth, colours = shape
        sizes = channels(width, 512, 256, 128, 64)
        self.bottom = (height // 8, breadth // 8, sizes[0])
        units = self.bottom[0] * self.bottom[1] * sizes[0]
        self.dense = linear(latent_dim, units, _init, bias=False)
        # The first BatchNorm has a mean for each unit of the flat vector, not for each channel.
        norms = [nn.BatchNorm1d(units), *(nn.BatchNorm2d(n) for n in sizes[1:])]
        self.norms = nn.ModuleList(norms)
        pairs = pairwise(sizes)
        self.ups = nn.ModuleList(
            [started(nn.ConvTranspose2d(n, m, 4, 2, 1, bias=False), _init) for n, m in pairs]
        )
        # A transposed convolution of stride 1 is a convolution.
        self.image = conv(sizes[-1], colours, 3, _init)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """Images [B, C, H, W] in [0, 1] from z [B, Z]; `label` [B] is not used."""
        first, *norms = self.norms
        x = F.relu(first(self.dense(z))).unflatten(1, self.bottom).permute(0, 3, 1, 2)
        for up, norm in zip(self.ups, norms, strict=True):
            x = F.relu(norm(up(x)))
        return (torch.tanh(wide(self.image(x))) + 1) / 2


class Trunk(nn.Module):
    """Images to features; the arguments are those of ours, and an image's shape."""

    def __init__(self, *, shape: tuple[int, int, int], width: float = 1.0):
        super().__init__()
        height, breadth, colours = shape
        sizes = [colours, *channels(width, 64, 128, 128, 256, 256, 512, 512)]
        self.features = height // 8 * (breadth // 8) * sizes[-1]
        pairs = enumerate(pairwise(sizes))
        self.convs = nn.ModuleList(
            [spectral(conv(n, m, 3 + i % 2, _init, stride=1 + i % 2)) for i, (n, m) in pairs]
        )

    def forward(self, image: Tensor) -> Tensor:
        """Features [N, F] of images [N, C, H, W] in [0, 1]."""
        x = 2 * image - 1
        for layer in self.convs:
            x = F.leaky_relu(layer(x), 0.1)
        return wide(x).permute(0, 2, 3, 1).flatten(1)  # [N, F], in the order of ours
