"""The program that JAX alone runs: its images, where gan_jax cannot be imported."""

import json
import re
import subprocess
import sys
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from packaging.utils import canonicalize_name

from gan_jax.exported import stablehlo
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.generator import Generator, shapes_of
from tests import distribution, small
from tests.exported import elsewhere
from tests.models import generators
from tests.sweeps import tiny

BLOCKED = elsewhere.without(['gan_jax', 'flax', 'optax', 'orbax', 'safetensors'])
PAGE = Path(__file__).parents[2] / 'docs' / 'export.md'
BLOCK = re.compile(r'test_stablehlo.py runs this block. -->\n```python\n(.*?)```', re.S)
FIVE_LINES = """
import numpy as np
from jax import export
program = export.deserialize(bytearray(open(sys.argv[1], 'rb').read()))
images = program.call(np.load(sys.argv[2]), np.load(sys.argv[3]))
np.save(sys.argv[4], np.asarray(images))
print(sorted({name.partition('.')[0] for name in sys.modules} & {'gan_jax', 'flax'}))
"""


def of_network(network, shape, dim=small.LATENT, **options):
    """A generator with random weights."""
    variables = small.numbers(shapes_of(network, dim), np.random.default_rng(0), np.float32)
    given = dict(class_counts=(1,) * small.CLASSES, class_names=None, step=0)
    return Generator(network, variables, shape, dim, **{**given, **options})


def drawn(one, size, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(size, one.latent_dim)).astype(np.float32)
    return z, rng.integers(0, len(one.class_counts), size).astype(np.int32)


def run(content, folder, *inputs, command=(sys.executable, '-I'), blocked=BLOCKED):
    """The images of a program in a process of its own that has JAX alone."""
    (folder / 'g.stablehlo').write_bytes(content)
    names = [folder / 'g.stablehlo', *(folder / f'{i}.npy' for i in range(3))]
    for name, array in zip(names[1:], inputs, strict=False):
        np.save(name, array)
    command = [*command, '-c', 'import sys\n' + blocked + FIVE_LINES, *map(str, names)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert (ran.returncode, ran.stdout.strip()) == (0, '[]'), ran.stderr
    return np.load(names[-1])


def test_the_images_are_those_of_generate_where_gan_jax_is_not(tmp_path):
    one = of_network(tiny.Labelled((8, 8, 1), small.CLASSES), (8, 8, 1))
    program = stablehlo.lowered(one)
    assert program.batch is None
    z, label = drawn(one, 5)
    found = run(program.content, tmp_path, z, label)
    expected = one.generate(z, label)
    assert found.dtype == np.uint8 and found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert expected.std() > 10


def test_the_lines_of_the_page_run_where_gan_jax_is_not(tmp_path):
    run_the_page(tmp_path)


def run_the_page(folder, command=(sys.executable, '-I'), blocked=BLOCKED):
    """Runs the lines of docs/export.md in a process of their own."""
    one = of_network(small.Generator(), small.SHAPE, 128)
    (folder / 'digits-bcr').mkdir()
    (folder / 'digits-bcr' / 'generator.stablehlo').write_bytes(stablehlo.lowered(one).content)
    code = blocked + BLOCK.search(PAGE.read_text())[1] + '\nprint(images.shape, images.dtype)'
    ran = subprocess.run([*command, '-c', code], capture_output=True, text=True, cwd=folder)
    assert ran.stdout.strip() == f'(16, {", ".join(map(str, small.SHAPE))}) uint8', ran.stderr


@pytest.fixture(scope='module')
def jax_alone(tmp_path_factory):
    """Python of a new environment with jax, jaxlib and flatbuffers, as pinned, and no more."""
    place = tmp_path_factory.mktemp('jax_alone')
    pins = distribution.pins('requirements.lock').values()
    (place / 'pins.txt').write_text('\n'.join(str(pin) for every in pins for pin in every))
    subprocess.run([sys.executable, '-m', 'venv', place], check=True)
    python = [str(place / 'bin' / 'python'), '-I']
    wanted = ['--constraint', place / 'pins.txt', 'jax', 'jaxlib', 'flatbuffers']
    command = [*python, '-m', 'pip', 'install', '--quiet', *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f'no package index can be reached: {done.stderr.splitlines()[-1]}')
    return python


@pytest.mark.slow
def test_jax_and_flatbuffers_are_enough(jax_alone, tmp_path):
    """docs/export.md: the program runs wherever these two are installed."""
    listed = [*jax_alone, '-m', 'pip', 'list', '--format=json']
    packages = json.loads(subprocess.run(listed, capture_output=True, check=True).stdout)
    own = {'jax', 'jaxlib', 'flatbuffers', 'numpy', 'scipy', 'ml-dtypes', 'opt-einsum'}
    found = {canonicalize_name(one['name']): one['version'] for one in packages}
    assert found.keys() - {'pip', 'setuptools'} == own
    assert found['jax'] == jax.__version__
    one = of_network(small.Generator(), small.SHAPE)
    z, label = drawn(one, 5)
    images = run(stablehlo.lowered(one).content, tmp_path, z, label, command=jax_alone, blocked='')
    assert np.abs(images.astype(int) - one.generate(z)).max() <= 1
    run_the_page(tmp_path, jax_alone, blocked='')


def test_it_is_for_cpus_nvidia_cards_and_tpus():
    content = stablehlo.lowered(of_network(small.Generator(), small.SHAPE)).content
    program = jax.export.deserialize(bytearray(content))
    assert program.platforms == ('cpu', 'cuda', 'tpu')
    assert [str(x.dtype) for x in program.out_avals] == ['uint8']


@pytest.mark.slow
@pytest.mark.parametrize(('network', 'classes'), generators.PARAMETERS)
def test_every_network_of_this_package_is_lowered(network, classes):
    one = of_network(network, network.shape, 8, class_counts=(1,) * max(classes, 1))
    content, batch = stablehlo.lowered(one)
    assert batch == (16 if stablehlo.draws_noise(one) else None)
    z, label = drawn(one, batch or 3)
    found = jax.export.deserialize(bytearray(content)).call(z, label)
    expected = one.generate(z, label if one.num_classes else None)
    assert np.abs(np.asarray(found).astype(int) - expected).max() <= 1


class Counting(nn.Module):
    """A network that computes with the number of images, and draws noise if asked for."""

    noise: float = 0.0

    @nn.compact
    def __call__(self, z, label, *, train):
        x = jnp.concatenate([z[i : i + 2] for i in range(0, len(z), 2)])
        if self.noise:
            x += self.noise * jax.random.normal(self.make_rng('noise'), x.shape)
        return nn.sigmoid(jnp.broadcast_to(x[:, :1, None, None], (len(z), 4, 4, 1)))


@pytest.mark.parametrize(('noise', 'batch'), [(0.0, None), (1.0, 16)])
def test_any_number_of_images_but_with_noise_a_fixed_one(noise, batch):
    one = of_network(Counting(noise), (4, 4, 1))
    content, found = stablehlo.lowered(one, ['cpu'])
    assert found == batch
    z, label = drawn(one, batch or 5)
    images = jax.export.deserialize(bytearray(content)).call(z, label)
    np.testing.assert_allclose(images, one.generate(z), atol=1)
    if noise:
        without = of_network(Counting(), (4, 4, 1)).generate(z)
        assert np.abs(np.asarray(images).astype(int) - without).max() > 9


class Broken(nn.Module):
    @nn.compact
    def __call__(self, z, label, *, train):
        if not self.is_initializing():
            raise RuntimeError('a callback')
        return z[:, :, None, None]


@pytest.mark.parametrize(
    ('network', 'options', 'words'),
    [
        (Counting(), {'batch_norm': 'batch'}, 'cannot take BatchNorm.* leave out --formats'),
        (Broken(), {}, r'cannot be lowered to StableHLO \(.*a callback\): leave out'),
    ],
)
def test_what_cannot_be_lowered_is_refused(network, options, words):
    with pytest.raises(UserError, match=words):
        stablehlo.lowered(of_network(network, (4, 4, 1), **options), ['cpu'])
