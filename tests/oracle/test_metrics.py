"""Our metrics against the public packages, on the same numbers: `make oracle` installs those."""

import numpy as np
import pytest

from gan_jax.evaluate import frechet, inception_score, kernel, prdc
from tests.oracle.made import fidelity

public_prdc = pytest.importorskip('prdc')
torch = pytest.importorskip('torch')
pytestmark = pytest.mark.oracle


def sets(n=600, m=500, size=64, rank=None):
    """Correlated features of two distributions, in a subspace when a rank is given."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(rank or size, size))
    x = rng.normal(size=(n, rank or size)) @ mix
    y = 0.8 * rng.normal(size=(m, rank or size)) @ mix + 0.3
    return x, y


def test_frechet_distance_of_full_rank():
    metric = fidelity('metric_fid')
    x, y = sets()
    theirs = [{'mu': z.mean(0), 'sigma': np.cov(z, rowvar=False)} for z in (x, y)]
    expected = metric.fid_statistics_to_metric(*theirs, verbose=False)
    found = frechet.distance(frechet.moments(x), frechet.moments(y))
    np.testing.assert_allclose(found, expected['frechet_inception_distance'], rtol=1e-8)


def test_frechet_distance_of_2048_features_from_1000_images():
    """Rank-deficient, as small sets are. There the root of a product of covariances is unstable,
    and the trace of it is the nuclear norm of the product of the centred features."""
    x, y = sets(1000, 900, 2048)
    x0, y0 = ((z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y))
    shift = x.mean(0) - y.mean(0)
    cross = np.linalg.norm(x0 @ y0.T, 'nuc')
    expected = shift @ shift + np.sum(x0**2) + np.sum(y0**2) - 2 * cross
    found = frechet.distance(frechet.moments(x), frechet.moments(y))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_kernel_distance_of_one_full_subset():
    metric = fidelity('metric_kid')
    x, y = sets(500, 500)
    theirs = metric.kid_features_to_metric(
        *(torch.from_numpy(z) for z in (x, y)),
        kid_subsets=1, kid_subset_size=500, verbose=False,
    )  # fmt: skip
    expected = theirs['kernel_inception_distance_mean']
    np.testing.assert_allclose(kernel.kid(x, y), expected, rtol=1e-8)


@pytest.mark.parametrize('k', [3, 5])
def test_precision_recall_density_coverage(k):
    x, y = sets(400, 350, 8)
    expected = public_prdc.compute_prdc(x, y, nearest_k=k)
    assert prdc.prdc(x, y, k=k) == pytest.approx(expected, rel=1e-12)


def test_improved_precision_and_recall():
    metric = fidelity('metric_prc')
    real, fake = sets(400, 350, 8)
    theirs = metric.prc_features_to_metric(
        *(torch.from_numpy(z) for z in (fake, real)),
        prc_neighborhood=3, prc_batch_size=100, verbose=False,
    )  # fmt: skip
    found = prdc.precision_recall(real, fake)
    assert found == pytest.approx({k: theirs[k] for k in ('precision', 'recall')}, rel=1e-6)


def test_inception_score():
    metric = fidelity('metric_isc')
    logits = 3 * np.random.default_rng(0).normal(size=(1000, 40))
    theirs = metric.isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = ('inception_score_mean', 'inception_score_std')
    expected = [theirs[name] for name in names]
    np.testing.assert_allclose(inception_score.inception_score(probs), expected, rtol=1e-8)
