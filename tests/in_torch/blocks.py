"""Residual blocks of the SN-ResNet and of BigGAN; `gan_jax.models.blocks` in PyTorch.

As there, each shortcut is convolved where its map is smallest.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from tests.in_torch.layers import Init, conv, spectral


class UpBlock(nn.Module):
    """A generator's block, whose map is twice as large."""

    def __init__(
        self,
        inputs: int,
        features: int,
        *,
        norm: Callable[[int], nn.Module],
        init: Init,
        shortcut_init: Init,
        normalised: bool = False,
    ):
        super().__init__()
        wrap = spectral if normalised else lambda layer: layer
        self.norms = nn.ModuleList([norm(inputs), norm(features)])
        self.convs = nn.ModuleList(
            [
                wrap(conv(inputs, features, 3, init, bias=False)),
                wrap(conv(features, features, 3, init)),
            ]
        )
        self.shortcut = wrap(conv(inputs, features, 1, shortcut_init))

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """[N, features, 2H, 2W] from x [N, C, H, W] and what the norms take, [N, K] or None."""
        y = self.convs[0](double(F.relu(self.norms[0](x, condition))))
        y = self.convs[1](F.relu(self.norms[1](y, condition)))
        return y + double(self.shortcut(x))


class DownBlock(nn.Module):
    """A discriminator's block, all with spectral normalisation."""

    def __init__(
        self,
        inputs: int,
        features: int,
        *,
        hidden: int,
        init: Init,
        shortcut_init: Init,
        down: bool = True,
        first: bool = False,
        straight: bool = True,
    ):
        super().__init__()
        self.down, self.first = down, first
        sizes = ((inputs, hidden), (hidden, features))
        self.convs = nn.ModuleList([spectral(conv(*pair, 3, init)) for pair in sizes])
        widens = inputs != features
        self.shortcut = nn.Identity() if straight else None
        if widens or (straight and down):
            self.shortcut = spectral(conv(inputs, features, 1, shortcut_init))

    def forward(self, x: Tensor) -> Tensor:
        """[N, features, H', W'] from x [N, C, H, W]; sides are halved where `down`."""
        y = self.convs[0](x if self.first else F.relu(x))
        y = self._shrink(self.convs[1](F.relu(y)))
        return y if self.shortcut is None else y + self.shortcut(self._shrink(x))

    def _shrink(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) if self.down else x


def double(x: Tensor) -> Tensor:
    """The map [N, C, H, W] twice as large, by its nearest values."""
    return F.interpolate(x, scale_factor=2, mode='nearest')
