"""BigGAN; `gan_jax.models.biggan` in PyTorch."""

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_jax.models.biggan import DOWN, HALVINGS, UP
from gan_jax.models.sizes import square
from tests.in_torch.blocks import DownBlock, UpBlock
from tests.in_torch.layers import (
    INITIALIZERS,
    ConditionalNorm,
    SelfAttention,
    conv,
    linear,
    spectral,
    wide,
)


class Generator(nn.Module):
    """Latents and classes to images; the arguments are those of ours, and Z."""

    def __init__(
        self,
        *,
        latent_dim: int,
        shape: tuple[int, int, int],
        channels: int = 96,
        num_classes: int = 0,
        hierarchical: bool = True,
        shared: int = 128,
        attention: bool = True,
        initializer: str = 'orthogonal',
    ):
        super().__init__()
        self.num_classes, self.hierarchical = num_classes, hierarchical
        init = INITIALIZERS[initializer]
        side = square(shape, UP, 'BigGAN')
        sizes = [channels * m for m in UP[side]]
        part = latent_dim // len(sizes) if hierarchical else latent_dim
        embed = num_classes and shared
        self.classes = linear(num_classes, shared, init, bias=False) if embed else None
        norm = partial(
            ConditionalNorm,
            inputs=(embed or num_classes) + (part if hierarchical else 0),
            init=init,
            normalised=hierarchical or shared > 0,
        )
        self.bottom = (4, 4, sizes[0])
        self.dense = spectral(linear(part, 16 * sizes[0], init))
        options = {'norm': norm, 'init': init, 'shortcut_init': init, 'normalised': True}
        pairs = pairwise(sizes)
        self.blocks = nn.ModuleList([UpBlock(n, m, **options) for n, m in pairs])
        # After the block whose map has half the image's side.
        self.attended = len(self.blocks) - 2 if attention else None
        self.attention = SelfAttention(sizes[-2], init) if attention else None
        self.norm = norm(sizes[-1], inputs=0)
        self.image = spectral(conv(sizes[-1], shape[2], 3, init))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """Images [B, C, H, W] in [0, 1] from z [B, Z] and label [B], not used without classes."""
        z, conditions = self._conditions(z, label)
        x = self.dense(z).unflatten(1, self.bottom).permute(0, 3, 1, 2)
        for i, (block, condition) in enumerate(zip(self.blocks, conditions, strict=True)):
            x = block(x, condition)
            if i == self.attended:
                x = self.attention(x)
        x = self.image(F.relu(self.norm(x, None)))
        return (torch.tanh(wide(x)) + 1) / 2

    def _conditions(self, z: Tensor, label: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """z for the first layer, and for each block what its norms follow, [B, K] or None."""
        parts = [[] for _ in self.blocks]
        if self.num_classes:
            y = F.one_hot(label, self.num_classes).to(z.dtype)
            y = y if self.classes is None else self.classes(y)
            parts = [[y] for _ in parts]
        if self.hierarchical:
            z, *cuts = z.chunk(len(parts) + 1, dim=1)
            parts = [[*part, cut] for part, cut in zip(parts, cuts, strict=True)]
        return z, [torch.cat(part, dim=1) if part else None for part in parts]


class Trunk(nn.Module):
    """Images to features; the arguments are those of ours, and an image's shape."""

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        channels: int = 96,
        attention: bool = True,
        compare_gan: bool = True,
        initializer: str = 'orthogonal',
    ):
        super().__init__()
        init = INITIALIZERS[initializer]
        side = square(shape, DOWN, 'BigGAN')
        sizes = [shape[2], *(channels * m for m in DOWN[side])]
        halvings = len(sizes) - 2 if compare_gan else HALVINGS[side]
        self.features = sizes[-1]
        self.blocks = nn.ModuleList()
        for i, (n, m) in enumerate(pairwise(sizes)):
            places = {'hidden': m, 'down': i < halvings, 'first': i == 0}
            options = {'straight': not compare_gan, 'init': init, 'shortcut_init': init}
            self.blocks.append(DownBlock(n, m, **places, **options))
        self.attention = SelfAttention(sizes[1], init) if attention else None

    def forward(self, image: Tensor) -> Tensor:
        """Features [N, F] of images [N, C, H, W] in [0, 1]: the last map, summed over places."""
        x = 2 * image - 1
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == 0 and self.attention is not None:
                x = self.attention(x)
        return wide(F.relu(x)).sum((2, 3))  # [N, F]
