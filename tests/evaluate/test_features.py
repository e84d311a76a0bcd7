"""The digits classifier: what it knows, and that an image's features are its own."""

import hashlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import features, frechet, train_digits_net
from gan_jax.extractors import digits
from gan_jax.testing import small


@pytest.fixture(scope='module')
def held_out():
    return data.load('digits', split='test')


@pytest.fixture(scope='module')
def stacks():
    return data.load('stacked_digits', split='test')


def test_held_out_accuracy_is_the_one_stated(held_out):
    found = features.digits(held_out.images)
    assert np.sum(found.classes == held_out.labels) == 359
    assert '359 of the 360' in train_digits_net.__doc__
    assert train_digits_net.held_out_accuracy(digits.weights()) == 359 / 360


def test_each_digit_is_recovered(held_out):
    found = features.digits(held_out.images).classes
    for digit in range(10):
        assert np.mean(found[held_out.labels == digit] == digit) >= 0.97, digit


def test_class_histogram_of_real_images_is_that_of_their_labels(held_out):
    train = data.load('digits')
    found = np.bincount(features.digits(train.images).classes, minlength=10)
    assert abs(found - np.bincount(train.labels)).max() <= 2


def test_stacked_classes(stacks):
    found = features.digits(stacks.images[:1000]).classes
    assert found.dtype == np.int32
    assert np.mean(found == stacks.labels[:1000]) >= 0.98


def test_shapes_and_probabilities(stacks):
    found = features.digits(stacks.images[:5])
    assert found.features.shape == (5, 3 * 64)
    assert found.features.dtype == found.probs.dtype == np.float32
    assert found.probs.shape == (5, 3, 10)
    np.testing.assert_allclose(found.probs.sum(-1), 1, atol=1e-6)
    digit = found.probs.argmax(-1)
    np.testing.assert_array_equal(found.classes, digit @ [100, 10, 1])


def test_a_channel_counts_as_an_image_of_its_own(stacks):
    images = stacks.images[:100]
    together = features.digits(images)
    for c in range(3):
        alone = features.digits(images[..., [c]])
        part = together.features[:, 64 * c : 64 * (c + 1)]
        np.testing.assert_allclose(part, alone.features, atol=1e-5)
        np.testing.assert_allclose(together.probs[:, c], alone.probs[:, 0], atol=1e-6)


@pytest.mark.parametrize('count', [1, 2, 99, 100, 101, 199, 350])
def test_features_do_not_depend_on_how_many_images_there_are(held_out, count):
    whole = features.digits(held_out.images, batch_size=100)
    part = features.digits(held_out.images[:count], batch_size=100)
    for name, value in part._asdict().items():
        np.testing.assert_array_equal(value, getattr(whole, name)[:count], err_msg=name)


def test_features_do_not_depend_on_the_other_images(held_out, stacks):
    images = stacks.images[:40]
    others = images.copy()
    others[1:] = 255 - others[1:]
    np.testing.assert_array_equal(
        features.digits(images).features[0], features.digits(others).features[0]
    )


def test_features_follow_their_images(held_out):
    images = held_out.images[:50]
    forward, backward = features.digits(images), features.digits(images[::-1])
    np.testing.assert_allclose(backward.features[::-1], forward.features, atol=1e-5)
    assert len(np.unique(forward.features, axis=0)) == 50


def test_another_batch_size_changes_only_the_rounding(held_out):
    a, b = (features.digits(held_out.images, batch_size=size).features for size in (32, 512))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_float64_mode_gives_the_same_bits(held_out):
    plain = features.digits(held_out.images[:20])
    with small.float64():
        wide = features.digits(held_out.images[:20])
    np.testing.assert_array_equal(plain.features, wide.features)


def test_other_sizes_are_resized(held_out):
    images = held_out.images[:60]
    larger = data.resize.resize(images, 32)
    expected = features.digits(data.resize.resize(larger, 16))
    np.testing.assert_array_equal(features.digits(larger).features, expected.features)
    assert np.mean(features.digits(larger).classes == held_out.labels[:60]) >= 0.98


def test_features_tell_real_images_from_others(held_out):
    real = features.digits(data.load('digits').images).features
    moments = frechet.moments(real)
    assert np.linalg.matrix_rank(moments[1]) == 64  # no dead features

    def far(images):
        return frechet.distance(moments, frechet.moments(features.digits(images).features))

    noise = np.random.default_rng(0).integers(0, 256, (1000, 16, 16, 1), np.uint8)
    floor = far(held_out.images)
    assert floor == pytest.approx(0.82, abs=0.02)
    assert far(noise) > 80 * floor
    # One digit missing, and images too soft, are both far above the floor.
    assert far(held_out.images[held_out.labels != 3]) > 5 * floor
    assert far(data.resize.resize(data.resize.resize(held_out.images, 6), 16)) > 5 * floor


@pytest.mark.parametrize(
    'images',
    [
        np.zeros((2, 16, 16, 1), np.float32),
        np.zeros((2, 16, 16), np.uint8),
        np.zeros((0, 16, 16, 1), np.uint8),
    ],
)
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match=r'images must be uint8 \[N, H, W, C\] and not empty'):
        features.digits(images)


def test_weights_file_is_small_and_its_hash_is_the_files():
    assert digits.FILE.stat().st_size < 300_000
    expected = hashlib.sha256(digits.FILE.read_bytes()).hexdigest()
    assert digits.weights_sha256() == expected
    count = sum(leaf.size for leaf in jax.tree.leaves(digits.weights()))
    assert f'{count:,} parameters' in digits.DigitsNet.__doc__


def test_augmentation_keeps_the_digit(held_out):
    images = held_out.images.astype(np.float32) / 255
    moved = np.asarray(jax.jit(train_digits_net.augment)(jax.random.key(0), images))
    assert moved.shape == images.shape
    assert abs(moved - images).mean() > 0.05
    found = features.digits((moved.clip(0, 1) * 255).astype(np.uint8)).classes
    assert np.mean(found == held_out.labels) >= 0.97


@pytest.mark.slow
def test_training_script_learns_and_writes_the_file(tmp_path):
    path = tmp_path / 'net.npz'
    command = [sys.executable, '-m', 'gan_jax.evaluate.train_digits_net', '--epochs=4']
    done = subprocess.run(
        [*command, f'--out={path}'], capture_output=True, text=True, check=True, timeout=120
    )
    with np.load(path, allow_pickle=False) as file:
        variables = digits.unpack(file)
    accuracy = train_digits_net.held_out_accuracy(variables)
    assert accuracy > 0.8
    assert f'held-out accuracy {accuracy:.4f}' in done.stdout
    assert jax.tree.map(np.shape, variables) == jax.tree.map(np.shape, digits.weights())


def test_without_flags_the_script_trains_the_network_of_the_package(monkeypatch, tmp_path):
    asked = {}

    def train(**options):
        asked.update(options)
        return digits.weights()['params']

    monkeypatch.setattr(train_digits_net, 'train', train)
    monkeypatch.setattr(sys, 'argv', ['train_digits_net', f'--out={tmp_path / "net.npz"}'])
    train_digits_net.main()
    assert asked == {'seed': 0, 'epochs': 80}
    with np.load(tmp_path / 'net.npz') as mine, np.load(digits.FILE) as shipped:
        assert {name: mine[name].tobytes() for name in mine.files} == {
            name: shipped[name].tobytes() for name in shipped.files
        }
