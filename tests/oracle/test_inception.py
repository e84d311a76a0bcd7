"""Our Inception against torch-fidelity's module with the same random weights."""

import functools

import jax
import numpy as np
import pytest

from gan_jax.evaluate import inception, torchfile
from tests.oracle.made import public_inception, random_weights, save

pytest.importorskip('torch')
pytestmark = pytest.mark.oracle
LAYERS = ('64', '192', '768', '2048', 'logits_unbiased', 'logits')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """One state dict, saved by torch in both of its containers."""
    folder = tmp_path_factory.mktemp('weights')
    save(random_weights(), folder / 'zip.pth')
    save(random_weights(), folder / 'old.pth', _use_new_zipfile_serialization=False)
    return folder / 'zip.pth', folder / 'old.pth'


def test_both_containers_hold_the_same_arrays(files):
    expected = random_weights()
    assert len(expected) == 566 and sum(x.size for x in expected.values()) == 23_885_486
    for path in files:
        found = torchfile.read_tensors(path)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], x) for name, x in expected.items())


@pytest.fixture(scope='module')
def theirs(files):
    return public_inception(files[0], LAYERS)


@pytest.mark.parametrize('side', [32, 128, 400])
def test_every_layer_from_the_pixels_on(side, files, theirs):
    images = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), np.uint8)
    ours = jax.jit(functools.partial(inception.features, interpolation='tf1'))
    found, expected = ours(inception.load(files[1]), images), theirs(images)
    for name in LAYERS:
        error = np.abs(found[name] - expected[name]).max() / np.abs(expected[name]).max()
        assert error < 1e-5, name
