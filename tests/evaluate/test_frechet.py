"""The Fréchet distance against SciPy's matrix square root, closed forms and rank-deficient sets."""

import numpy as np
import pytest
import scipy.linalg

from gan_jax.evaluate import frechet


def features(seed, count, size, rank=None, shift=0.0):
    """Correlated Gaussian features [count, size], in a subspace when a rank is given."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(rank or size, size))
    return rng.normal(size=(count, rank or size)) @ mix + shift


def by_sqrtm(a, b):
    """The distance as it stands in the paper."""
    (mean_a, cov_a), (mean_b, cov_b) = a, b
    cross = np.real(scipy.linalg.sqrtm(cov_a @ cov_b))
    return np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a + cov_b - 2 * cross)


def by_features(x, y):
    """The distance without any covariance: Tr (Σ_x Σ_y)^½ is the nuclear norm of X Yᵀ, scaled."""
    x0, y0 = ((z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y))
    shift = x.mean(0) - y.mean(0)
    return shift @ shift + np.sum(x0**2) + np.sum(y0**2) - 2 * np.linalg.norm(x0 @ y0.T, 'nuc')


def test_moments_against_numpy():
    x = features(0, 50, 7).astype(np.float32)
    mean, cov = frechet.moments(x)
    assert mean.dtype == cov.dtype == np.float64
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(0), rtol=1e-14)
    np.testing.assert_allclose(cov, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-12)


def test_moments_by_hand():
    mean, cov = frechet.moments(np.array([[0, 0], [2, 4]]))
    np.testing.assert_array_equal(mean, [1, 2])
    np.testing.assert_array_equal(cov, [[2, 4], [4, 8]])  # N - 1 = 1


def test_moments_of_a_large_offset_keep_their_digits():
    x = features(1, 100, 5)
    _, cov = frechet.moments(x)
    _, moved = frechet.moments(x + 1e6)
    np.testing.assert_allclose(moved, cov, rtol=1e-7)


@pytest.mark.parametrize('size', [1, 5, 64])
def test_full_rank_against_sqrtm(size):
    a = frechet.moments(features(1, 10 * size + 20, size))
    b = frechet.moments(features(2, 8 * size + 30, size, shift=0.3))
    np.testing.assert_allclose(frechet.distance(a, b), by_sqrtm(a, b), rtol=1e-8)


def test_diagonal_covariances():
    """For commuting covariances the trace term is Σ (√λ_a - √λ_b)²."""
    a, b = np.array([4.0, 9.0, 0.0]), np.array([1.0, 25.0, 2.0])
    expected = (2 - 1) ** 2 + (3 - 5) ** 2 + 2
    zero = np.zeros(3)
    assert frechet.distance((zero, np.diag(a)), (zero, np.diag(b))) == pytest.approx(
        expected, 1e-14
    )


def test_shift_of_the_mean_adds_its_square():
    mean, cov = frechet.moments(features(3, 200, 16))
    shift = np.arange(16.0)
    assert frechet.distance((mean, cov), (mean + shift, cov)) == pytest.approx(1240, rel=1e-12)


def test_scale_of_the_features_counts_twice():
    x, y = features(4, 80, 12), features(5, 90, 12)
    plain = frechet.distance(frechet.moments(x), frechet.moments(y))
    scaled = frechet.distance(frechet.moments(3 * x), frechet.moments(3 * y))
    assert scaled == pytest.approx(9 * plain, rel=1e-12)


@pytest.mark.parametrize(('count', 'rank'), [(500, 64), (30, 64), (500, 9), (2, 64)])
def test_identical_sets_are_at_zero(count, rank):
    moments = frechet.moments(features(6, count, 64, rank))
    assert abs(frechet.distance(moments, moments)) < 1e-12 * np.trace(moments[1])


@pytest.mark.parametrize(
    ('count_x', 'rank_x', 'count_y', 'rank_y'),
    [(20, 64, 25, 64), (20, 64, 500, 64), (300, 10, 300, 12), (2, 64, 2, 64), (40, 64, 300, 5)],
)
def test_rank_deficient_against_the_features_themselves(count_x, rank_x, count_y, rank_y):
    x = features(7, count_x, 64, rank_x)
    y = features(8, count_y, 64, rank_y, shift=0.1)
    distance = frechet.distance(frechet.moments(x), frechet.moments(y))
    assert isinstance(distance, float)
    assert distance == pytest.approx(by_features(x, y), rel=1e-10)


def test_steep_spectrum_against_the_features_themselves():
    decay = np.exp(-0.3 * np.arange(64))  # covariances' eigenvalues fall to 1e-16 of the largest
    x, y = (features(seed, 400, 64) * decay for seed in (9, 10))
    distance = frechet.distance(frechet.moments(x), frechet.moments(y))
    assert distance == pytest.approx(by_features(x, y), rel=1e-10)


def test_constant_features_have_no_covariance():
    """A generator that has collapsed to one image: only the mean and the other covariance count."""
    mean, cov = frechet.moments(features(11, 100, 8))
    distance = frechet.distance((mean, cov), frechet.moments(np.ones((50, 8))))
    assert distance == pytest.approx(np.sum((mean - 1) ** 2) + np.trace(cov), rel=1e-12)


@pytest.mark.parametrize('count', [20, 300])
def test_symmetric(count):
    a, b = (frechet.moments(features(seed, count, 32)) for seed in (12, 13))
    assert frechet.distance(a, b) == pytest.approx(frechet.distance(b, a), rel=1e-12)


@pytest.mark.parametrize('shape', [(1, 4), (0, 4), (4,), (2, 2, 2)])
def test_moments_refuse_other_shapes(shape):
    with pytest.raises(ValueError, match=r'features must be \[N, F\] with N >= 2'):
        frechet.moments(np.zeros(shape))


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_moments_refuse_what_is_not_finite(bad):
    with pytest.raises(ValueError, match='features must be finite'):
        frechet.moments(np.array([[0.0], [bad]]))


@pytest.mark.parametrize('bad', [np.nan, -np.inf])
@pytest.mark.parametrize('part', [0, 1])
@pytest.mark.parametrize('side', ['a', 'b'])
def test_distance_refuses_what_is_not_finite(bad, part, side):
    good, broken = ((np.zeros(2), np.eye(2)) for _ in range(2))
    broken[part].flat[1] = bad
    pair = (broken, good) if side == 'a' else (good, broken)
    with pytest.raises(ValueError, match=f'moments_{side} must be finite'):
        frechet.distance(*pair)


def test_distance_refuses_shapes_that_do_not_fit():
    good = (np.zeros(2), np.eye(2))
    with pytest.raises(ValueError, match='one set has 2 features, the other 3'):
        frechet.distance(good, (np.zeros(3), np.eye(3)))
    with pytest.raises(ValueError, match=r'moments_b must be a mean \[F\] and a covariance'):
        frechet.distance(good, (np.zeros(2), np.ones(2)))


@pytest.mark.parametrize('sizes', [[50], [1, 49], [20, 1, 29], [1] * 50])
def test_batches_of_any_size_have_the_moments_of_all_rows(sizes):
    x = features(3, 50, 6, shift=1e4)
    batches = np.split(x, np.cumsum(sizes)[:-1])
    mean, cov = frechet.streamed(iter(batches))
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-13)
    np.testing.assert_allclose(cov, np.cov(x, rowvar=False), rtol=1e-9)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match='at least two rows, got 1'):
        frechet.streamed([np.ones((1, 3))])
