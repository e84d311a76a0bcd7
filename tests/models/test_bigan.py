"""BiGAN's encoder and logit: sizes, statistics, and a logit that is no sum of two."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.bigan import Encoder, PairLogit
from gan_jax.models.critic import Critic
from gan_jax.models.sndcgan import Trunk
from tests import small
from tests.parameters import count


def test_the_encoder_has_the_layers_that_it_says():
    """Kernels 4x4, a gain and a bias for each channel, and a dense layer on 2x2 places."""
    variables = jax.eval_shape(
        lambda: Encoder(10, 0.25).init(jax.random.key(0), jnp.zeros((2, 16, 16, 1)), train=True)
    )
    convolutions = 16 * (1 * 16 + 16 * 32 + 32 * 64)
    norms, dense = 2 * (16 + 32 + 64), (2 * 2 * 64 + 1) * 10
    assert count(variables) == convolutions + norms + dense
    assert {path[0].key for path, _ in jax.tree_util.tree_leaves_with_path(variables)} == {
        'params',
        'batch_stats',
    }


def made(module, *inputs, **more):
    """The network with numbers in its variables: (train) -> (output, collections after)."""
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs, **more, train=True))
    variables = small.numbers(shapes, np.random.default_rng(1), np.float32)

    def run(train, *inputs, **more):
        moving = ['batch_stats'] if train else []
        return small.jit(
            lambda: module.apply(variables, *inputs, **more, train=train, mutable=moving)
        )()

    return variables, run


def test_codes_have_no_bounds_and_statistics_move_in_training_alone():
    image = np.random.default_rng(0).random((4, 8, 8, 1)).astype(np.float32)
    variables, run = made(Encoder(5, 0.1), image)
    code, after = run(True, image)
    assert code.shape == (4, 5) and code.dtype == np.float32
    assert np.min(code) < 0 < np.max(code)
    assert small.distance(after['batch_stats'], variables['batch_stats']) > 1e-3
    assert not run(False, image)[1]


def test_half_precision_computes_in_it_and_returns_float32(mixed_types):
    image = np.zeros((2, 8, 8, 1), np.float32)
    network = Encoder(5, 0.1, jnp.bfloat16)
    code, variables = jax.eval_shape(
        lambda: network.init_with_output(jax.random.key(0), image, train=True)
    )
    text = str(jax.make_jaxpr(lambda v: network.apply(v, image, train=False))(variables))
    assert {str(x.dtype) for x in jax.tree.leaves((code, variables))} == {'float32'}
    assert 'bf16[' in text


@pytest.mark.parametrize('classes', [0, 3])
def test_the_logit_is_more_than_a_sum_of_one_for_each(classes):
    """D(x, z) - D(x, z') changes with x, which no a(x) + b(z) does."""
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((2, 4, 6)), rng.standard_normal((2, 4, 5))
    x, z, label = x.astype(np.float32), z.astype(np.float32), np.array([0, 1, 2, 0])
    _, run = made(PairLogit(7, classes), x[0], label, z=z[0])

    def logit(i, j):
        return run(False, x[i], label, z=z[j])[0]['logit']

    mixed = logit(0, 0) - logit(0, 1) - logit(1, 0) + logit(1, 1)
    assert np.min(np.abs(mixed)) > 1e-3


def test_it_goes_with_a_trunk_of_this_package():
    critic = Critic(Trunk(0.05), {}, PairLogit(4))
    image, label, z = jnp.zeros((2, 16, 16, 1)), jnp.zeros(2, jnp.int32), jnp.zeros((2, 5))
    shapes = jax.eval_shape(
        lambda: critic.init_with_output(jax.random.key(0), image, label, z=z, train=True)[0]
    )
    assert critic.reads == ('z',)
    assert shapes['logit'].shape == (2,) and shapes['features'].shape == (2, 2 * 2 * 26)
