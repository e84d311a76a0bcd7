"""Adaptive pseudo augmentation by hand, and steps of it in NumPy, with errors planted there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.gan import Augment
from gan_jax.keys import named
from gan_jax.models.critic import Critic
from gan_jax.step import make_train_step
from gan_jax.terms.ada import ada
from gan_jax.terms.adversarial import wasserstein
from gan_jax.terms.apa import apa
from tests import small
from tests.terms.linear import Flat, Generator, keys, latents

OPTIONS = {'target': 0.6, 'images': 32.0, 'interval': 2}  # p moves by 2 * 4 / 32 = 0.25
RATE, D_STEPS = 0.05, 2


def sources():
    """Three reals of 0 and three fakes of 1, of classes 0 and 5."""
    rows = np.arange(3, dtype=np.int32)
    real = {'image': np.zeros((3, 2, 2, 1)), 'label': 0 * rows, 'index': rows}
    fake = {'image': np.ones((3, 2, 2, 1)), 'label': 0 * rows + 5, 'z': np.zeros((3, 1))}
    return {'real': real, 'fake': fake}


@pytest.mark.parametrize('p', [0.0, 0.5, 1.0])
def test_by_hand(p):
    """With p = 0.5 the draw of this key takes some reals and leaves some."""
    given = sources()
    mixed = apa().mix(small.new_key(4), given, {'p': jnp.float32(p)})
    assert mixed.keys() == given.keys() and mixed['fake'] is given['fake']
    real = jax.device_get(mixed['real'])
    taken = real['image'][:, 0, 0, 0]
    assert {*taken} == {0.0: {0}, 0.5: {0, 1}, 1.0: {1}}[p]
    np.testing.assert_array_equal(real['image'], taken[:, None, None, None] * np.ones((2, 2, 1)))
    np.testing.assert_array_equal(real['label'], 5 * taken)
    np.testing.assert_array_equal(real['index'], np.where(taken, -1, range(3)))


def test_p_is_the_share_of_reals_that_give_way():
    given = jax.tree.map(lambda x: np.repeat(x, 1000, axis=0), sources())
    mixed = apa().mix(small.new_key(0), given, {'p': jnp.float32(0.3)})
    assert abs(np.mean(mixed['real']['image']) - 0.3) < 0.03  # three and a half deviations


def test_the_controller_is_adas_and_moves_no_number_of_the_config():
    mine, other = apa(0.4, images=160.0, interval=2), ada(0.4, images=160.0, interval=2)
    assert mine.controls == {} and mine.d.views == other.d.views
    states = [mine.init(), other.init()]
    for logits in ([1.0, 2.0, 3.0, 1.0], [1.0, -1.0, 1.0, 1.0], [-1.0] * 4, [-1.0] * 4):
        out = {'real': {'logit': jnp.float32(logits)}}
        results = [
            term.d.loss(out, state, None) for term, state in zip((mine, other), states, strict=True)
        ]
        assert results[0] == results[1]
        states = [state for _, state, _ in results]


# In the step --------------------------------------------------------------------------------------


def gan_of(terms, **options):
    critic = Critic(Flat(), {}, small.PlainLogit())
    return small.make_gan(terms, generator=Generator(), critic=critic, augment=Augment(), **options)


def with_bias(state, value):
    """D that takes everything for real, or for generated, by the sign of the logit's bias."""
    dense = {**state.d.params['logit']['Dense_0'], 'bias': np.full(1, value)}
    params = {**state.d.params, 'logit': {'Dense_0': dense}}
    return state.replace(d=state.d.replace(params=params))


def algorithm(w, v, biases, batches, sign=1, factor=1, stopped=True):
    """Steps of WGAN with APA, with D(x) = x v + b and G(z) = tanh(z w) in [-1, 1]; and each p."""
    p, signs, seen = 0.0, [], []
    for number, (b, images) in enumerate(zip(biases, batches, strict=True)):
        *of_d, of_g = latents(number, D_STEPS)
        for image, z, key in zip(images, of_d, keys(number, D_STEPS), strict=False):
            fake = np.tanh(z @ w)
            deceive = jax.random.bernoulli(named(key, 'mix', 'apa'), np.float32(p), (len(z),))
            deceive = np.asarray(deceive)[:, None]
            real = np.where(deceive, fake, 2 * (image / 255).reshape(len(image), -1) - 1)
            signs.append(np.sign(real @ v + b).mean())
            by_v = (fake.mean(0) - real.mean(0))[:, None]
            if not stopped:  # the images that pass for reals move G as well
                w = w + RATE * z.T @ (deceive * (1 - fake**2) * v[:, 0]) / len(z)
            v = v - RATE * by_v
            seen.append(p)
            if len(signs) == OPTIONS['interval']:
                move = len(signs) * len(z) / OPTIONS['images'] * factor
                p = p + sign * np.sign(np.mean(signs) - OPTIONS['target']) * move
                p, signs = float(np.clip(p, 0, 1)), []
        fake = np.tanh(of_g @ w)
        w = w + RATE * of_g.T @ ((1 - fake**2) * v[:, 0]) / len(of_g)
    return w, v, np.array([*seen, p])


@pytest.mark.slow
def test_steps_are_the_algorithm_and_not_one_with_an_error(x64):
    """D takes all for real for two steps and nothing afterwards: p rises to 0.5, and falls to 0."""
    terms = {'base': wasserstein(), 'apa': apa(**OPTIONS)}
    gan = gan_of(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0), g=RATE, d=RATE)
    step, after, seen = small.compiled(gan, terms), state, []
    biases = [50.0, 50.0, -50.0, -50.0]
    batches = [small.make_batch(d_steps=D_STEPS, seed=seed) for seed in range(4)]
    for bias, batch in zip(biases, batches, strict=True):
        after, metrics = step(with_bias(after, bias), batch, hyper)
        seen.append(float(metrics['d/apa/r_t']))
        assert float(after.terms['apa']['p']) == [0.25, 0.5, 0.25, 0][len(seen) - 1]
    assert seen == [1, 1, -1, -1]

    def parts(state):
        return state.g.params['w']['kernel'], state.d.params['logit']['Dense_0']['kernel']

    def apart(**error):
        *expected, p = algorithm(*parts(state), biases, [b['image'] for b in batches], **error)
        pairs = zip(parts(after), expected, strict=True)
        return max(np.abs(a - b).max() for a, b in pairs), p

    distance, p = apart()
    assert distance < 1e-8
    np.testing.assert_allclose(p, [0, 0, 0.25, 0.25, 0.5, 0.5, 0.25, 0.25, 0], atol=1e-12)
    for error in ({'sign': -1}, {'factor': 2}, {'stopped': False}):
        assert apart(**error)[0] > 1e-3, error


@pytest.mark.slow
def test_with_p_at_zero_the_step_is_the_step_without():
    terms = {'base': wasserstein(), 'apa': apa()}
    gan, bare = gan_of(terms), {'base': wasserstein()}
    state = small.first_state(gan, terms)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    after, metrics = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    other, _ = small.compiled(gan_of(bare), bare)(
        state.replace(terms={'base': {}}), small.make_batch(), small.make_hyper({'base': 1.0})
    )
    assert metrics['d/apa/p'] == 0
    assert small.distance(after.d, other.d) < 1e-6 and small.distance(after.g, other.g) < 1e-6


@pytest.mark.slow
def test_every_part_of_a_batch_counts():
    """Two parts of two images: p has moved once, by 2 * 2 / 32."""
    terms = {'base': wasserstein(), 'apa': apa(**OPTIONS)}
    gan = gan_of(terms, accumulate=2)
    state = with_bias(small.first_state(gan, terms), np.float32(50))
    state = jax.tree.map(lambda x: np.asarray(x, np.float32) if x.dtype == float else x, state)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    after, _ = small.jit(make_train_step(gan, terms))(state, small.make_batch(), hyper)
    assert float(after.terms['apa']['p']) == 0.125
