"""Policies joined with a draw for each image: laws, and the draws written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import branches
from gan_jax.keys import named
from tests.augment.ramps import LIKELY, is_even
from tests.small import new_key

COUNT = 6000
IMAGES = np.random.default_rng(0).uniform(size=(COUNT, 1, 1, 1)).astype(np.float32)


def draw(count, images=IMAGES):
    """[count, B], the draw of a function with key 11."""
    key = named(new_key(11), 'draw')
    return np.asarray(jax.random.uniform(key, (count, len(images)), jnp.float32))


def times(*factors):
    """Policies that multiply by a factor, each."""
    return [lambda key, images, factor=factor: images * factor for factor in factors]


def noise(key, images):
    return images + jax.random.normal(key, images.shape, images.dtype)


def flat(images):
    return np.asarray(images).reshape(len(images), -1)[:, 0]


def test_sometimes_changes_each_image_with_its_probability():
    (policy,) = times(2)
    out = branches.sometimes(new_key(11), IMAGES, policy, 0.3)
    changed = flat(out / IMAGES) == 2
    np.testing.assert_array_equal(changed, draw(1)[0] < np.float32(0.3))
    np.testing.assert_array_equal(out[~changed], IMAGES[~changed])
    assert stats.binomtest(int(changed.sum()), COUNT, 0.3).pvalue > LIKELY


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_certainty_is_certain(dtype):
    images = jnp.asarray(IMAGES, dtype)
    never = branches.sometimes(new_key(11), images, noise, 0)
    np.testing.assert_array_equal(never, images)
    always = branches.sometimes(new_key(11), images, noise, 1)
    np.testing.assert_array_equal(always, noise(named(new_key(11), 0), images))


def test_sometimes_refuses_a_probability_for_each_image():
    with pytest.raises(ValueError, match=r'probability must be a scalar, got shape \[6000\]'):
        branches.sometimes(new_key(11), IMAGES, noise, np.full(COUNT, 0.5))


def test_one_of_gives_each_image_one_result_all_equally_likely():
    out = flat(branches.one_of(new_key(11), IMAGES, times(2, 3, 4)) / IMAGES)
    chosen = np.round(out).astype(int) - 2
    np.testing.assert_allclose(out, chosen + 2, rtol=1e-6)
    np.testing.assert_array_equal(chosen, np.floor(3 * draw(1)[0]).astype(int))
    assert is_even(np.bincount(chosen))


def test_one_of_takes_whole_results_each_under_its_own_key():
    images = np.zeros((32, 2, 2, 1), np.float32)
    out = np.asarray(branches.one_of(new_key(11), images, [noise, noise]))
    either = [np.asarray(noise(named(new_key(11), i), images)) for i in (0, 1)]
    first = np.floor(2 * draw(1, images)[0]) == 0
    np.testing.assert_array_equal(out, np.where(first[:, None, None, None], *either))
    assert 0 < first.sum() < 32


@pytest.mark.parametrize(('count', 'products'), [(1, [2, 3, 5]), (2, [6, 10, 15]), (3, [30])])
def test_n_of_takes_so_many_different_ones(count, products):
    out = flat(branches.n_of(new_key(11), IMAGES, times(2, 3, 5), count) / IMAGES)
    found, counts = np.unique(np.round(out), return_counts=True)
    np.testing.assert_allclose(out, np.round(out), rtol=1e-6)
    assert found.tolist() == products
    assert len(products) == 1 or is_even(counts)


def test_n_of_takes_those_with_the_smallest_draws_in_the_order_given():
    policies = [lambda key, x: x + 1, lambda key, x: 2 * x, lambda key, x: x - 3]
    out = flat(branches.n_of(new_key(11), IMAGES, policies, 2))
    for i, uniforms in enumerate(draw(3).T[:50]):
        expected = IMAGES[i, 0, 0, 0]
        for j in sorted(np.argsort(uniforms)[:2]):
            expected = policies[j](None, expected)
        np.testing.assert_allclose(out[i], expected, rtol=1e-6)


def test_n_of_breaks_ties(monkeypatch):
    monkeypatch.setattr(branches, '_draw', lambda key, images, count: jnp.zeros((count, COUNT)))
    out = branches.n_of(new_key(11), IMAGES, times(2, 3, 5), 2)
    np.testing.assert_allclose(out, 6 * IMAGES, rtol=1e-6)


def one_hot(i, count):
    return lambda key, images: images * np.eye(count, dtype=np.float32)[i]


@pytest.mark.parametrize('count', [2, 3, 5])
def test_mix_weighs_by_a_flat_dirichlet(count):
    images = np.ones((COUNT, 1, 1, count), np.float32)
    policies = [one_hot(i, count) for i in range(count)]
    weights = np.asarray(branches.mix(new_key(11), images, policies))[:, 0, 0]
    cuts = np.sort(draw(count - 1), axis=0).astype(float)
    expected = np.diff(np.vstack([np.zeros(COUNT), cuts, np.ones(COUNT)]), axis=0).T
    np.testing.assert_array_equal(weights, expected)
    assert np.all(weights.sum(axis=1) == 1) and weights.min() >= 0
    for one in weights.T:  # a weight of Dirichlet(1, ..., 1) has the law Beta(1, count - 1)
        assert stats.kstest(one, stats.beta(1, count - 1).cdf).pvalue > LIKELY
    correlations = np.corrcoef(weights.T)[~np.eye(count, dtype=bool)]
    np.testing.assert_allclose(correlations, -1 / (count - 1), atol=0.05)


def test_mix_averages_the_results_under_their_own_keys(x64):
    images = IMAGES[:20].astype(float)
    out = branches.mix(new_key(11), images, [noise, noise])
    weight = draw(1, images)[0].astype(float)[:, None, None, None]
    first, second = (noise(named(new_key(11), i), images) for i in (0, 1))
    np.testing.assert_allclose(out, weight * first + (1 - weight) * second, rtol=1e-12)


def test_mix_keeps_the_range_and_the_type():
    white = jnp.ones((COUNT, 1, 1, 1), jnp.float32)
    np.testing.assert_array_equal(branches.mix(new_key(11), white, times(1, 1, 1, 1)), white)
    half = branches.mix(new_key(11), jnp.asarray(IMAGES, jnp.bfloat16), times(1, 1))
    assert half.dtype == jnp.bfloat16
    np.testing.assert_array_equal(half, jnp.asarray(IMAGES, jnp.bfloat16))


JOINED = {
    'sometimes': lambda key, x: branches.sometimes(key, x, lambda key, x: 3 * x, 0.5),
    'one_of': lambda key, x: branches.one_of(key, x, times(3, 5)),
    'n_of': lambda key, x: branches.n_of(key, x, times(3, 5, 7), 2),
    'mix': lambda key, x: branches.mix(key, x, times(3, 5)),
}


@pytest.mark.parametrize('joined', JOINED.values(), ids=JOINED)
def test_the_gradient_is_the_chosen_policys(joined):
    images = IMAGES[:50]
    out, pullback = jax.vjp(lambda x: joined(new_key(11), x), images)
    (slope,) = pullback(jnp.ones_like(out))
    np.testing.assert_allclose(slope * images, out, rtol=1e-5)  # all of them are linear
