"""Small networks that learn the data themselves: trained once, kept, and better than nothing."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import DataSet
from gan_jax.evaluate import kernel, protocol, references, trained_features
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.names import TRAINED, is_distance
from gan_jax.runtime.errors import MISSING, UserError

pytestmark = pytest.mark.usefixtures('quick', 'mixed_types')  # optax's schedules


def split(name, count=None):
    whole = data.load('digits', split=name)
    return whole._replace(images=whole.images[:count], labels=whole.labels[:count])


def context(tmp_path, train, test=None):
    def held_out():
        if test is None:
            raise UserError('none', MISSING)
        return test

    return Context(train, held_out, train, None, num=50, data_dir=tmp_path)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(trained_features, 'STEPS', 2)
    monkeypatch.setattr(trained_features, 'BATCH', 8)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['classifier', pytest.param('simclr', marks=pytest.mark.slow)])
def test_it_is_trained_once_and_kept(name, short, tmp_path, monkeypatch):
    train = split('train', 40)
    first = trained_features.trained_extractor(name, train, tmp_path)
    seen = first.extract(train.images).features
    assert seen.shape == (40, 128) and np.isfinite(seen).all()
    assert first.metadata['trained_on'] == data.digest(train)
    monkeypatch.setattr(trained_features, 'descend', lambda *a, **k: pytest.fail('it has trained'))
    again = trained_features.trained_extractor(name, train, tmp_path)
    np.testing.assert_array_equal(again.extract(train.images).features, seen)
    assert again.metadata == first.metadata
    with pytest.raises(pytest.fail.Exception, match='it has trained'):
        trained_features.trained_extractor(name, split('train', 39), tmp_path)


@pytest.mark.slow
def test_a_distance_has_the_floor_of_the_held_out_images_and_says_what_it_compares(short, tmp_path):
    train, test = split('train', 60), split('test', 30)
    found = protocol.prepare_metrics('kd50_train@simclr', context(tmp_path, train, test))
    values = found.measure(split('train').images[-50:], None, None)
    network = trained_features.trained_extractor('simclr', train, tmp_path)
    x, y = (references.features(one, network, tmp_path) for one in (train, test))
    assert values['kd50_train@simclr_floor'] == pytest.approx(kernel.kid(y, x))
    told = found.protocol['scores']['kd50_train@simclr']
    assert told['floor'] == 'the split test'
    assert 'alone' in told['extractor']['comparable'] and told['extractor']['weights_sha256']


def test_a_classifier_needs_classes(tmp_path):
    unlabelled = split('train', 20)._replace(labels=None, num_classes=0)
    with pytest.raises(UserError, match='has no classes: write @simclr'):
        protocol.check_metrics('kd20_train@classifier', context(tmp_path, unlabelled))
    assert protocol.check_metrics('kd20_train@simclr', context(tmp_path, unlabelled))
    with pytest.raises(UserError, match='127 images in 128 features'):
        protocol.check_metrics('fd127_train@simclr', context(tmp_path, unlabelled))
    assert all(is_distance(f'kd1k_train@{name}') for name in TRAINED)


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(5, 16, 16, 1), (5, 40, 24, 3)])
def test_any_shape_is_taken(shape, short, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    some = DataSet(images, None, 0, 'some')
    network = trained_features.trained_extractor('simclr', some, tmp_path)
    assert network.extract(images).features.shape == (5, 128)
    assert network.metadata['side'] == min(shape[1:3])


@pytest.mark.slow
@pytest.mark.parametrize('name', TRAINED)
def test_it_learns_to_tell_digits_apart(name, tmp_path, monkeypatch):
    """By the nearest training image in its features; untrained, and of pixels, it is worse."""
    train, test = split('train', 800), split('test', 200)

    def share(network):
        x, y = (network.extract(one.images).features for one in (train, test))
        x, y = ((z - z.mean(0)) / (z.std(0) + 1e-6) for z in (x, y))
        nearest = ((y[:, None] - x[None]) ** 2).sum(-1).argmin(1)
        return np.mean(train.labels[nearest] == test.labels)

    monkeypatch.setattr(trained_features, 'STEPS', 1)
    before = share(trained_features.trained_extractor(name, train, tmp_path))
    monkeypatch.setattr(trained_features, 'STEPS', 200)
    after = share(trained_features.trained_extractor(name, train, tmp_path))
    assert after > before and after > 0.75
