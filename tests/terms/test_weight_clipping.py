"""WGAN's clip by hand, and two steps of its algorithm in NumPy, with errors planted there."""

import numpy as np

from gan_jax.gan import Augment
from gan_jax.models.critic import Critic
from gan_jax.terms.adversarial import wasserstein
from gan_jax.terms.weight_clipping import weight_clipping
from tests import small
from tests.terms.linear import Flat, Generator, latents

LIMIT, RATE = 0.3, 0.5


def test_by_hand():
    params = {'kernel': np.float32([-0.02, 0.005, 3]), 'head': {'bias': np.float32([-0.01])}}
    clipped = weight_clipping().project['d'](params)
    np.testing.assert_allclose(clipped['kernel'], [-0.01, 0.005, 0.01], rtol=1e-6)
    np.testing.assert_allclose(clipped['head']['bias'], [-0.01], rtol=1e-6)


def test_clips_the_discriminator_alone_and_adds_to_no_loss():
    term = weight_clipping()
    assert [*term.project] == ['d'] and term.d is term.g is term.head is None


def algorithm(w, v, b, batch, zs, sign=1, factor=1, stopped=True, late=True):
    """Steps of critic updates and one of G, with D(x) = x v + b and G(z) = tanh(z w) in [-1, 1]."""

    def clip(x):
        return np.minimum(np.maximum(x, -factor * LIMIT), factor * LIMIT)

    for images, (*of_d, of_g) in zip(batch, zs, strict=True):
        for image, z in zip(images, of_d, strict=True):
            real, fake = 2 * (image / 255).reshape(len(image), -1) - 1, np.tanh(z @ w)
            by_v = sign * (fake.mean(0) - real.mean(0))[:, None]
            if not stopped:  # G descends on the critic's loss as well
                w = w - RATE * z.T @ ((1 - fake**2) * v[:, 0]) / len(z)
            v, b = (v - RATE * by_v, b) if late else (clip(v) - RATE * by_v, clip(b))
            v, b = (clip(v), clip(b)) if late else (v, b)
        fake = np.tanh(of_g @ w)
        w = w + RATE * of_g.T @ ((1 - fake**2) * v[:, 0]) / len(of_g)
    return w, v, b


def test_two_steps_are_the_algorithm_and_not_one_with_an_error(x64):
    terms = {'base': wasserstein(), 'clip': weight_clipping(LIMIT)}
    critic = Critic(Flat(), {}, small.PlainLogit())
    gan = small.make_gan(terms, generator=Generator(), critic=critic, augment=Augment())
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper({'base': 1, 'clip': 1}, g=RATE, d=RATE)
    step, after = small.compiled(gan, terms), state
    batches = [small.make_batch(d_steps=2, seed=seed) for seed in (0, 1)]
    for batch in batches:
        after, _ = step(after, batch, hyper)

    def parts(state):
        dense = state.d.params['logit']['Dense_0']
        return state.g.params['w']['kernel'], dense['kernel'], dense['bias']

    zs = [latents(number, d_steps=2) for number in (0, 1)]
    arguments = (*parts(state), [b['image'] for b in batches], zs)
    found = parts(after)
    assert np.mean(np.abs(found[1]) == LIMIT) > 0.1  # the clip acts, and not everywhere
    assert np.mean(np.abs(found[1]) < LIMIT) > 0.1

    def apart(**error):
        expected = algorithm(*arguments, **error)
        return max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True))

    assert apart() < 1e-8
    for error in ({'sign': -1}, {'factor': 2}, {'stopped': False}, {'late': False}):
        assert apart(**error) > 1e-3, error
