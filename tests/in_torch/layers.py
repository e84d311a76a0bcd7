"""Layers that several networks share; `gan_jax.models.layers` in PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

Init = Callable[[Tensor], Any]  # fills a weight in place

INITIALIZERS: dict[str, Init] = {
    'glorot': nn.init.xavier_uniform_,
    'normal': partial(nn.init.normal_, std=0.02),
    'orthogonal': nn.init.orthogonal_,
}


def wide(x: Tensor) -> Tensor:
    """x in float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def linear(inputs: int, units: int, init: Init, *, bias: bool = True) -> nn.Module:
    """A dense layer."""
    return started(nn.Linear(inputs, units, bias=bias), init)


def conv(
    inputs: int, features: int, size: int, init: Init, *, stride: int = 1, bias: bool = True
) -> nn.Module:
    """A convolution whose map is smaller by the stride alone."""
    padding = (size - 1) // 2
    return started(nn.Conv2d(inputs, features, size, stride, padding, bias=bias), init)


def started(layer: nn.Module, init: Init) -> nn.Module:
    """The layer with its initial weight, and its bias, where it has one, at zero."""
    init(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def spectral(layer: nn.Module) -> nn.Module:
    """The layer with its weight over its largest singular value."""
    parametrize.register_parametrization(layer, 'weight', SpectralNorm(len(layer.weight)))
    return layer


class SpectralNorm(nn.Module):
    """A weight [O, I, ...] over its largest singular value, by one step of the power iteration.

    PyTorch's own has one vector more and takes the two products of a step in the other order;
    under autocast it would iterate in bfloat16. A weight in channels_last becomes a matrix without
    a copy.
    """

    def __init__(self, outputs: int):
        super().__init__()
        self.register_buffer('u', torch.randn(outputs))

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.movedim(1, -1).flatten(1)  # [O, ...I]
            with torch.no_grad():
                v = F.normalize(matrix.T @ self.u, dim=0, eps=1e-12)
                u = F.normalize(matrix @ v, dim=0, eps=1e-12)
                if self.training:
                    self.u.copy_(u)
            return weight / torch.dot(u, matrix @ v)


class ConditionalNorm(nn.Module):
    """BatchNorm with a gain and a bias that follow a vector c [N, K]: x̂ (1 + U c) + V c.

    K = 0 is BatchNorm with a gain and a bias of its own.
    """

    def __init__(self, features: int, inputs: int, init: Init, *, normalised: bool = False):
        super().__init__()
        self.batch = nn.BatchNorm2d(features, affine=not inputs)
        if inputs:
            wrap = spectral if normalised else lambda layer: layer
            self.gain = wrap(linear(inputs, features, init, bias=False))
            self.bias = wrap(linear(inputs, features, init, bias=False))

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        x = self.batch(x)
        if condition is None:
            return x
        gain, bias = self.gain(condition), self.bias(condition)
        return torch.addcmul(bias[:, :, None, None], x, 1 + gain[:, :, None, None])


class SelfAttention(nn.Module):
    """x + γ o(A g(x)) with A = softmax(θ(x) φ(x)ᵀ) over places, as BigGAN's code has it."""

    def __init__(self, features: int, init: Init):
        super().__init__()
        few, half = max(1, features // 8), max(1, features // 2)
        self.theta = spectral(conv(features, few, 1, init, bias=False))
        self.phi = spectral(conv(features, few, 1, init, bias=False))
        self.g = spectral(conv(features, half, 1, init, bias=False))
        self.out = spectral(conv(half, features, 1, init, bias=False))
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        theta = self.theta(x).flatten(2).mT  # [N, HW, C/8]
        phi = F.max_pool2d(self.phi(x), 2).flatten(2)  # [N, C/8, HW/4]
        g = F.max_pool2d(self.g(x), 2).flatten(2).mT  # [N, HW/4, C/2]
        attention = torch.softmax(wide(theta @ phi), dim=-1)  # [N, HW, HW/4]
        seen = (attention.to(g.dtype) @ g).mT.unflatten(2, x.shape[2:])  # [N, C/2, H, W]
        return x + self.gain * self.out(seen)
