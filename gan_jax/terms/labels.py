"""Classifiers beside the discriminator, by which a generator learns the class of its images.

All are linear in D's features, with spectral normalisation, and leave the logit alone: it needs no
classes, the generator does. Labels are 0 ... num_classes - 1; fakes have the labels that they were
generated from. StudioGAN's code is PyTorch-StudioGAN's at commit 947b35e.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.models.spectral import spectral
from gan_jax.runtime.ranges import SomeClasses
from gan_jax.terms import Objective, Term
from gan_jax.views import View

REAL, FAKE = {'real': View('real')}, {'fake': View('fake')}
PAIR = {**REAL, **FAKE}


class LinearHeads(nn.Module):
    """Linear layers with spectral normalisation, each an output of its own.

    Attributes:
        names: of the outputs.
        units: of every output.
        use_bias: False leaves out the bias.
    """

    names: tuple[str, ...]
    units: int
    use_bias: bool = False

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F], label [N] (not read) -> {name: [N, units]}."""
        init = nn.initializers.normal(0.02)
        layers = {
            name: nn.Dense(self.units, use_bias=self.use_bias, kernel_init=init, name=name)
            for name in self.names
        }
        return {name: spectral(layer, features, train=train) for name, layer in layers.items()}


def cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """The mean of -log softmax(logits [..., N, K]) at the labels [N], []."""
    right = jax.nn.one_hot(label, logits.shape[-1], dtype=logits.dtype)  # [N, K]
    right = jnp.broadcast_to(right, logits.shape)
    return -jnp.mean(jnp.sum(right * jax.nn.log_softmax(logits), axis=-1))


def acgan(*, num_classes: SomeClasses) -> Term:
    """The auxiliary classifier, AC-GAN (Odena et al. 2017, arXiv 1610.09585), with weight 1.

    CE is the cross entropy of a head on D's features. L_D = CE(x, y) and L_G = CE(G(z, y), y). D
    learns classes from reals only, as in the code of StudioGAN and ADC-GAN; the paper's D learns
    them from fakes too.
    Parts: 'real' for the discriminator, 'fake' for the generator.

    Args:
        num_classes: K, of the data.
    """

    def d(out, state, key):
        return {'real': _entropy(out['real'], 'classes')}, state, {}

    def g(out, state, key):
        return {'fake': _entropy(out['fake'], 'classes')}, state, {}

    head = LinearHeads(('classes',), num_classes)
    return Term(d=Objective(REAL, d), g=Objective(FAKE, g), head=head)


def tacgan(*, num_classes: SomeClasses) -> Term:
    """Twin auxiliary classifiers, TAC-GAN (Gong et al. 2019, arXiv 1907.02690), all weights 1.

    With the cross entropies CE of `acgan`'s head and CE' of a second one, which sees fakes alone:
    L_D = CE(x, y) + CE'(G(z, y), y) and L_G = CE(G(z, y), y) - CE'(G(z, y), y). D minimises what G
    maximises, so that G gains nothing by images that are easy to classify.
    Parts: 'real', 'fake' for the discriminator, 'classes' and 'twin' (negative) for the generator.

    Args:
        num_classes: K, of the data.
    """

    def d(out, state, key):
        real, fake = _entropy(out['real'], 'classes'), _entropy(out['fake'], 'twin')
        return {'real': real, 'fake': fake}, state, {}

    def g(out, state, key):
        classes, twin = (_entropy(out['fake'], name) for name in ('classes', 'twin'))
        return {'classes': classes, 'twin': -twin}, state, {}

    head = LinearHeads(('classes', 'twin'), num_classes)
    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g), head=head)


def adcgan(*, num_classes: SomeClasses) -> Term:
    """The discriminative classifier of ADC-GAN (Hou et al. 2022, arXiv 2107.10060), with weight 1.

    One head tells 2 K classes, y of a real from y of a fake: a real y is 2 y, a fake one 2 y + 1.
    L_D = CE(x, 2 y) + CE(G(z, y), 2 y + 1) and L_G = CE(G(z, y), 2 y) - CE(G(z, y), 2 y + 1). The
    authors' weight is 1 on CIFAR and 0.5 on Tiny-ImageNet.
    Parts: 'real', 'fake' for the discriminator, 'gen' for the generator.

    Args:
        num_classes: K, of the data.
    """

    def entropy(record, shift):
        return cross_entropy(record['head']['classes'], 2 * record['label'] + shift)

    def d(out, state, key):
        return {'real': entropy(out['real'], 0), 'fake': entropy(out['fake'], 1)}, state, {}

    def g(out, state, key):
        return {'gen': entropy(out['fake'], 0) - entropy(out['fake'], 1)}, state, {}

    head = LinearHeads(('classes',), 2 * num_classes)
    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g), head=head)


def multi_hinge(*, num_classes: SomeClasses) -> Term:
    """The multi-hinge loss, MHGAN (Kavalerov et al. 2021, arXiv 1912.04216).

    It replaces the adversarial term. A head scores K classes and 'fake' as class K; with
    CS(s, t) = max(0, 1 + max_{j != t} s_j - s_t), after Crammer and Singer, the losses are
    L_D = E CS(s(x), y) + E CS(s(G(z, y)), K) and L_G = E CS(s(G(z, y)), y). StudioGAN's weights are
    1 for D and 0.05 for G, which has `feature_matching` beside it with weight 1. The critic's own
    logit is not trained; a penalty beside this term follows the score of the class, with
    of='multi_hinge/classes' under that name.
    Parts: 'real', 'fake' for the discriminator, 'classes' for the generator.

    Args:
        num_classes: K, of the data.
    """

    def d(out, state, key):
        real, fake = (out[name]['head']['classes'] for name in PAIR)  # [B, K + 1]
        parts = {
            'real': _crammer_singer(real, out['real']['label']),
            'fake': _crammer_singer(fake, jnp.full_like(out['fake']['label'], num_classes)),
        }
        return parts, state, {}

    def g(out, state, key):
        scores = out['fake']['head']['classes']
        return {'classes': _crammer_singer(scores, out['fake']['label'])}, state, {}

    head = LinearHeads(('classes',), num_classes + 1, use_bias=True)
    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g), head=head)


def _entropy(record, name):
    return cross_entropy(record['head'][name], record['label'])


def _crammer_singer(scores, target):
    """The mean of max(0, 1 + max_{j != t} s_j - s_t) of scores [N, K] at targets [N], []."""
    right = jax.nn.one_hot(target, scores.shape[1], dtype=scores.dtype)  # [N, K]
    wanted = jnp.sum(right * scores, axis=1)
    others = jnp.max(jnp.where(right > 0, -jnp.inf, scores), axis=1)
    return jnp.mean(jax.nn.relu(1 + others - wanted))
