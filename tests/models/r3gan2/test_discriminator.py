"""R3GAN2's discriminator: the whole of it in loops with faults planted, its start, its types."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.critic import Critic
from gan_jax.models.r3gan2.discriminator import Logit, Trunk
from gan_jax.models.r3gan2.stage import Stage
from tests import small
from tests.models.r3gan2.loops import FAULTS, Loops
from tests.parameters import count, initial

LABEL = np.array([0, 2, 1])
NARROW = dict(widths=(8, 4), group_size=4, blocks=2)
PUBLISHED = {
    'cifar10': (32, (512,) * 3, 10, 17_720_832),
    'without classes': (32, (512,) * 3, 0, 17_192_448),
    'ffhq64': (64, (512,) * 4, 0, 22_572_544),
    'ffhq256': (256, (*(512,) * 4, 256, 128), 0, 24_771_456),
    'imagenet32': (32, (1024,) * 3, 1000, 63_718_400),
    'imagenet64': (64, (1024,) * 4, 1000, 82_867_200),
}


def images(side=16, channels=2):
    return np.random.default_rng(1).random((3, side, side, channels)).astype('float32')


@pytest.mark.parametrize('name', PUBLISHED)
def test_parameters_are_as_many_as_in_the_published_networks(name):
    side, widths, classes, expected = PUBLISHED[name]
    critic = Critic(Trunk(widths), logit=Logit(classes))
    start = partial(critic.init_with_output, train=True)
    image = np.zeros((3, side, side, 3), 'float32')
    out, variables = jax.eval_shape(start, jax.random.key(0), image, LABEL)
    assert (out['features'].shape, out['logit'].shape) == ((3, 2 * widths[0]), (3,))
    assert count(variables) == expected and {*variables} == {'params'}


@pytest.mark.slow
def test_is_its_formula_and_not_one_with_a_fault(x64):
    image = images().astype(float)
    critic = Critic(Trunk(**NARROW), logit=Logit(3))
    rng = np.random.default_rng(3)
    variables = small.numbers(initial(critic, image, LABEL), rng, 'float64')
    found = small.jit(partial(critic.apply, train=True))(variables, image, LABEL)

    def apart(fault):
        loops, params = Loops(4, fault), variables['params']
        features = loops.features(params['trunk'], image)
        logit = loops.logit(params['logit'], features, LABEL)
        return [
            np.abs(found[name] - expected).max()
            for name, expected in (('features', features), ('logit', logit))
        ]

    assert max(apart('')) < 1e-11
    for fault in FAULTS:
        assert min(apart(fault)) > 1e-4 or fault == 'noise', fault


def test_the_logit_without_classes_is_a_centred_product(x64):
    features = np.random.default_rng(4).standard_normal((3, 6))
    variables = small.numbers(
        initial(Logit(), features, LABEL), np.random.default_rng(5), 'float64'
    )
    found = Logit().apply(variables, features, LABEL, train=True)['logit']
    expected = Loops(1).linear(variables['params']['dense'], features)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_blocks_do_nothing_at_first_and_classes_are_alike():
    narrow = NARROW | dict(blocks=1)
    critic = Critic(Trunk(attention=(8,), head_size=4, **narrow), logit=Logit(3))
    start = small.jit(partial(critic.init_with_output, train=True))
    out, variables = start(jax.random.key(0), images(), LABEL)
    trunk = variables['params']['trunk']
    for stage in ('stage_0', 'stage_1'):
        trunk[stage] = jax.tree.map(lambda x: x + float(x.ndim > 1), trunk[stage])
    again = small.jit(partial(critic.apply, train=True))(variables, images(), LABEL[::-1])
    np.testing.assert_allclose(again['features'], out['features'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(again['logit'], out['logit'], rtol=0, atol=1e-5)


@pytest.mark.usefixtures('mixed_types')
def test_half_precision_is_in_the_stages_alone():
    trunk = Trunk((8, 8, 8), 4, blocks=1, dtype=jnp.bfloat16)
    run = partial(
        trunk.init_with_output,
        train=True,
        capture_intermediates=lambda one, _: isinstance(one, Stage) or one.name == 'widen',
    )
    features, variables = jax.eval_shape(run, jax.random.key(0), images(32))
    assert {str(x.dtype) for x in jax.tree.leaves(variables['params'])} == {'float32'}
    found = variables['intermediates']
    for i in range(3):
        x, gain = found[f'stage_{i}']['__call__'][0]
        assert (str(x.dtype), str(gain.dtype)) == ('bfloat16', 'float32')
    assert str(found['widen']['__call__'][0].dtype) == str(features.dtype) == 'float32'
