"""Extractors: the same bits for an image in any batch, and metadata that tell them apart."""

import hashlib

import jax
import numpy as np
import pytest

from gan_jax.evaluate import extractor, features
from gan_jax.evaluate.inception_score import inception_score
from gan_jax.extractors import digits
from gan_jax.runtime.errors import UserError


def images(count, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, channels), np.uint8)


def test_the_digits_net_sees_what_features_say():
    found = extractor.from_digits_net()
    seen = found.extract(images(9))
    np.testing.assert_array_equal(seen.features, features.digits(images(9)).features)
    np.testing.assert_array_equal(seen.probs, features.digits(images(9)).probs[:, 0])
    assert found.metadata['weights_sha256'] == digits.weights_sha256()


def test_stacked_digits_have_a_thousand_classes_in_the_order_of_their_numbers():
    seen = extractor.from_digits_net().extract(images(40, 3))
    assert seen.probs.shape == (40, 1000)
    np.testing.assert_array_equal(seen.probs.argmax(axis=1), features.digits(images(40, 3)).classes)
    assert inception_score(seen.probs, splits=2)[0] >= 1


@pytest.mark.parametrize('count', [1, 7, 64, 65, 130])
def test_every_batch_is_one_size_and_an_image_does_not_see_its_neighbours(small_inception, count):
    extract = extractor.from_inception(small_inception).extract
    whole = extract(images(130, 3))
    found = extract(images(130, 3)[:count])
    assert found.features.shape == (count, 8)
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one, other[:count])
    np.testing.assert_allclose(found.probs.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize('devices', [2, 4])
def test_devices_share_the_work_and_change_no_bit(small_inception, devices):
    alone = extractor.from_inception(small_inception)
    several = extractor.from_inception(small_inception, devices=jax.devices()[:devices])
    for one, other in zip(
        alone.extract(images(150, 3)), several.extract(images(150, 3)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_facts_tell_interpolations_and_weights_apart(small_inception, monkeypatch):
    tf1 = extractor.from_inception(small_inception)
    clean = extractor.from_inception(small_inception, interpolation='clean')
    differing = {k for k in tf1.metadata if tf1.metadata[k] != clean.metadata[k]}
    assert differing == {'interpolation', 'version'}
    assert tf1.metadata['weights_sha256'].startswith('6726825d')


@pytest.fixture
def fork(tmp_path, monkeypatch):
    path = tmp_path / 'a_fork_of_ours.py'
    path.write_text(
        'def means(images):\n    return images.mean(axis=(1, 2))\n\n\n'
        'def wrong(images):\n    return images.mean()\n\n\n'
        'def broken(images):\n    return images.no_such_thing\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    return path


def test_a_function_of_a_fork(fork):
    found = extractor.from_path('a_fork_of_ours.means')
    seen = found.extract(images(5, 3))
    np.testing.assert_array_equal(seen.features, images(5, 3).mean(axis=(1, 2)))
    assert seen.probs is None
    digest = hashlib.sha256(fork.read_bytes()).hexdigest()
    assert found.metadata == {'name': 'a_fork_of_ours.means', 'source_sha256': digest}


def test_what_jit_makes_of_a_function_is_known_by_its_file(fork):
    fork.write_text(
        'import functools\n\nimport jax\nimport numpy as np\n\n\n@jax.jit\n'
        'def means(images):\n    return images.mean(axis=(1, 2))\n\n\n'
        'part = functools.partial(np.mean, axis=(1, 2))\nLEVELS = 256\n'
    )
    digest = hashlib.sha256(fork.read_bytes()).hexdigest()
    for name in ('means', 'part'):
        found = extractor.from_path(f'a_fork_of_ours.{name}')
        assert found.metadata['source_sha256'] == digest
        assert found.extract(images(5, 3)).features.shape == (5, 3)
    with pytest.raises(ValueError, match='LEVELS is not a function'):
        extractor.from_path('a_fork_of_ours.LEVELS')
    with pytest.raises(ValueError, match='wrap it in a function of a file of yours'):
        extractor.from_path('math.floor')


def test_a_function_that_does_not_fit_is_said(fork):
    with pytest.raises(UserError, match=r'a_fork_of_ours.wrong makes \[\] of 5 images'):
        extractor.from_path('a_fork_of_ours.wrong').extract(images(5))
    with pytest.raises(UserError, match='broken fails on uint8 .N, H, W, C.: AttributeError: '):
        extractor.from_path('a_fork_of_ours.broken').extract(images(5))
    with pytest.raises(ValueError, match='a_fork_of_ours'):
        extractor.from_path('a_fork_of_ours.means', allow=())
