"""The losses of `gan_jax.terms` in PyTorch: under their names, with their options and parts.

Which views a term reads is not said again: the step takes that from gan_jax's own term.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.in_torch.layers import linear

# (out {view: {'logit': [B], 'head': [B, ...]}}) -> {part: loss []}
Loss = Callable[[Mapping[str, Mapping[str, Tensor]]], dict[str, Tensor]]


class Term(NamedTuple):
    """The losses of both players, and F -> a head on features [N, F]."""

    d: Loss
    g: Loss | None = None
    head: Callable[[int], nn.Module] | None = None


def hinge() -> Term:
    """`gan_jax.terms.adversarial.hinge`."""

    def d(out):
        real = F.relu(1 - out['real']['logit']).mean()
        fake = F.relu(1 + out['fake']['logit']).mean()
        return {'real': real, 'fake': fake}

    return Term(d, lambda out: {'fake': -out['fake']['logit'].mean()})


def non_saturating() -> Term:
    """`gan_jax.terms.adversarial.non_saturating`."""

    def d(out):
        real = F.softplus(-out['real']['logit']).mean()
        fake = F.softplus(out['fake']['logit']).mean()
        return {'real': real, 'fake': fake}

    return Term(d, lambda out: {'fake': F.softplus(-out['fake']['logit']).mean()})


def cr() -> Term:
    """`gan_jax.terms.consistency.cr`."""
    return Term(lambda out: {'real': _change(out, 'real')})


def balanced() -> Term:
    """`gan_jax.terms.consistency.balanced`."""
    return Term(lambda out: {'real': _change(out, 'real'), 'fake': _change(out, 'fake')})


def cntr(temperature: float = 0.1, *, hidden: int = 128, size: int = 128) -> Term:
    """`gan_jax.terms.contrastive.cntr`."""

    def d(out):
        real = nt_xent(out['real_1']['head'], out['real_2']['head'], temperature)
        fake = nt_xent(out['fake_1']['head'], out['fake_2']['head'], temperature)
        return {'real': real, 'fake': fake}

    def head(features: int) -> nn.Module:
        first = linear(features, hidden, _lecun)
        return nn.Sequential(first, nn.ReLU(), linear(hidden, size, _lecun))

    return Term(d, head=head)


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """`gan_jax.terms.contrastive.nt_xent` of pairs [N, F], averaged over the 2N anchors."""
    rows = F.normalize(torch.cat([a, b]), eps=1e-6)  # [2N, F]
    similarity = rows @ rows.T / temperature
    similarity = similarity.fill_diagonal_(-torch.inf)
    other = torch.arange(len(rows), device=rows.device).roll(len(a))
    return F.cross_entropy(similarity, other)


def _change(out: Mapping[str, Mapping[str, Tensor]], source: str) -> Tensor:
    return ((out[source]['logit'] - out[f'{source}_aug']['logit']) ** 2).mean()


def _lecun(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity='linear')
