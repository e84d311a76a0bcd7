"""The program that JAX alone runs: its images, where gan_jax cannot be imported."""

import subprocess
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.exported import stablehlo
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.generator import Generator, shapes_of
from tests import small
from tests.models import generators

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('gan_jax', 'flax', 'optax', 'orbax', 'safetensors'):
            raise ImportError(f'{name} is not installed here')

sys.meta_path.insert(0, Blocker())
"""
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


def run(content, folder, *inputs):
    """The images of a program in a process of its own that has JAX alone."""
    (folder / 'g.stablehlo').write_bytes(content)
    names = [folder / 'g.stablehlo', *(folder / f'{i}.npy' for i in range(3))]
    for name, array in zip(names[1:], inputs, strict=False):
        np.save(name, array)
    command = [sys.executable, '-I', '-c', BLOCKED + FIVE_LINES, *map(str, names)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert (ran.returncode, ran.stdout.strip()) == (0, '[]'), ran.stderr
    return np.load(names[-1])


def test_the_images_are_those_of_generate_where_gan_jax_is_not(tmp_path):
    one = of_network(small.Generator(), small.SHAPE)
    program = stablehlo.lowered(one)
    assert program.batch is None
    z, label = drawn(one, 5)
    found = run(program.content, tmp_path, z, label)
    expected = one.generate(z, label)
    assert found.dtype == np.uint8 and found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert expected.std() > 10


def test_it_is_for_cpus_nvidia_cards_and_tpus():
    content = stablehlo.lowered(of_network(small.Generator(), small.SHAPE)).content
    program = jax.export.deserialize(bytearray(content))
    assert program.platforms == ('cpu', 'cuda', 'tpu')
    assert [str(x.dtype) for x in program.out_avals] == ['uint8']


@pytest.mark.slow
@pytest.mark.parametrize(('network', 'classes'), generators.PARAMETERS)
def test_every_network_of_this_package_is_lowered_for_any_number_of_images(network, classes):
    one = of_network(network, network.shape, 8, class_counts=(1,) * max(classes, 1))
    content, batch = stablehlo.lowered(one)
    assert batch is None
    z, label = drawn(one, 3)
    found = jax.export.deserialize(bytearray(content)).call(z, label)
    expected = one.generate(z, label if one.num_classes else None)
    assert np.abs(np.asarray(found).astype(int) - expected).max() <= 1


class Counting(nn.Module):
    """A network that computes with the number of images."""

    @nn.compact
    def __call__(self, z, label, *, train):
        rows = range(0, len(z), 2)
        x = jnp.concatenate([z[i : i + 2] for i in rows])
        return nn.sigmoid(jnp.broadcast_to(x[:, :1, None, None], (len(z), 4, 4, 1)))


def test_a_network_that_counts_images_has_a_fixed_number():
    one = of_network(Counting(), (4, 4, 1))
    content, batch = stablehlo.lowered(one, ['cpu'])
    assert batch == 16
    z, label = drawn(one, 16)
    found = jax.export.deserialize(bytearray(content)).call(z, label)
    np.testing.assert_array_equal(found, one.generate(z, 0))


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
