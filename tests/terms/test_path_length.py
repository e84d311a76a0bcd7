"""Path length: a linear generator by hand, the formula in NumPy with errors planted in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.keys import named
from gan_jax.terms import Players
from gan_jax.terms.path_length import path_length
from gan_jax.testing import check_term, small

SHAPE = (2, 3, 1)


def players(matrix, name='w'):
    """Images that are linear in the latents [B, ..., W] with the matrix [..., W, values]."""

    def make(latents, label):
        axes = [[*range(1, latents.ndim)], [*range(latents.ndim - 1)]]
        return {'image': jnp.tensordot(latents, matrix, axes).reshape(-1, *SHAPE)}

    def other(latents, label):
        raise AssertionError(f'the latents are {name}')

    by_name = {'w': (other, make), 'z': (make, other)}[name]
    return Players(*by_name, None, None, None)


def outputs(latents, matrix, name='w'):
    b = len(latents)
    fake = {name: latents, 'image': jnp.zeros((b, *SHAPE)), 'label': np.zeros(b, np.int32)}
    return {'fake': fake, 'players': players(matrix, name)}


def loss(latents, matrix, average=0.0, name='w', key=None, **options):
    term = path_length(**options)
    key = jax.random.key(0) if key is None else key
    return term.g.loss(outputs(latents, matrix, name), {'average': average}, key)


def draws(count):
    """y of that many images, from the key of the term."""
    key = named(jax.random.key(0), 'image')
    return np.asarray(jax.random.normal(key, (count, *SHAPE))).reshape(count, -1) / np.sqrt(6)


def test_by_hand():
    """One latent number that is added to all values: the length is 2 |sum y| of each image."""
    parts, state, metrics = loss(np.zeros((2, 1), np.float32), np.ones((1, 6), np.float32))
    (length,) = 2 * abs(draws(1).sum(1))  # of two images the first is measured
    average = 0.01 * length
    assert parts['length'] == pytest.approx((length - average) ** 2, rel=1e-5)
    assert metrics['average'] == state['average'] == pytest.approx(average, rel=1e-5)


def lengths(matrix, count, factor=2):
    """sqrt of the mean over layers of |factor M y|^2, for matrices [layers, W, values]."""
    slopes = np.einsum('lwv,bv->blw', matrix, draws(count))
    return factor * np.sqrt((slopes**2).sum(2).mean(1))


def formula(matrix, count, average, decay, sign=1, factor=1, stopped=False):
    """The penalty, and its gradient along the matrix itself, in which lengths are linear."""
    found = lengths(matrix, count, 2 * factor)
    a = decay * average + (1 - decay) * found.mean()
    along = found - (0 if stopped else (1 - decay) * found.mean())
    return ((found - sign * a) ** 2).mean(), (2 * (found - sign * a) * along).mean()


@pytest.mark.slow
@pytest.mark.parametrize('layers', [1, 3])
@pytest.mark.parametrize('decay', [0.99, 0.3])
def test_is_the_formula_and_tells_it_from_three_errors(layers, decay, x64):
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((layers, 2, 6))
    w = rng.standard_normal((4, layers, 2))

    def value(scale):
        return loss(w, scale * matrix, 0.7, shrink=1, decay=decay)[0]['length']

    found = np.array(jax.value_and_grad(value)(1.0))
    np.testing.assert_allclose(found, formula(matrix, 4, 0.7, decay), rtol=0, atol=1e-8)
    for error in ({'sign': -1}, {'factor': 2}, {'stopped': True}):
        wrong = np.array(formula(matrix, 4, 0.7, decay, **error))
        assert np.abs(found - wrong).max() > 1e-3, error


def test_without_w_the_latents_are_z():
    z, matrix = np.ones((2, 1), np.float32), np.ones((1, 6), np.float32)
    by_z, by_w = (loss(z, matrix, name=name)[0]['length'] for name in 'zw')
    assert by_z == by_w


@pytest.mark.slow
@pytest.mark.parametrize('shrink', [1, 2, 3])
def test_every_shrinkth_image_is_measured(shrink):
    """Image n is n^2 / 2 everywhere, so that its slope is n."""
    w = np.float32([[1], [2], [3], [4]])
    out, labels = outputs(w, np.ones((1, 6), np.float32)), []
    out['fake']['label'] = np.arange(4)

    def make(w, label):
        labels.append(label.tolist())
        return {'image': jnp.tile((w**2 / 2)[:, :, None, None], (1, *SHAPE))}

    out['players'] = out['players']._replace(synthesize=make)
    term = path_length(0.0, shrink=shrink)
    average = term.g.loss(out, term.init(), jax.random.key(0))[2]['average']
    rows = np.arange(0, 4, shrink)
    assert labels == [rows.tolist()]
    expected = np.mean(2 * abs(draws(len(rows)).sum(1)) * w[rows, 0])
    assert average == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_the_stored_average_has_no_gradient_and_follows_the_lengths(x64):
    matrix = np.random.default_rng(0).standard_normal((2, 6))

    def stored(scale):
        return loss(np.zeros((2, 2)), scale * matrix, shrink=1)[1]['average']

    assert jax.grad(stored)(1.0) == 0
    assert stored(2.0) == pytest.approx(2 * stored(1.0)) and stored(1.0) > 0


@pytest.mark.slow
def test_keeps_every_promise_over_w():
    check_term(path_length(), drawn=['g/length'], generator=small.MappedGenerator())
