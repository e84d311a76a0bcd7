"""Networks for images that are no squares: the square's layers, from a map of other proportions."""

from functools import partial

import jax
import numpy as np
import pytest

from gan_jax.models import (
    biggan,
    biggan_deep,
    dcgan,
    ladagan,
    progan,
    r3gan,
    resnet,
    sndcgan,
    wgan_gp,
)
from gan_jax.models.r3gan2 import discriminator as r3gan2_d
from gan_jax.models.r3gan2 import generator as r3gan2
from gan_jax.models.stylegan2 import discriminator as stylegan2_d
from gan_jax.models.stylegan2 import generator as stylegan2
from tests import small
from tests.models.generators import R3GAN2, STYLEGAN2

RNGS = {'params': 0, 'noise': 1}
# The network of a shape, the square's side, and the names of what depends on the smallest map.
GENERATORS = {
    'sndcgan': (partial(sndcgan.Generator, width=0.1), 32, {'dense', 'norm_0'}),
    'resnet': (partial(resnet.Generator, width=0.02), 32, {'dense'}),
    'resnet of own channels': (partial(resnet.Generator, up=(4, 3, 2)), 16, {'dense'}),
    'biggan': (partial(biggan.Generator, channels=2, shared=4), 32, {'dense'}),
    'biggan_deep': (partial(biggan_deep.Generator, widths=(8, 4, 4), attention=8), 16, {'dense'}),
    'stylegan2': (partial(stylegan2.Generator, **STYLEGAN2), 16, {'constant'}),
    'r3gan': (partial(r3gan.Generator, widths=(6, 4, 4), group_size=4), 16, {'basis'}),
    'r3gan2': (partial(r3gan2.Generator, widths=(4, 4), **R3GAN2), 16, {'basis'}),
    'ladagan': (partial(ladagan.Generator, widths=(8, 4, 4), heads=2, hidden=6), 16, {'dense'}),
    'progan': (partial(progan.Generator, base=32, most=4), 16, {'dense'}),
    'dcgan': (partial(dcgan.Generator, width=0.05), 16, {'dense'}),
}
# Trunks whose features are no map have the square's parameters.
TRUNKS = {
    'sndcgan': (sndcgan.Trunk(width=0.1), 32, set()),
    'resnet': (resnet.Trunk(width=0.02), 32, set()),
    'biggan': (biggan.Trunk(channels=2), 32, set()),
    'biggan_deep': (biggan_deep.Trunk((8, 4, 4), attention=8), 16, set()),
    'stylegan2': (stylegan2_d.Trunk(base=32, most=4, group=2), 16, {'dense'}),
    'r3gan': (r3gan.Trunk((6, 4, 4), 4), 16, {'basis'}),
    'r3gan2': (r3gan2_d.Trunk((4, 4), **R3GAN2), 16, {'basis'}),
    'ladagan': (ladagan.Trunk((4,), (4, 4), 2, 6), 16, {'block_places'}),
    'progan': (progan.Trunk(base=32, most=4, group=2), 16, {'dense'}),
    'dcgan': (dcgan.Trunk(width=0.05), 16, set()),
    'wgan_gp': (wgan_gp.Trunk(width=0.03), 16, set()),
}


def shapes_of(network, *inputs):
    """What a network returns, and its parameters, as shapes."""
    rngs = {name: jax.random.key(seed) for name, seed in RNGS.items()}
    start = partial(network.init_with_output, train=True)
    out, variables = jax.eval_shape(start, rngs, *inputs)
    return out, {
        tuple(key.key for key in path): leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables['params'])
    }


def differing(one, other):
    """The names of the layers whose parameters differ in shape."""
    assert one.keys() == other.keys()
    return {path['synthesis' in path] for path in one if one[path] != other[path]}


@pytest.mark.slow
@pytest.mark.parametrize('name', GENERATORS)
def test_a_generator_differs_from_the_square_s_in_the_smallest_map_alone(name):
    make, side, of_map = GENERATORS[name]
    z, label = np.zeros((2, 16), 'f4'), np.zeros(2, 'i4')
    _, square = shapes_of(make((side, side, 3)), z, label)
    for shape in ((side, side // 2, 3), (side // 2, side, 3), (3 * side // 4, side, 3)):
        out, found = shapes_of(make(shape), z, label)
        image = out['image'] if isinstance(out, dict) else out
        assert image.shape == (2, *shape)
        places = {f'block_{i}_places' for i in range(3)}  # LadaGAN's, of every map
        assert differing(square, found) - places == of_map


@pytest.mark.slow
@pytest.mark.parametrize('name', TRUNKS)
def test_a_discriminator_differs_from_the_square_s_in_the_smallest_map_alone(name):
    trunk, side, of_map = TRUNKS[name]
    _, square = shapes_of(trunk, np.zeros((2, side, side, 3), 'f4'))
    for shape in ((side, side // 2, 3), (side // 2, side, 3)):
        features, found = shapes_of(trunk, np.zeros((2, *shape), 'f4'))
        assert features.ndim == 2 and len(features) == 2
        assert differing(square, found) == of_map


def test_sizes_that_are_no_powers_of_two_start_from_larger_maps():
    z, label = np.zeros((2, 16), 'f4'), np.zeros(2, 'i4')
    out, found = shapes_of(stylegan2.Generator((28, 28, 1), **STYLEGAN2), z, label)
    assert out['image'].shape == (2, 28, 28, 1)
    assert found['synthesis', 'constant'][:2] == (7, 7)
    _, found = shapes_of(r3gan.Generator((30, 20, 1), (4, 4), 4), z, label)
    assert found[('basis',)] == (15, 10, 4)
    features, _ = shapes_of(dcgan.Trunk(width=0.05), np.zeros((2, 36, 20, 1), 'f4'))
    assert features.shape[1] % (9 * 5) == 0


def test_attention_on_a_map_of_odd_sides_is_a_sentence():
    trunk = biggan_deep.Trunk((8, 4, 4), attention=8)
    with pytest.raises(ValueError, match='pools maps of even sides, and not 7x7: change data.size'):
        shapes_of(trunk, np.zeros((2, 28, 28, 1), 'f4'))


@pytest.mark.slow
@pytest.mark.parametrize(
    ('network', 'turned', 'given'),
    [
        (r3gan.Trunk((4, 4), 4), r3gan.Trunk((4, 4), 4), (2, 8, 4, 3)),
        (r3gan.Generator((4, 8, 1), (4, 4), 4), r3gan.Generator((8, 4, 1), (4, 4), 4), (2, 5)),
    ],
    ids=['trunk', 'generator'],
)
def test_height_and_width_are_treated_alike(network, turned, given):
    """With turned kernels a turned image has the same features, and latents give a turned image."""
    x = np.random.default_rng(0).random(given, 'f4')
    rest = () if len(given) == 4 else (np.zeros(2, 'i4'),)
    variables = small.numbers(
        jax.eval_shape(partial(network.init, train=False), jax.random.key(0), x, *rest),
        np.random.default_rng(1),
        np.float32,
    )
    other = jax.tree.map(lambda leaf: leaf.swapaxes(0, 1) if leaf.ndim > 2 else leaf, variables)
    out = network.apply(variables, x, *rest, train=True)
    across = turned.apply(other, x.swapaxes(1, 2) if not rest else x, *rest, train=True)
    np.testing.assert_allclose(across.swapaxes(1, 2) if rest else across, out, rtol=1e-3, atol=1e-4)
