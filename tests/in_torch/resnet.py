"""SN-ResNet; `gan_jax.models.resnet` in PyTorch."""

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_jax.models.layers import channels
from gan_jax.models.resnet import LAYERS
from gan_jax.models.sizes import square
from tests.in_torch.blocks import DownBlock, UpBlock
from tests.in_torch.layers import INITIALIZERS, ConditionalNorm, conv, linear, wide

_glorot = INITIALIZERS['glorot']
_inits = {'init': partial(nn.init.xavier_uniform_, gain=2**0.5), 'shortcut_init': _glorot}


class Generator(nn.Module):
    """Latents to images; the arguments are those of ours, and Z."""

    def __init__(
        self,
        *,
        latent_dim: int,
        shape: tuple[int, int, int],
        width: float = 1.0,
        num_classes: int = 0,
    ):
        super().__init__()
        self.num_classes = num_classes
        side = square(shape, LAYERS, 'SN-ResNet')
        sizes = channels(width, *LAYERS[side].up)
        bottom = side >> (len(sizes) - 1)
        self.bottom = (bottom, bottom, sizes[0])
        self.dense = linear(latent_dim, bottom * bottom * sizes[0], _glorot)
        norm = partial(ConditionalNorm, inputs=num_classes, init=nn.init.zeros_)
        pairs = pairwise(sizes)
        self.blocks = nn.ModuleList([UpBlock(n, m, norm=norm, **_inits) for n, m in pairs])
        self.norm = norm(sizes[-1], inputs=0)
        self.image = conv(sizes[-1], shape[2], 3, _glorot)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """Images [B, C, H, W] in [0, 1] from z [B, Z] and label [B], not used without classes."""
        condition = None
        if self.num_classes:
            condition = F.one_hot(label, self.num_classes).to(z.dtype)
        x = self.dense(z).unflatten(1, self.bottom).permute(0, 3, 1, 2)
        for block in self.blocks:
            x = block(x, condition)
        x = self.image(F.relu(self.norm(x, None)))
        return (torch.tanh(wide(x)) + 1) / 2


class Trunk(nn.Module):
    """Images to features; the arguments are those of ours, and an image's shape."""

    def __init__(self, *, shape: tuple[int, int, int], width: float = 1.0):
        super().__init__()
        side = square(shape, LAYERS, 'SN-ResNet')
        sizes = [shape[2], *channels(width, *LAYERS[side].down)]
        self.features = sizes[-1]
        self.blocks = nn.ModuleList()
        for i, (n, m) in enumerate(pairwise(sizes)):
            places = {
                'hidden': m if i == 0 else n,
                'down': i < LAYERS[side].halvings,
                'first': i == 0,
            }
            self.blocks.append(DownBlock(n, m, **places, **_inits))

    def forward(self, image: Tensor) -> Tensor:
        """Features [N, F] of images [N, C, H, W] in [0, 1]: the last map, summed over places."""
        x = 2 * image - 1
        for block in self.blocks:
            x = block(x)
        return wide(F.relu(x)).sum((2, 3))  # [N, F]
