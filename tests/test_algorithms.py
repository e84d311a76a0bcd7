"""Ten steps against algorithms 1 and 2 of Zhao et al. 2020 (arXiv 2006.02595), written out plainly.

No views, nothing shared, no joint pass: D is called by itself on every set of images, as the paper
writes it. Only the names of the random draws are the program's, so that both see the same pixels
and latents. Two things the paper does not say are as in the program: each D call of one update
starts from the same vectors of spectral normalisation, which move on once, and BatchNorm's running
statistics move in G's update.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.augment import policy
from gan_jax.experiment.presets import method
from gan_jax.keys import named
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.terms.contrastive import cntr
from tests import small

SEED, STEPS, STRENGTH, TEMPERATURE = 7, 10, 0.25, 0.1
RATE = float(np.float32(4e-4))  # `Hyper` holds float32
FACTORIES = {'adversarial': hinge, 'consistency': balanced, 'contrastive': cntr}
ADAM = {'b1': 0.5, 'b2': 0.999}


def cntr_loss(a, b):
    """CntrLoss of algorithm 2: -log of a softmax over the other 2N - 1 rows, the mean over 2N."""
    rows = jnp.concatenate([a, b])
    rows = rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
    count = len(rows)
    others = jnp.exp(rows @ rows.T / TEMPERATURE) * (1 - jnp.eye(count))
    positive = others[jnp.arange(count), (jnp.arange(count) + count // 2) % count]
    return jnp.mean(-jnp.log(positive / others.sum(axis=1)))


def make_transcription(generator, critic, weights):
    """(players, step, batch) -> players, where a player is (weights, collections, Adam's state)."""
    adam = optax.adam(RATE, **ADAM)
    augment = policy.parse('translation')

    def t(key, source, draw, images):
        name = f'{source} gan_jax.views.augmented translation {draw}'
        return augment(named(key, 'view', name), images, STRENGTH)

    def generate(theta, stats, key, count):
        z = jax.random.normal(named(key, 'z'), (count, small.LATENT))
        label = jnp.zeros(count, jnp.int32)  # nothing here is conditional
        return generator.apply(
            {'params': theta, **stats}, z, label, train=True, mutable=['batch_stats']
        )

    def look(theta, stats, images):
        label = jnp.zeros(len(images), jnp.int32)
        return critic.apply(
            {'params': theta, **stats}, images, label, train=True, mutable=['batch_stats']
        )

    def project(theta, h):
        first, second = (theta['heads_contrastive'][f'Dense_{i}'] for i in range(2))
        hidden = jnp.maximum(h @ first['kernel'] + first['bias'][None], 0)
        return hidden @ second['kernel'] + second['bias'][None]

    def d_update(g, d, key, real):
        (theta_g, stats_g, _), (theta_d, stats_d, opt_d) = g, d
        fake, _ = generate(theta_g, stats_g, key, len(real))

        def loss(theta):
            def logit(images):
                return look(theta, stats_d, images)[0]['logit']

            def h(images):
                return project(theta, look(theta, stats_d, images)[0]['features'])

            total = jnp.mean(jnp.maximum(0, 1 - logit(real)))
            total += jnp.mean(jnp.maximum(0, 1 + logit(fake)))
            if 'consistency' in weights:
                l_real = jnp.mean((logit(real) - logit(t(key, 'real', 0, real))) ** 2)
                l_fake = jnp.mean((logit(fake) - logit(t(key, 'fake', 0, fake))) ** 2)
                total += weights['consistency'] * (l_real + l_fake)
            if 'contrastive' in weights:
                h_real1, h_real2 = (h(t(key, 'real', i, real)) for i in (0, 1))
                h_fake1, h_fake2 = (h(t(key, 'fake', i, fake)) for i in (0, 1))
                l_cntr = cntr_loss(h_real1, h_real2) + cntr_loss(h_fake1, h_fake2)
                total += weights['contrastive'] * l_cntr
            return total

        moves, opt_d = adam.update(jax.grad(loss)(theta_d), opt_d)
        _, after = look(theta_d, stats_d, real)
        return optax.apply_updates(theta_d, moves), after, opt_d

    def g_update(g, d, key, count):
        (theta_g, stats_g, opt_g), (theta_d, stats_d, _) = g, d

        def loss(theta):
            fake, after = generate(theta, stats_g, key, count)
            return -jnp.mean(look(theta_d, stats_d, fake)[0]['logit']), after

        grads, after = jax.grad(loss, has_aux=True)(theta_g)
        moves, opt_g = adam.update(grads, opt_g)
        return optax.apply_updates(theta_g, moves), after, opt_g

    def step(g, d, number, rows):
        key = named(jax.random.key(SEED), 'step', number)
        for i, images in enumerate(rows):
            d = d_update(g, d, named(key, 'd', i), images.astype(float) / 255)
        return g_update(g, d, named(key, 'g'), rows.shape[1]), d

    return step


def player(net):
    return net.params, net.stats, net.opt


SLOW = pytest.param('bcr_cntr', 2, marks=pytest.mark.slow)


# The algorithms have one D update for each of G; the last case has two.
@pytest.mark.parametrize(('name', 'd_steps'), [('bcr', 1), ('cntr', 1), SLOW])
def test_ten_steps_follow_the_paper(name, d_steps, x64):
    blocks = method(name, 'translation', STRENGTH)['terms']
    terms = {term: FACTORIES[term]() for term in blocks}
    weights = {term: float(np.float32(block['weight'])) for term, block in blocks.items()}
    optimizers = {side: optax.adam(1.0, **ADAM) for side in 'gd'}
    gan = small.make_gan(terms, optimizers=optimizers)
    start = state = small.first_state(gan, terms, seed=SEED, dtype=np.float64)
    step = small.compiled(gan, terms)
    hyper = small.make_hyper(weights, seed=SEED, strength=STRENGTH, g=RATE, d=RATE)
    transcription = small.jit(make_transcription(small.Generator(), gan.critic, weights))
    g, d = player(start.g), player(start.d)
    for number in range(STEPS):
        batch = small.make_batch(d_steps=d_steps, seed=number)
        state, _ = step(state, batch, hyper)
        g, d = transcription(g, d, number, batch['image'])
    assert state.step == STEPS
    assert small.distance((player(state.g), player(state.d)), (g, d)) < 1e-8
    # Every kernel has moved far beyond that, those of a term's head too.
    for net, before in ((state.g, start.g), (state.d, start.d)):
        moves = jax.tree.map(lambda a, b: np.abs(a - b).max(), net.params, before.params)
        paths = jax.tree_util.tree_leaves_with_path(moves)
        assert min(move for path, move in paths if path[-1].key == 'kernel') > 1e-3
