"""BiGAN's game against a transcription in NumPy, with its gradients by hand."""

import functools
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.keys import named
from gan_jax.models.critic import Critic
from gan_jax.step import make_train_step
from gan_jax.terms.bigan import bigan
from tests import small

B, Z, RATE = small.BATCH, small.LATENT, 0.25


def test_numbers_by_hand():
    """D is 3 to 1 for a real pair and undecided of a fake: log(4/3) and log 2; swapped log 4."""
    out = {'real': {'logit': jnp.log(jnp.float32([3, 3]))}, 'fake': {'logit': jnp.zeros(2)}}
    term = bigan()
    d, g = (getattr(term, side).loss(out, {}, None)[0] for side in 'dg')
    assert float(d['real']) == pytest.approx(np.log(4 / 3), rel=1e-6)
    assert float(g['real']) == pytest.approx(np.log(4), rel=1e-6)
    assert float(d['fake']) == float(g['fake']) == pytest.approx(np.log(2), rel=1e-6)


# A step of linear networks ------------------------------------------------------------------------


class Linear(nn.Module):
    """z -> image or image -> z, one product."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x, label=None, *, train):
        out = nn.Dense(int(np.prod(self.shape)), use_bias=False)(x.reshape(len(x), -1))
        return out.reshape(-1, *self.shape)


class Pair(nn.Module):
    """(image, z) -> tanh(P x + Q z)."""

    reads: ClassVar[tuple[str, ...]] = ('z',)

    @nn.compact
    def __call__(self, image, *, z, train):
        flat = image.reshape(len(image), -1)
        return jnp.tanh(
            nn.Dense(6, use_bias=False, name='p')(flat) + nn.Dense(6, use_bias=False, name='q')(z)
        )


class Score(nn.Module):
    """features -> w features."""

    @nn.compact
    def __call__(self, features, label, *, train):
        return {'logit': nn.Dense(1, use_bias=False)(features)[:, 0]}


def game():
    term = bigan(Z)
    encoder = term.networks['encoder']._replace(module=Linear((Z,)))
    terms = {'pairs': term._replace(networks={'encoder': encoder})}
    nets = {'generator': Linear(small.SHAPE), 'critic': Critic(Pair(), {}, Score())}
    return terms, small.make_gan(terms, **nets)


@functools.cache
def stepped():
    """(matrices before, real images, latents by side, matrices after) of a step in float64."""
    terms, gan = game()
    state, batch = small.first_state(gan, terms, dtype=np.float64), small.make_batch()
    hyper = small.make_hyper({'pairs': 1}, g=RATE, d=RATE)
    after, _ = small.jit(make_train_step(gan, terms))(state, batch, hyper)
    key = named(jax.random.key(0), 'step', 0)
    keys = {'d': named(key, 'd', 0, 'z'), 'g': named(key, 'g', 'z')}
    z = {side: np.asarray(jax.random.normal(one, (B, Z))) for side, one in keys.items()}
    return matrices(state), batch['image'][0].reshape(B, -1) / 255, z, matrices(after)


def matrices(state):
    trees = {
        'G': state.g.params['Dense_0'],
        'E': state.nets['g/pairs/encoder'].params['Dense_0'],
        'P': state.d.params['trunk']['p'],
        'Q': state.d.params['trunk']['q'],
        'w': state.d.params['logit']['Dense_0'],
    }
    return {name: np.asarray(tree['kernel'], np.float64) for name, tree in trees.items()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def transcribed(m, x, latents, error=''):
    """Both updates with the gradients written out; V = log D(x, E x) + log(1 - D(G z, z))."""
    m, sign = dict(m), -1 if error == 'sign' else 1

    def passed(image, z):
        h = np.tanh(image @ m['P'] + z @ m['Q'])
        return h, (h @ m['w'])[:, 0]

    def back(h, of_logit):
        """The gradient at tanh's argument."""
        return of_logit[:, None] * m['w'][:, 0] * (1 - h**2)

    # D descends on -V.
    z, encoded = latents['d'], x @ m['E']
    fake = z @ m['G']
    (h1, real_logit), (h2, fake_logit) = passed(x, encoded), passed(fake, z)
    c1, c2 = -sigmoid(-real_logit) / B, sign * sigmoid(fake_logit) / B
    b1, b2 = back(h1, c1), back(h2, c2)
    slopes = {
        'P': x.T @ b1 + fake.T @ b2,
        'Q': encoded.T @ b1 + z.T @ b2,
        'w': (h1.T @ c1 + h2.T @ c2)[:, None],
    }
    if error == 'encoder in the update of D':
        slopes['E'] = x.T @ (b1 @ m['Q'].T)
    m |= {name: m[name] - RATE * slope for name, slope in slopes.items()}
    # G and E descend on the same game with the labels swapped.
    z, encoded = latents['g'], x @ m['E']
    (h1, real_logit), (h2, fake_logit) = passed(x, encoded), passed(z @ m['G'], z)
    b1, b2 = back(h1, sigmoid(real_logit) / B), back(h2, -sigmoid(-fake_logit) / B)
    factor = 2 if error == 'factor' else 1
    slopes = {'G': z.T @ (b2 @ m['P'].T), 'E': factor * x.T @ (b1 @ m['Q'].T)}
    return m | {name: m[name] - RATE * slope for name, slope in slopes.items()}


def apart(expected):
    *_, after = stepped()
    return max(np.max(np.abs(after[name] - expected[name])) for name in after)


def test_a_step_is_the_papers(x64):
    before, x, latents, after = stepped()
    assert apart(transcribed(before, x, latents)) < 1e-8
    assert all(np.max(np.abs(after[name] - before[name])) > 1e-3 for name in after)


@pytest.mark.parametrize('error', ['sign', 'factor', 'encoder in the update of D'])
def test_a_wrong_transcription_is_noticed(error, x64):
    before, x, latents, _ = stepped()
    assert apart(transcribed(before, x, latents, error)) > 1e-4
