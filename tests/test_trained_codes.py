"""R3GAN2 in the codes of an autoencoder that is trained here: `my_convolutions.py` of a page."""

import dataclasses
import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax import prepare, train
from gan_jax.data import digits
from gan_jax.data.autoencoder import PLAIN
from gan_jax.run import log
from tests import pages
from tests.a_fork import autoencoders

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('quick')]

CONFIG = '--config=tests/experiment/latent.py'
FLOATS, BYTES = 'my_convolutions.trained', 'my_bytes.trained'
TYPES = {FLOATS: 'float16', BYTES: 'uint8'}
MY_BYTES = """
import jax.numpy as jnp
import my_convolutions
from gan_jax.data.autoencoder import Autoencoder


def trained() -> Autoencoder:
    return my_convolutions.trained()._replace(encode=encode, decode=decode)


def encode(weights, images):
    return jnp.round(255 * my_convolutions.encode(weights, images)).astype(jnp.uint8)


def decode(weights, codes):
    return my_convolutions.decode(weights, codes / 255)
"""
TEST = digits.read_digits('test').images


@pytest.fixture(scope='module', autouse=True)
def written(tmp_path_factory):
    """The files of a reader of the page, the autoencoder trained."""
    folder = tmp_path_factory.mktemp('reader')
    page = (pages.ROOT / 'docs' / 'own_parts.md').read_text('utf-8')
    (folder / 'my_convolutions.py').write_text(pages.files(page)['my_convolutions.py'])
    (folder / 'my_bytes.py').write_text(MY_BYTES)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        importlib.import_module('my_convolutions').train()
        yield


def made(path):
    """The autoencoder of a path."""
    module, _, name = path.rpartition('.')
    return getattr(importlib.import_module(module), name)()


def lost(own):
    """The mean square between held-out digits in [0, 1] and what is decoded of their codes."""
    images = TEST.astype(np.float32) / 255
    codes = np.asarray(own.encode(own.variables, images)).astype(np.float32)
    return float(np.mean((np.asarray(own.decode(own.variables, codes)) - images) ** 2))


@pytest.fixture(scope='module', params=TYPES)
def run(request, written, tmp_path_factory):
    """A GAN that is trained in codes of either type."""
    root, path = tmp_path_factory.mktemp('codes'), request.param
    assert prepare.main(['--dataset=digits', f'--data_dir={root}', f'--encode={path}']) == 0
    flags = [f'--config.data.dir={root}', f'--config.data.autoencoder.fn={path}']
    flags += ['--config.mesh.data=1', f'--workdir={root / "run"}']
    assert train.main([CONFIG, *flags]) == 0
    return SimpleNamespace(root=root, workdir=root / 'run', own=made(path), type=TYPES[path])


def decoded(run, codes):
    """Codes as the networks see them, decoded by hand: float32 [n, 16, 16, 1]."""
    info = json.loads((run.root / 'digits.codes/train/info.json').read_text())
    offset, scale = (np.float32(info['encoded'][name]) for name in ('offset', 'scale'))
    return np.asarray(run.own.decode(run.own.variables, offset + scale * codes))


def test_it_loses_little_of_what_the_mean_or_a_linear_one_loses():
    mean = digits.read_digits('train').images.mean(0) / 255
    linear = autoencoders.patches(keep=2)  # the best one of 2×2 patches
    images = TEST.astype(np.float32) / 255
    assert lost(made(FLOATS)) < lost(linear) / 2
    assert lost(made(FLOATS)) < np.mean((images - mean) ** 2) / 50


def test_bytes_lose_little_more():
    assert lost(made(BYTES)) == pytest.approx(lost(made(FLOATS)), rel=0.1)


def test_codes_on_the_disk_have_their_shape_and_type_and_lead_back(run):
    codes = np.load(run.root / 'digits.codes/test/images.npy')
    assert (codes.dtype, codes.shape) == (run.type, (len(TEST), 8, 8, 2))
    seen = codes / np.float32(255) if run.type == 'uint8' else codes.astype(np.float32)
    error = np.mean((decoded(run, seen) - TEST.astype(np.float32) / 255) ** 2)
    assert error == pytest.approx(lost(run.own), rel=0.1)


def test_a_gan_learns_in_them_and_metrics_are_of_decoded_images(run):
    rows = log.read_rows(run.workdir / 'metrics.jsonl')
    first, *_, last = [row for row in rows if 'eval/fd_digits' in row]
    assert (first['step'], last['step']) == (0, 150)
    assert last['eval/fd_digits'] < first['eval/fd_digits'] / 2
    for name, value in {'height': 16, 'width': 16, 'channels': 1, 'bytes': 1}.items():
        assert last[f'eval/seen/{name}'] == value


def test_samples_are_decoded_images(run):
    generator = gan_jax.load_generator(run.workdir, allow=('my_convolutions', 'my_bytes'))
    images = generator.generate(range(20))
    assert (images.dtype, images.shape) == (np.uint8, (20, 16, 16, 1))
    assert images.std() > 20
    plain = dataclasses.replace(generator, decoder=PLAIN, image_shape=(8, 8, 2))
    codes = plain.generate(range(20))
    assert (codes.dtype, codes.shape) == (np.uint8, (20, 8, 8, 2))
    by_hand = 255 * np.clip(decoded(run, codes / np.float32(255)), 0, 1)
    assert np.median(np.abs(by_hand - images)) < 1  # codes of 8 bits are cut off at few places
    grid = np.asarray(Image.open(run.workdir / 'samples/00000150.png'))
    assert grid.shape == (8 * (16 + 1) * 3 - 3,) * 2
