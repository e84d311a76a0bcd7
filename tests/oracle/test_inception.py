"""Our Inception against torch-fidelity's module with the same random weights."""

import functools

import jax
import numpy as np
import pytest

from gan_jax.evaluate import inception, torchfile
from tests.oracle.made import fidelity, random_weights

torch = pytest.importorskip('torch')
pytestmark = pytest.mark.oracle
LAYERS = ('64', '192', '768', '2048', 'logits_unbiased', 'logits')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """One state dict, saved by torch in both of its containers."""
    folder = tmp_path_factory.mktemp('weights')
    state = {name: torch.from_numpy(np.asarray(x)) for name, x in random_weights().items()}
    torch.save(state, folder / 'zip.pth')
    torch.save(state, folder / 'old.pth', _use_new_zipfile_serialization=False)
    return folder / 'zip.pth', folder / 'old.pth'


def test_both_containers_hold_the_same_arrays(files):
    expected = random_weights()
    assert len(expected) == 566 and sum(x.size for x in expected.values()) == 23_885_486
    for path in files:
        found = torchfile.read(path)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], x) for name, x in expected.items())


@pytest.fixture(scope='module')
def theirs(files):
    module = fidelity('feature_extractor_inceptionv3').FeatureExtractorInceptionV3
    net = module('inception', list(LAYERS), feature_extractor_weights_path=str(files[0]))

    def features(images):
        with torch.no_grad():
            found = net.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2)))
        return {name: x.numpy() for name, x in zip(LAYERS, found, strict=True)}

    return features


@pytest.mark.parametrize('side', [32, 128, 400])
def test_every_layer_from_the_pixels_on(side, files, theirs):
    images = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), np.uint8)
    ours = jax.jit(functools.partial(inception.features, interpolation='tf1'))
    found, expected = ours(inception.load(files[1]), images), theirs(images)
    for name in LAYERS:
        error = np.abs(found[name] - expected[name]).max() / np.abs(expected[name]).max()
        assert error < 1e-5, name
