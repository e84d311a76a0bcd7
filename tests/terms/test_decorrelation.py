"""Losses without negatives: numbers by hand, the formulas in NumPy, and errors planted in them."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import decorrelation
from gan_jax.terms.contrastive import ProjectionHead
from gan_jax.views import View, augmented

VIEWS = ('real_1', 'real_2', 'fake_1', 'fake_2')


def projections(seed=0, count=6, size=4):
    """Of two views of reals and of fakes, [6, 4] in float64; views of one image are alike."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((2, 1, count, size))
    return dict(
        zip(
            VIEWS,
            (first + 0.7 * rng.standard_normal((2, 2, count, size))).reshape(4, count, size),
            strict=True,
        )
    )


def loss(term, h):
    return term.d.loss({name: {'head': {'projection': x}} for name, x in h.items()}, {}, None)


def barlow(a, b, lam=0.0051, sign=1, factor=1, biased=True):
    n, f = a.shape
    deviation = [np.sqrt(x.var(axis=0, ddof=0 if biased else 1) + 1e-5) for x in (a, b)]
    a, b = ((x - x.mean(axis=0)) / s for x, s in zip((a, b), deviation, strict=True))
    c = np.array([[sum(a[:, i] * b[:, j]) / n for j in range(f)] for i in range(f)])
    on = sum((1 - sign * c[i, i]) ** 2 for i in range(f))
    off = sum(c[i, j] ** 2 for i in range(f) for j in range(f) if i != j)
    return on + factor * lam * off


def vic(a, b, weights=(25, 25, 1), sign=1, factor=1, ddof=1):
    total = weights[0] * np.mean((a - b) ** 2)
    for x in (a, b):
        n, f = x.shape
        x = x - x.mean(axis=0)
        cov = [[sum(x[:, i] * x[:, j]) / (n - ddof) for j in range(f)] for i in range(f)]
        hinge = np.mean([max(0, 1 - sign * np.sqrt(cov[i][i] + 1e-4)) for i in range(f)])
        off = sum(cov[i][j] ** 2 for i in range(f) for j in range(f) if i != j) / f
        total += weights[1] * hinge / 2 + factor * weights[2] * off
    return total


def uniform(a, b, sign=1, factor=1, itself=False):
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    m = (a + sign * b) / 2
    pairs = [(i, j) for i in range(len(m)) for j in range(len(m)) if itself or i != j]
    return np.log(np.mean([np.exp(-factor * np.sum((m[i] - m[j]) ** 2)) for i, j in pairs]))


# Factory, options, the formula with them, and an error of its own.
CASES = [
    (decorrelation.barlow_twins, {}, barlow, {}, {'biased': False}),
    (decorrelation.barlow_twins, {'off_diagonal': 0.5}, barlow, {'lam': 0.5}, {'biased': False}),
    (decorrelation.vicreg, {}, vic, {}, {'ddof': 0}),
    (
        decorrelation.vicreg,
        {'invariance': 2.0, 'variance': 3.0, 'covariance': 5.0},
        vic,
        {'weights': (2, 3, 5)},
        {'ddof': 0},
    ),
    (decorrelation.uniformity, {}, uniform, {}, {'itself': True}),
]


@pytest.mark.parametrize(('factory', 'options', 'formula', 'same', 'own'), CASES)
def test_is_the_formula_and_tells_it_from_three_errors(factory, options, formula, same, own, x64):
    h, term = projections(), factory(**options)
    parts, state, _ = loss(term, h)
    real, fake = (h['real_1'], h['real_2']), (h['fake_1'], h['fake_2'])
    assert parts == {
        'real': pytest.approx(formula(*real, **same), abs=1e-8, rel=1e-9),
        'fake': pytest.approx(formula(*fake, **same), abs=1e-8, rel=1e-9),
    }
    assert state == {}
    for error in ({'sign': -1}, {'factor': 2}, own):
        assert abs(parts['real'] - formula(*real, **same, **error)) > 1e-5, error


@pytest.mark.parametrize(
    'factory', [decorrelation.barlow_twins, decorrelation.vicreg, decorrelation.uniformity]
)
def test_fields(factory):
    term = factory(hidden=5, size=3)
    assert term.g is None and term.head == ProjectionHead(5, 3) and term.init() == {}
    assert factory().head == ProjectionHead(128, 128)
    assert term.d.views == {
        'real_1': View('real', augmented),
        'real_2': View('real', augmented, draw=1),
        'fake_1': View('fake', augmented),
        'fake_2': View('fake', augmented, draw=1),
    }


def test_cross_correlation_by_hand():
    a = jnp.float32([[100, -100], [-100, 100]])  # two columns of opposite signs
    # C is 1 on the diagonal and -1 beside it; of swapped columns it is -1 and 1.
    assert decorrelation.cross_correlation(a, a, 0.5) == pytest.approx(2 * 0.5, abs=1e-4)
    assert decorrelation.cross_correlation(a, a[:, ::-1], 0.5) == pytest.approx(8 + 1, abs=1e-4)


def test_variance_covariance_by_hand():
    a = jnp.float32([[0, 0], [0, 2]])
    b = jnp.float32([[0, 1], [0, 3]])
    # The difference is 1 in half of the numbers; the first column has a deviation of 0.01, the
    # second of sqrt(2); nothing is correlated.
    value = decorrelation.variance_covariance(a, b, 3, 2, 7)
    assert value == pytest.approx(3 / 2 + 2 * 0.99 / 2, abs=1e-5)
    # Columns that rise together: a covariance of 2 twice, squared, over two columns, for each view.
    rising = jnp.float32([[0, 0], [2, 2]])
    value = decorrelation.variance_covariance(rising, rising, 3, 2, 7)
    assert value == pytest.approx(7 * 2 * (2**2 + 2**2) / 2, abs=1e-4)


def test_decoupled_uniformity_by_hand():
    a, b = jnp.float32([[3, 0], [-1, 0]]), jnp.float32([[0, 2], [0, -5]])
    # The means are (1/2, 1/2) and (-1/2, -1/2), at a squared distance of 2.
    assert decorrelation.decoupled_uniformity(a, b) == pytest.approx(-2, abs=1e-6)
    # Views that agree: (1, 0) and (-1, 0), at a squared distance of 4.
    assert decorrelation.decoupled_uniformity(a, a) == pytest.approx(-4, abs=1e-6)


@pytest.mark.slow
def test_alignment_is_reported_and_not_trained():
    h = {name: x.astype(np.float32) for name, x in projections().items()}
    _, _, metrics = loss(decorrelation.uniformity(), h)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (h['real_1'], h['real_2']))
    assert metrics.keys() == {'alignment_real', 'alignment_fake'}
    assert metrics['alignment_real'] == pytest.approx(np.mean(np.sum((a - b) ** 2, 1)), rel=1e-5)
    assert loss(decorrelation.vicreg(), h)[2] == {}


@pytest.mark.parametrize(
    'function',
    [
        decorrelation.decoupled_uniformity,
        lambda a, b: decorrelation.variance_covariance(a, b, 25, 25, 1),
    ],
)
def test_one_image_is_refused(function):
    with pytest.raises(ValueError, match='needs two or more, and has 1'):
        function(jnp.ones((1, 3)), jnp.ones((1, 3)))
