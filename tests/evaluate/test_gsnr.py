"""The gradient signal-to-noise ratio: on gradients whose ratio is known, and on a model's."""

import functools
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.evaluate.gsnr import gsnr

PARAMETERS = 300


def truth(seed=0):
    """The mean and deviation of a sample's gradient in each parameter, ratios from 0 to 1."""
    rng = np.random.default_rng(seed)
    deviation = np.exp(rng.normal(size=PARAMETERS))
    return np.linspace(0, 1, PARAMETERS) * deviation, deviation


def drawn(rng, batch_size, count):
    """Gradients of `count` batches, as trees: means of Gaussian samples, drawn as such."""
    mean, deviation = truth()
    batches = mean + deviation / np.sqrt(batch_size) * rng.normal(size=(count, PARAMETERS))
    return [{'a': x[:100].reshape(5, 20), 'b': {'c': x[100:]}} for x in batches]


def agree(values, expected):
    """Whether the mean of many is what is expected, within four of its standard errors."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(expected, abs=4 * error)
    return error


# Against known ratios -----------------------------------------------------------------------------


def test_four_batches_by_hand():
    """Mean 2, variance 8/3, f = 4 * 4 / (8/3) = 6: a third of it less 1 is 1, over 4 * 5."""
    found = gsnr([{'w': np.array([x])} for x in (0.0, 2.0, 2.0, 4.0)], batch_size=5)
    signal, noise = 4 - 8 / 3 / 4, 5 * 8 / 3
    assert found == pytest.approx({
        'gsnr': (6 / 3 - 1) / 20,
        'gsnr_share': 1,
        'gsnr_pooled': signal / noise,
        'noise_scale': noise / signal,
    })  # fmt: skip


@pytest.mark.parametrize(('batch_size', 'count'), [(1, 8), (1, 64), (16, 8), (16, 64), (500, 12)])
def test_no_bias_at_any_number_and_size_of_batches(batch_size, count):
    rng = np.random.default_rng(count)
    found = [gsnr(drawn(rng, batch_size, count), batch_size=batch_size) for _ in range(300)]
    mean, deviation = truth()
    error = agree([x['gsnr'] for x in found], np.mean((mean / deviation) ** 2))
    assert error < 0.02
    # Sums over many parameters: the ratio of two that are without bias has next to none.
    pooled = np.sum(mean**2) / np.sum(deviation**2)
    assert np.mean([x['gsnr_pooled'] for x in found]) == pytest.approx(pooled, rel=0.03)
    assert {x['gsnr_share'] for x in found} == {1}


def test_the_ratio_is_that_of_a_sample_however_they_are_cut_into_batches():
    """The same 240 samples in batches of 4 and of 20."""
    mean, deviation = truth()
    rng, found = np.random.default_rng(0), []
    for _ in range(100):
        samples = mean + deviation * rng.normal(size=(240, PARAMETERS))
        for size in (4, 20):
            batches = samples.reshape(-1, size, PARAMETERS).mean(axis=1)
            found.append(gsnr(batches, batch_size=size))
    for name in ('gsnr', 'gsnr_pooled'):
        of_small, of_large = (np.array([x[name] for x in found[i::2]]) for i in (0, 1))
        assert agree(of_small - of_large, 0) < 0.02 * np.mean(of_small)


def test_linear_regression():
    """Loss (x·w - y)² / 2 of x ~ N(0, I), y = x·v + σ ε. With d = w - v a sample's gradient has
    mean d and variances |d|² + σ² + d_j²."""
    size, count, sigma, d = 32, 40, 0.5, np.array([1.0, -0.5, 0.2, 0.0], np.float32)

    def loss(w, x, noise):
        return jnp.mean((x @ w - noise) ** 2) / 2  # v = 0

    @functools.partial(jax.jit, static_argnums=0)
    def gradients(repeats, key):
        x, noise = (
            jax.random.normal(k, (repeats, count, size, *shape))
            for k, shape in zip(jax.random.split(key), (d.shape, ()), strict=True)
        )
        return jax.vmap(jax.vmap(lambda x, e: jax.grad(loss)(d, x, sigma * e)))(x, noise)

    runs = np.asarray(gradients(400, jax.random.key(0)))
    found = [gsnr(of_run, batch_size=size) for of_run in runs]
    variance = d @ d + sigma**2 + d**2
    # A batch's mean is not quite normal.
    assert agree([x['gsnr'] for x in found], np.mean(d**2 / variance)) < 0.003
    noise_scale = np.median([x['noise_scale'] for x in found])
    assert noise_scale == pytest.approx(np.sum(variance) / (d @ d), rel=0.02)


# What it must not depend on -----------------------------------------------------------------------


def test_the_scale_of_the_loss():
    gradients = drawn(np.random.default_rng(0), 8, 10)
    scaled = [jax.tree.map(lambda x: 1e-6 * x, gradient) for gradient in gradients]
    assert gsnr(scaled, batch_size=8) == pytest.approx(gsnr(gradients, batch_size=8), rel=1e-9)


def test_dead_and_constant_parameters_count_nothing():
    gradients = drawn(np.random.default_rng(0), 8, 10)
    found = gsnr(gradients, batch_size=8)
    dead = gsnr([{**x, 'dead': np.zeros(100)} for x in gradients], batch_size=8)
    assert dead == pytest.approx({**found, 'gsnr_share': PARAMETERS / (PARAMETERS + 100)})
    rounded = [np.float32(0.1) * np.float32(1 + 1e-7 * (i % 2)) for i in range(10)]
    assert len({*rounded}) == 2
    constant = [{**x, 'c': c} for x, c in zip(gradients, rounded, strict=True)]
    assert gsnr(constant, batch_size=8)['gsnr'] == pytest.approx(found['gsnr'])


def test_gradients_that_are_all_zero_have_no_ratio():
    found = gsnr([{'w': np.zeros(3)}] * 5, batch_size=2)
    assert found.pop('gsnr_share') == 0
    assert np.isnan([*found.values()]).all()


def test_noise_without_a_signal_has_no_end():
    found = gsnr([np.array([x]) for x in (-1.0, 1.0, -1.0, 1.0)], batch_size=2)
    assert found['gsnr'] < 0 and found['gsnr_pooled'] < 0
    assert found['noise_scale'] == np.inf


def test_a_small_variance_beside_a_large_mean_keeps_its_digits():
    noise = np.random.default_rng(0).normal(size=(10, 50))
    found = gsnr(1e4 + noise, batch_size=1)
    f = 10 * np.mean(1e4 + noise, axis=0) ** 2 / np.var(noise, axis=0, ddof=1)
    assert found['gsnr'] == pytest.approx(np.mean((7 / 9 * f - 1) / 10), rel=1e-9)


def test_one_gradient_is_held_at_a_time():
    alive = []

    def gradients():
        for i in range(6):
            tree = np.full(5, float(i))
            alive.append(weakref.ref(tree))
            yield tree
            del tree
            assert sum(x() is not None for x in alive) <= 1

    found = gsnr(gradients(), batch_size=1)
    assert len(alive) == 6
    assert found == gsnr([np.full(5, float(i)) for i in range(6)], batch_size=1)


# What it refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('gradients', 'sentence'),
    [
        ([], 'at least 4 gradients, got 0: take more'),
        ([np.ones(2)] * 3, 'at least 4 gradients, got 3: take more'),
        ([{'a': 1.0}, {'a': 1.0, 'b': 1.0}], r"got number 1 that differs .* \(\"\['b'\]\", \(\)\)"),
        ([{'a': np.ones(2)}, {'a': np.ones(3)}], r'number 1 that differs .* \(2,\)\): give trees'),
        ([{'a': 1.0}, {'b': 1.0}], r'number 1 that differs from number 0'),
        ([np.ones(2)] * 4 + [np.array([1, np.nan])], 'must be finite, got NaN .* in number 4'),
        ([np.array([np.inf])], 'must be finite, got NaN or infinity in number 0'),
    ],
)
def test_refused(gradients, sentence):
    with pytest.raises(ValueError, match=sentence):
        gsnr(iter(gradients), batch_size=2)


def test_a_batch_without_samples():
    with pytest.raises(ValueError, match='batch_size must be at least 1, got 0'):
        gsnr([], batch_size=0)
