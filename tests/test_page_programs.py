"""The pages on data, the report, export and the explorer are programs, on small runs."""

import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from tests import pages
from tests.faults.bench import within
from tests.pages import ROOT
from tests.reports import made

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('quick')]
SMALL = {
    'steps': 2,
    'batch_size': 8,
    'evaluate.metrics': '',
    'evaluate.full': '',
    'mesh.data': 1,
}
NARROW = {'generator.width': 0.0625, 'discriminator.width': 0.0625}
WIDTHS = {
    'cifar10_sndcgan': NARROW,
    'digits': NARROW,
    'cifar10_biggan': {'generator.channels': 2, 'discriminator.channels': 2},
    'digits_stylegan2': {'generator.units': 8, 'generator.base': 64, 'generator.most': 4},
}
# Codes are means of 2x2 pixels.
AUTOENCODER = """
import numpy as np

from gan_jax.data.autoencoder import Autoencoder


def vae() -> Autoencoder:
    return Autoencoder({'scale': np.ones((1, 1, 1, 1), np.float32)}, encode, decode)


def encode(weights, images):
    n, h, w, c = images.shape
    return images.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4)) * weights['scale']


def decode(weights, codes):
    return (codes / weights['scale']).repeat(2, 1).repeat(2, 2)
"""
# Lines that ask for what is not here: an account, a package index, Ctrl-C.
ELSEWHERE = ('--push=', 'pip install', '--watch')


def text_of(page):
    return (ROOT / 'docs' / f'{page}.md').read_text('utf-8')


def ran(line):
    """A command of a page in this process; training is made one of seconds."""
    words = shlex.split(line)
    assert words[:2] == ['python', '-m'], line
    if words[2] == 'gan_jax.train':
        (name,) = re.findall(r'--config=configs/(\w+)\.py', line)
        asked = {**SMALL, **WIDTHS[name]}
        words += [f'--config.{key}={value}' for key, value in asked.items()]
    done = within(words[2], words[3:])
    assert done.status == 0, (line, done.err)
    return done


def run_commands(page):
    lines = [one for one in pages.commands(text_of(page)) if not any(e in one for e in ELSEWHERE)]
    return [ran(line) for line in lines]


@pytest.fixture
def beside_configs(tmp_path, monkeypatch):
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv('GAN_JAX_DATA', raising=False)
    return tmp_path


def train(name, workdir):
    ran(f'python -m gan_jax.train --config=configs/{name}.py --workdir={workdir}')


def photographs(folder, names, size):
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(16):
            pixels = rng.integers(0, 256, (*size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f'{i}.png')


def test_the_page_on_data(beside_configs):
    photographs(beside_configs / 'photos', ('birds', 'cats', 'dogs'), (70, 80))
    photographs(beside_configs / 'portraits', ('.',), (64, 32))
    (beside_configs / 'my_package.py').write_text(AUTOENCODER)
    run_commands('data')
    with Image.open('dogs.png') as grid:
        assert grid.size[0] > 8 * 32
    for made_ in ('data/photos.zip', 'digits_test.zip', 'data/photos.codes'):
        assert (beside_configs / made_).exists(), made_


def test_the_page_on_reports(beside_configs):
    train('digits', 'workdirs/digits')
    shutil.copytree('workdirs/digits', 'workdirs/vanilla')
    made.sweep(beside_configs / 'workdirs' / 'my_sweep')
    assert len(run_commands('report')) == 3
    for place in ('workdirs/digits/report.html', 'workdirs/my_sweep/report.html', 'both.html'):
        assert (beside_configs / place).is_file(), place


def test_the_page_on_export(beside_configs):
    """Its program without gan_jax: tests/exported/test_stablehlo.py; the Hub: test_hub.py."""
    train('digits', 'workdirs/demo')
    run_commands('export')
    names = {}
    exec(pages.blocks(text_of('export'), 'python')[0], names)
    assert names['images'].shape == (64, 16, 16, 1)


def test_the_page_on_the_explorer(beside_configs):
    train('digits_stylegan2', 'workdirs/digits_stylegan2')
    (source,) = pages.blocks(text_of('explore'), 'python')
    names = {}
    exec(source, names)
    assert names['image'].shape == (16, 16, 1) and names['image'].dtype == np.uint8
