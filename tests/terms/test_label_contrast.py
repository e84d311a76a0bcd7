"""2C and D2D-CE: numbers by hand, the formulas in NumPy, and errors planted in them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import label_contrast
from gan_jax.views import View
from tests.singular import normalised

LABEL = np.array([0, 2, 0, 1, 2])


def vectors(seed=0):
    """Embeddings and proxies [5, 4] in float64; equal labels have equal proxies."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((5, 4)), rng.standard_normal((3, 4))[LABEL]


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def two_c(e, p, t, sign=1, factor=1, itself=False):
    """Kang & Park 2020, one image after another."""
    losses = []
    for i, y in enumerate(LABEL):
        own = np.exp(sign * cosine(e[i], p[i]) / t)
        rest = [j for j in range(len(LABEL)) if itself or j != i]
        each = {j: np.exp(factor * cosine(e[i], e[j]) / t) for j in rest}
        same = sum(each[j] for j in rest if LABEL[j] == y)
        losses.append(-np.log((own + same) / (own + sum(each.values()))))
    return np.mean(losses)


def d2d(e, p, t, m, sign=1, factor=1, negatives=1.0):
    """Kang et al. 2021, one image after another."""
    losses = []
    for i, y in enumerate(LABEL):
        own = np.exp(min(0, sign * (cosine(e[i], p[i]) - m)) / t)
        apart = [
            np.exp(max(0, factor * cosine(e[i], e[j]) - (negatives - m)) / t)
            for j in range(len(LABEL))
            if LABEL[j] != y
        ]
        losses.append(-np.log(own / (own + sum(apart))))
    return np.mean(losses)


def parts(term, e, p):
    out = {
        name: {'head': {'embedding': x, 'proxy': p}, 'label': LABEL}
        for name, x in (('real', e), ('fake', -e))
    }
    return {**term.d.loss(out, {}, None)[0], **term.g.loss(out, {}, None)[0]}


ERRORS = ({'sign': -1}, {'factor': 2})


def test_two_c_is_the_formula_and_tells_it_from_three_errors(x64):
    e, p = vectors()
    for options, t in (({}, 1.0), ({'temperature': 0.3}, 0.3)):
        found = parts(label_contrast.contragan(num_classes=3, **options), e, p)
        assert found == {
            'real': pytest.approx(two_c(e, p, t), abs=1e-8, rel=0),
            'fake': pytest.approx(two_c(-e, p, t), abs=1e-8, rel=0),
        }
        for error in (*ERRORS, {'itself': True}):
            assert abs(found['real'] - two_c(e, p, t, **error)) > 1e-3, error


def test_d2d_ce_is_the_formula_and_tells_it_from_three_errors(x64):
    e, p = vectors()
    for options, t, m in (({}, 0.5, 0.98), ({'temperature': 0.3, 'margin': 0.6}, 0.3, 0.6)):
        found = parts(label_contrast.reacgan(num_classes=3, **options), e, p)
        assert found == {
            'real': pytest.approx(d2d(e, p, t, m), abs=1e-8, rel=0),
            'fake': pytest.approx(d2d(-e, p, t, m), abs=1e-8, rel=0),
        }
        for error in (*ERRORS, {'negatives': 0}):
            assert abs(found['real'] - d2d(e, p, t, m, **error)) > 1e-3, error


PLANE = jnp.float32([[1, 0], [0, 1], [2, 0]])  # cosines 0 between the classes, 1 within
CLASSES = jnp.array([0, 1, 0])


@pytest.mark.slow
def test_two_c_by_hand():
    value = label_contrast.conditional_contrast(PLANE, 3 * PLANE, CLASSES, 1.0)
    # Own proxy e; images 0 and 2 have each other, e, and image 1, 1; image 1 has two of 1.
    apart = -np.log(2 * np.e / (2 * np.e + 1)), -np.log(np.e / (np.e + 2))
    assert value == pytest.approx((2 * apart[0] + apart[1]) / 3, abs=1e-6)


def test_d2d_ce_by_hand():
    value = label_contrast.data_to_data(PLANE, 3 * PLANE, CLASSES, 1.0, 0.5)
    # Every image is at its proxy and far from the other class: all exponents are 0.
    assert value == pytest.approx((2 * np.log(2) + np.log(3)) / 3, abs=1e-6)
    value = label_contrast.data_to_data(PLANE, -PLANE, CLASSES, 1.0, 0.5)  # 1.5 below the margin
    expected = (2 * np.log(1 + np.exp(1.5)) + np.log(1 + 2 * np.exp(1.5))) / 3
    assert value == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_d2d_ce_lets_be_what_is_beyond_its_margins():
    def loss(e, p):
        return label_contrast.data_to_data(e, p, CLASSES, 1.0, 0.5)

    grads = jax.grad(loss, argnums=(0, 1))(PLANE, 3 * PLANE)
    assert not any(np.any(np.asarray(g)) for g in grads)


@pytest.mark.parametrize('factory', [label_contrast.contragan, label_contrast.reacgan])
def test_fields(factory):
    term = factory(num_classes=3, size=7)
    assert (term.d.views, term.g.views) == ({'real': View('real')}, {'fake': View('fake')})
    assert term.head == label_contrast.EmbeddingHead(3, 7) and term.init() == {}
    assert factory(num_classes=3).head.size == 512


@pytest.mark.slow
def test_head_has_spectral_norm_and_the_proxies_of_the_labels():
    features, label = np.eye(4, dtype=np.float32), np.array([2, 0, 2, 1])
    head = label_contrast.EmbeddingHead(3, 5)
    _, variables = head.init_with_output(jax.random.key(0), features, label, train=True)
    out, moved = head.apply(variables, features, label, train=True, mutable=['batch_stats'])
    np.testing.assert_allclose(out['embedding'], normalised(variables, 'embedding'), rtol=1e-5)
    np.testing.assert_allclose(out['proxy'], normalised(variables, 'proxies')[label], rtol=1e-5)
    for name in ('embedding', 'proxies'):
        before, after = (x['batch_stats'][f'spectral_{name}'] for x in (variables, moved))
        assert not np.array_equal(before[f'{name}/kernel/u'], after[f'{name}/kernel/u'])
