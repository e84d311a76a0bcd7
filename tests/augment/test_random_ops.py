"""The laws by which AugMix and RandAugment draw their ops."""

import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import ops, random_ops
from tests.augment.exact import distance
from tests.augment.ramps import LIKELY, is_even, is_uniform
from tests.augment.references import random_ops as references
from tests.small import new_key


@pytest.mark.slow
@pytest.mark.parametrize('name', [pytest.param('augmix', marks=pytest.mark.slow), 'randaugment'])
def test_is_its_reference_in_float64(name, x64):
    assert distance(getattr(ops, name), getattr(references, name)) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize('name', ['augmix', 'randaugment'])
@pytest.mark.parametrize(
    ('attribute', 'wrong'),
    [
        ('FACTOR', -0.9),
        ('FACTOR', 0.45),
        ('OPS', ('translation_x', 'translation_y', 'brightness', 'contrast')),
    ],
)
def test_the_reference_rejects_another_constant(name, attribute, wrong, x64, monkeypatch):
    monkeypatch.setattr(random_ops, attribute, wrong)
    assert distance(getattr(ops, name), getattr(references, name)) > 0.01


def test_randaugment_takes_every_op_equally_often_with_either_sign(monkeypatch):
    taken = []

    def recorded(images, kind, amount, most):
        taken.append((np.asarray(kind), np.asarray(amount)))
        return images

    monkeypatch.setattr(random_ops, '_step', recorded)
    ops.randaugment(new_key(11), np.zeros((3000, 1, 1, 3), np.float32), 0.3)
    assert len(taken) == 2
    for kinds, amounts in taken:
        counts = np.bincount(kinds.astype(int))
        assert len(counts) == 6 and is_even(counts)
        np.testing.assert_allclose(np.abs(amounts), 0.3)
        assert stats.binomtest(int((amounts > 0).sum()), 3000).pvalue > LIKELY
    both = np.stack([kinds for kinds, _ in taken])
    assert abs(np.corrcoef(both)[0, 1]) < 0.06


@pytest.mark.slow
def test_augmix_mixes_chains_of_one_to_three_ops(monkeypatch):
    """Each step adds 1 to its chain: the result tells how many there were, and the weights."""
    levels = []

    def counted(images, kind, amount, most):
        levels.append(np.abs(np.asarray(amount)))
        assert most == pytest.approx(1 / 3)
        return images + 1

    monkeypatch.setattr(random_ops, '_step', counted)
    out = np.asarray(ops.augmix(new_key(11), np.zeros((4000, 1, 1, 1), np.float32), 0.3)).ravel()
    assert is_uniform(np.concatenate(levels), 0.01 - 1e-6, 0.3 + 1e-6)
    assert len(levels) == 3
    # A chain has 2 steps on the average, the mixture too, and half of it is taken.
    assert abs(out.mean() - 1) < 0.03
    depth = np.random.default_rng(0).integers(1, 4, (4000, 3))
    weight = np.random.default_rng(1).dirichlet((1, 1, 1), 4000)
    share = np.random.default_rng(2).beta(1, 1, 4000)
    assert stats.ks_2samp(out, share * np.sum(weight * depth, axis=1)).pvalue > LIKELY


def test_images_without_colours_have_no_saturation():
    images = np.random.default_rng(0).uniform(size=(8, 5, 5, 1)).astype(np.float32)
    kinds = np.full(8, random_ops.OPS.index('saturation'), np.float32)
    out = random_ops._step(images, kinds, np.full(8, 0.5, np.float32), 1 / 3)
    np.testing.assert_allclose(out, images, atol=1e-7)
