"""Our networks compute what the published code does; see published_errors.py.

The numbers are of NVlabs/stylegan2-ada-pytorch at d72cc7d, brownvc/R3GAN at 19a7ddf,
IFeelBloated/R3GAN2 at 3b04752, NVlabs/stylegan3 at c233a91, POSTECH-CVLab/PyTorch-StudioGAN at
947b35e and milmor/LadaGAN at eb3ed9c, with PyTorch 2.13 on a CPU. None of it is needed here.
"""

import jax
import numpy as np
import pytest

from tests.oracle import published_cases as cases
from tests.oracle import published_errors, published_networks, published_weights

CASES = pytest.mark.parametrize('case', cases.CASES, ids=lambda case: case.name)


@pytest.mark.slow
@CASES
def test_outputs_and_gradients_are_the_published_ones(case):
    found = published_errors.errors(case)
    assert {name.partition('/')[0] for name in found} >= {'output', 'input', 'first', 'second'}
    assert {name: error for name, error in found.items() if not error <= 1e-4} == {}


@CASES
def test_weights_fill_our_networks(case):
    module, label = published_networks.build(case), cases.labels(case)
    given = cases.latents(case) if case.player == 'g' else cases.images(case)
    rngs = {'params': jax.random.key(0), 'noise': jax.random.key(1)}
    expected = jax.eval_shape(lambda: module.init(rngs, given, label, train=True))
    variables = published_errors.published(case).variables
    assert jax.tree.map(np.shape, variables) == jax.tree.map(np.shape, expected)


def test_a_nan_of_ours_is_no_small_error():
    theirs = np.array([1.0, np.nan, 3.0], np.float32)
    assert published_errors.difference(np.array([1.5, 7.0, 3.0], np.float32), theirs) == 0.5
    assert np.isnan(published_errors.difference(np.array([1.5, 7.0, np.nan]), theirs))


def test_a_name_of_another_network_is_refused():
    state = {'b8.conv0.weight': np.zeros((2, 2, 3, 3))}
    published_weights.stylegan2_discriminator(state)
    with pytest.raises(ValueError, match=r"'b8\.conv0\.weight' is no parameter of the published"):
        published_weights.stylegan2_generator(state)


def test_a_wrapped_network_of_r3gan_has_the_same_weights():
    state = {'AggregationLayer.Layer.weight': cases.drawn('w', (3, 4, 1, 1))}
    wrapped = {f'Model.{name}': x for name, x in state.items()}
    found = [
        published_weights.r3gan_generator(x)['params']['image']['kernel'] for x in (state, wrapped)
    ]
    assert np.array_equal(*found) and found[0].shape == (4, 3)
