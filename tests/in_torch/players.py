"""Both networks of a config and their optimisers, in PyTorch."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gan_jax.experiment import kinds
from gan_jax.runtime import load
from tests.in_torch import supported
from tests.in_torch.critic import Critic
from tests.in_torch.losses import Term

TERM = load.Kind('a term', 'written in torch', reserved=kinds.TERM.reserved, makes=Term)
NETWORK = load.Kind('a network', 'written in torch', reserved=('remat',), makes=nn.Module)

Shape = tuple[int, int, int]  # of an image, (H, W, C)


class Players(NamedTuple):
    """What a step changes.

    Attributes:
        generator, critic: the networks, in channels_last.
        optimizers: theirs, 'g' and 'd'.
        numbers: what is averaged, the generator's own, see `numbers`.
        average: of each of the numbers.
    """

    generator: nn.Module
    critic: nn.Module
    optimizers: Mapping[str, torch.optim.Optimizer]
    numbers: list[Tensor]
    average: list[Tensor]


def make_players(settings: Mapping[str, Any], shape: Shape) -> Players:
    """Both players before the first step, on torch's default device."""
    generator, critic = make_networks(settings, shape)
    nets = {'g': generator, 'd': critic}
    for net in nets.values():
        net.to(memory_format=torch.channels_last)
    optimizers = {side: _adam(net, settings['optim'][side]) for side, net in nets.items()}
    own = numbers(generator)
    return Players(generator, critic, optimizers, own, [x.clone() for x in own])


def make_networks(settings: Mapping[str, Any], shape: Shape) -> tuple[nn.Module, nn.Module]:
    """The generator, and the discriminator with the heads of all terms."""
    generator = _built(settings, 'generator', latent_dim=settings['latent']['dim'], shape=shape)
    trunk = _built(settings, 'discriminator', shape=shape)
    logit = _built(settings, 'logit', features=trunk.features)
    terms = make_terms(settings).items()
    heads = {name: term.head(trunk.features) for name, term in terms if term.head}
    return generator, Critic(trunk, logit, heads, half=settings['dtype'] == 'bfloat16')


def make_terms(settings: Mapping[str, Any]) -> dict[str, Term]:
    """The losses of the active terms, by name."""
    found = supported.EQUIVALENTS['terms']
    blocks = supported.active(settings).items()
    return {n: load.build({**b, 'fn': found[b['fn']]}, TERM) for n, b in blocks}


def numbers(net: nn.Module) -> list[Tensor]:
    """Parameters, BatchNorm's statistics and the vectors of spectral norms, without gradients."""
    found = [*net.parameters(), *net.buffers()]
    return [x.detach() for x in found if x.is_floating_point()]


def _built(settings: Mapping[str, Any], name: str, **supplied: Any) -> nn.Module:
    block = settings[name]
    block = {**block, 'fn': supported.EQUIVALENTS[name][block['fn']]}
    return load.build(block, NETWORK, **supplied)


def _adam(net: nn.Module, block: Mapping[str, Any]) -> torch.optim.Optimizer:
    betas = float(block.get('b1', 0.9)), float(block.get('b2', 0.999))
    options = {'betas': betas, 'eps': block.get('eps', 1e-8), 'fused': True}
    return torch.optim.Adam(net.parameters(), block['learning_rate'], **options)
