"""Directions from the weights, against the kernels themselves and NumPy's eigenvectors."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.explorer import directions
from gan_jax.models import biggan, progan, sndcgan
from gan_jax.models.stylegan2 import generator as stylegan2
from gan_jax.models.stylegan3 import generator as stylegan3
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.paths import shapes_of_w
from tests.small import numbers

COUNT, RGB16 = 4, (16, 16, 3)


def made(network, dim):
    """Variables of random numbers, all different."""
    z, label = jnp.zeros((1, dim)), jnp.zeros(1, jnp.int32)
    key = jax.random.key(0)
    shapes = jax.eval_shape(lambda: network.init(key, z, label, train=True))
    return numbers(shapes, np.random.default_rng(0), np.float32)


def in_z(network, dim):
    return directions.kernel_of(network, made(network, dim), jnp.zeros((1, dim)))


def same_rows(found, expected):
    """Both matrices have the same rows, in any order."""
    assert found.shape == expected.shape
    order = [np.lexsort(np.round(x, 4).T) for x in (found, expected)]
    np.testing.assert_allclose(found[order[0]], expected[order[1]], rtol=1e-4, atol=1e-5)


def test_the_eigenvectors_are_numpys_with_the_largest_first():
    kernel = np.random.default_rng(0).normal(size=(30, 6)) * [1, 2, 3, 4, 5, 6]
    found = directions.of_kernel(kernel, COUNT)
    values, vectors = np.linalg.eigh(kernel.T @ kernel)
    np.testing.assert_allclose(found.values, values[::-1][:COUNT])
    overlap = np.abs(np.sum(found.vectors * vectors.T[::-1][:COUNT], axis=1))
    np.testing.assert_allclose(overlap, 1, rtol=1e-6)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(COUNT), atol=1e-6)
    moved = np.linalg.norm(kernel @ found.vectors.T, axis=0)
    np.testing.assert_allclose(moved**2, found.values, rtol=1e-5)
    largest = found.vectors[np.arange(COUNT), np.abs(found.vectors).argmax(1)]
    assert (largest > 0).all()


def test_no_more_directions_than_latents_have_numbers():
    assert directions.of_kernel(np.eye(2), COUNT).vectors.shape == (2, 2)


def test_sndcgan_has_its_dense_layer():
    network = sndcgan.Generator((16, 16, 1), width=0.02)
    kernel = made(network, 6)['params']['dense']['kernel']
    same_rows(in_z(network, 6), kernel.T)


def test_progan_has_its_dense_layer_behind_the_division_by_the_length():
    network = progan.Generator((8, 8, 1), base=32, most=4)
    kernel = made(network, 6)['params']['dense']['kernel']
    found = in_z(network, 6)
    scale = np.linalg.norm(found) / np.linalg.norm(kernel)
    same_rows(found / scale, kernel.T)


def test_biggan_has_its_dense_layer_and_the_norms_that_read_z_without_the_class():
    """z has a part for the dense layer and one for each of two blocks with two norms."""
    network, dim, parts = biggan.Generator(RGB16, 2, 3, shared=4, attention=False), 9, 3
    variables = made(network, dim)
    params, stats = variables['params'], variables['batch_stats']

    def divided(names):
        """A kernel [K, C] over its largest singular value, as the stored vector estimates it."""
        kernel, u = params, stats
        for name in names[:-1]:
            kernel, u = kernel[name], u[name]
        kernel = kernel[names[-1]]['kernel']
        v = u[f'spectral_{names[-1]}'][f'{names[-1]}/kernel/u'] @ kernel.T
        return kernel / np.linalg.norm(v / np.linalg.norm(v) @ kernel)

    expected = [placed(divided(['dense']), 0, dim, parts)]
    for block in range(2):
        for norm in ('norm_0', 'norm_1'):
            for layer in ('gain', 'bias'):
                kernel = divided([f'block_{block}', norm, layer])
                expected.append(placed(kernel[4:], block + 1, dim, parts))  # behind the class
    same_rows(in_z(network, dim), np.concatenate(expected))


@pytest.mark.slow
def test_blocks_that_are_computed_again_have_the_same_directions():
    options = dict(channels=2, num_classes=3, shared=4, attention=False)
    kept, again = (in_z(biggan.Generator(RGB16, remat=x, **options), 9) for x in (False, True))
    np.testing.assert_allclose(kept, again, rtol=1e-5, atol=1e-6)


def placed(kernel, part, dim, parts):
    """A [F, dim] of a kernel [dim / parts, F] that takes one of the equal parts of z."""
    width = dim // parts
    rows = np.zeros((kernel.shape[1], dim), np.float32)
    rows[:, part * width : (part + 1) * width] = kernel.T
    return rows


STYLED = dict(units=8, layers=1, base=32, most=4)
STYLEGANS = {
    'stylegan2': stylegan2.Generator((8, 8, 1), **STYLED),
    'stylegan3': stylegan3.Generator((8, 8, 1), depth=3, **STYLED),
}


@pytest.mark.parametrize('name', STYLEGANS)
def test_a_stylegan_has_the_affine_layers_of_all_its_styles(name):
    network = STYLEGANS[name]
    variables = made(network, 6)
    w = jnp.zeros(shapes_of_w(network, 6)['w'].shape)[:1]
    found = directions.kernel_of_styles(network, variables, w)
    leaves = jax.tree_util.tree_leaves_with_path(variables['params']['synthesis'])
    named = {'/'.join(key.key for key in path): leaf for path, leaf in leaves}
    styles = [kernel.T for path, kernel in named.items() if path.endswith('style/kernel')]
    assert len(styles) >= 4
    same_rows(found, np.concatenate(styles) / np.sqrt(8))  # the equalised rate


def test_a_network_that_bends_its_latents_first_is_refused():
    class Bent(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            return nn.Dense(16)(jnp.sign(z)).reshape(-1, 4, 4, 1)

    network = Bent()
    variables = made(network, 3)
    with pytest.raises(UserError, match='no first layer that is linear in its latents'):
        directions.kernel_of(network, variables, jnp.zeros((1, 3)))
