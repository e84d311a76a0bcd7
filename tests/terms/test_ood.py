"""Broken images as fakes: by hand, the formula with errors planted in it, the images."""

import jax
import numpy as np
import pytest

from gan_jax.terms.jigsaw import PERMUTATIONS, permute_tiles
from gan_jax.terms.ood import broken, ood
from gan_jax.views import View


def value(logit):
    parts, state, metrics = ood().d.loss({'real_broken': {'logit': logit}}, {}, None)
    assert (state, metrics, parts.keys()) == ({}, {}, {'broken'})
    return parts['broken']


def test_by_hand():
    assert value(np.float32([-2, 0.25, 1, -1])) == (1.25 + 2) / 4


def formula(logit, sign=1, factor=1, margin=1):
    return factor * np.mean([max(0, margin + sign * x) for x in logit])


def test_is_the_formula_and_tells_it_from_three_errors(x64):
    logit = np.random.default_rng(0).standard_normal(7)
    found = value(logit)
    assert found == pytest.approx(formula(logit), abs=1e-8, rel=0)
    for error in ({'sign': -1}, {'factor': 2}, {'margin': 0}):
        assert abs(found - formula(logit, **error)) > 1e-3, error


def test_every_image_is_broken():
    """Each is a shuffle of its own tiles, and none is itself."""
    image = np.random.default_rng(0).random((64, 4, 6, 2)).astype(np.float32)
    own = {'image': image, 'label': np.arange(64)}
    record = broken(jax.random.key(0), {'own': own}, None, 0)
    assert record.keys() == own.keys()
    shuffles = np.stack([permute_tiles(image, np.full(64, i)) for i in range(len(PERMUTATIONS))])
    same = (shuffles == np.asarray(record['image'])).all(axis=(2, 3, 4))  # [24, 64]
    assert (same.sum(axis=0) == 1).all() and not same[0].any()
    assert same.any(axis=1).sum() > 12


def test_fields():
    term = ood()
    assert term.d.views == {'real_broken': View('real', broken)}
    assert term.g is None and term.head is None and term.init() == {}
