"""StyleGAN2's discriminator: published counts, the whole of it in NumPy, the minibatch layer."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.critic import Critic
from gan_jax.models.stylegan2.discriminator import Logit, Spread, Trunk, spreads
from tests import parameters, small
from tests.models.stylegan2 import loops

LABEL = np.array([0, 2, 1, 0])
NARROW = dict(base=32, most=3)
RATE = 0.5


def initial(module, shape, n=4):
    start = partial(module.init, train=True)
    return jax.eval_shape(start, jax.random.key(0), np.zeros((n, *shape)), np.zeros(n, np.int32))


# Parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('side', 'classes', 'options', 'parameters_'),
    [
        (32, 10, dict(architecture='orig', group=32), 23_089_664),
        (32, 0, dict(architecture='orig', group=32), 20_720_641),
        (32, 0, dict(), 21_507_073),
        (32, 10, dict(), 23_876_096),
        (32, 0, dict(base=16_384), 21_507_073),
        (64, 0, dict(base=16_384), 23_407_361),
        (64, 0, dict(), 26_488_833),
        (128, 0, dict(base=16_384), 23_882_369),
        (256, 0, dict(base=16_384), 24_001_089),
        (256, 0, dict(), 28_864_129),
        (1024, 0, dict(), 29_012_513),
    ],
)
def test_it_has_as_many_parameters_as_the_published_one(side, classes, options, parameters_):
    module = Critic(Trunk(**options), logit=Logit(classes))
    variables = initial(module, (side, side, 3))
    assert parameters.count(variables) == parameters_
    if classes:  # eight layers, whatever the generator has
        mapping = variables['params']['logit']['mapping']
        assert parameters.count({'params': mapping}) == 2_106_880


def test_sizes_without_layers_are_refused():
    with pytest.raises(ValueError, match='StyleGAN2 takes images .* and not 12x13'):
        initial(Critic(Trunk()), (12, 13, 3))


# The whole ---------------------------------------------------------------------------------------


def conv(params, x, down=False):
    kernel = params['kernel'] / (9 * x.shape[3]) ** 0.5
    y = loops.halved_convolution(x, kernel) if down else loops.convolved(x, kernel)
    return y + params['bias']


def reference(params, image, group):
    """Features of images in [0, 1]."""
    x = loops.leaky(loops.dense(params['from_image'], 2 * image - 1))
    own = params['block_8']
    y = loops.leaky(conv(own['conv_0'], x))
    y = loops.leaky(conv(own['conv_1'], y, down=True))
    if 'shortcut' in own:
        halved = loops.correlated(x, 1, 1)[:, ::2, ::2]
        y = (y + loops.dense(own['shortcut'], halved)) * 0.5**0.5
    x = np.concatenate([y, np.ones((*y.shape[:3], 1)) * spread(y, group)[:, None, None, None]], 3)
    x = loops.leaky(conv(params['conv'], x))
    return loops.leaky(loops.dense(params['dense'], x.reshape(len(x), -1)))


def spread(x, group):
    """The number of image n: of the group n, n + N/G, n + 2N/G, ..."""
    stride = len(x) // group
    found = np.zeros(len(x))
    for n in range(len(x)):
        own = x[n % stride :: stride]
        squares = ((own - own.mean(0)) ** 2).mean(0)  # by the number of images, not one less
        found[n] = np.sqrt(squares + 1e-8).mean()
    return found


@pytest.mark.parametrize('architecture', ['orig', 'resnet'])
def test_features_are_the_layers_one_after_another(architecture, x64):
    image = np.random.default_rng(0).random((4, 8, 8, 2))
    module = Trunk(architecture=architecture, group=2, **NARROW)
    start = partial(module.init, train=True)
    variables = loops.numbers(jax.eval_shape(start, jax.random.key(0), image))
    run = small.jit(partial(module.apply, train=True, mutable=['averages']))
    features, _ = run(variables, image)
    np.testing.assert_allclose(features, reference(variables['params'], image, 2), atol=1e-9)
    assert np.abs(features - reference(variables['params'], image, 4)).max() > 1e-3


@pytest.mark.parametrize('classes', [0, 3])
def test_the_logit_projects_on_a_mapping_of_the_class(classes, x64):
    features = np.random.default_rng(0).standard_normal((4, 6))
    module = Logit(classes, layers=2, rate=RATE)
    start = partial(module.init, train=True)
    variables = loops.numbers(jax.eval_shape(start, jax.random.key(0), features, LABEL))
    params = variables['params']
    expected = loops.dense(params['dense'], features)
    if classes:
        own = params['mapping']
        m = loops.dense(own['classes'], np.eye(3)[LABEL])
        m = m / np.sqrt((m**2).mean(1, keepdims=True) + 1e-8)
        for i in range(2):
            m = loops.leaky(loops.dense(own[f'dense_{i}'], m, RATE))
        expected = (expected * m).sum(1, keepdims=True) / 6**0.5
    found = module.apply(variables, features, LABEL, train=True)['logit']
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-12)


# The minibatch standard deviation ----------------------------------------------------------------


def test_images_of_a_group_lie_apart_and_not_side_by_side(x64):
    """Of four numbers in groups of two: 0 and 4 deviate by 2, 1 and 11 by 5."""
    x = np.float64([0, 1, 4, 11])[:, None, None, None]
    np.testing.assert_allclose(spreads(x, 2), [2, 5, 2, 5], rtol=1e-6)
    np.testing.assert_allclose(spreads(x, 1), [1e-4] * 4)
    more = np.random.default_rng(0).standard_normal((12, 2, 2, 3))
    for group in (2, 4, 12):
        np.testing.assert_allclose(spreads(more, group), spread(more, group), rtol=1e-9)


def test_a_group_that_does_not_divide_the_batch_is_refused():
    sentence = 'groups of 4, which do not divide 6 images: change discriminator.group, batch_size'
    with pytest.raises(ValueError, match=sentence):
        spreads(jnp.zeros((6, 1, 1, 1)), 4)


def test_a_smaller_batch_is_one_group():
    shapes = initial(Critic(Trunk(group=32, **NARROW)), (8, 8, 1), n=3)
    assert shapes['averages']['trunk']['spread']['spread'].shape == ()


def test_evaluation_has_the_average_of_training():
    x = np.random.default_rng(0).standard_normal((4, 2, 2, 3)).astype('f4')
    before = {'averages': {'spread': np.float32(0.3)}}
    run = partial(Spread(2).apply, before, x, mutable=['averages'])
    inner, after = run(train=True)
    expected = spread(x, 2)
    np.testing.assert_allclose(inner[:, 0, 0, 3], expected, rtol=1e-5)
    np.testing.assert_array_equal(inner[..., :3], x)
    mean = 0.99 * 0.3 + 0.01 * expected.mean()
    assert float(after['averages']['spread']) == pytest.approx(mean, rel=1e-5)
    seen, kept = run(train=False)
    assert (seen[..., 3] == np.float32(0.3)).all() and kept == before


def test_without_a_group_there_is_no_such_channel():
    shapes = initial(Critic(Trunk(group=0, **NARROW)), (8, 8, 1))
    assert 'averages' not in shapes
    assert shapes['params']['trunk']['conv']['kernel'].shape == (3, 3, 3, 3)
    shapes = initial(Critic(Trunk(group=4, **NARROW)), (8, 8, 1))
    assert shapes['params']['trunk']['conv']['kernel'].shape == (3, 3, 4, 3)


def test_a_spread_of_equal_images_has_a_finite_slope():
    slope = jax.grad(lambda x: spreads(x, 2).sum())(jnp.ones((2, 1, 1, 3)))
    assert bool((slope == 0).all())


# Half precision ----------------------------------------------------------------------------------


def test_half_precision_is_inside_and_kept_within_bounds():
    image = np.random.default_rng(0).random((2, 8, 8, 1)).astype('f4')
    module = Trunk(architecture='orig', group=0, dtype=jnp.bfloat16, **NARROW)
    params = loops.numbers(initial(Critic(module), (8, 8, 1)), np.float32)['params']['trunk']
    params['from_image']['bias'] += 1e6

    @small.jit
    def run(params):
        keep = dict(capture_intermediates=True, mutable=['intermediates'])
        return module.apply({'params': params}, image, train=True, **keep)

    features, kept = run(params)
    inner = kept['intermediates']
    seen = float(jnp.abs(inner['from_image']['__call__'][0]).max())
    assert float(jnp.abs(inner['block_8']['conv_0']['__call__'][0]).max()) < 9 * 256 < seen
    halves = {
        name
        for name in ('block_8', 'conv', 'dense')
        if inner[name]['__call__'][0].dtype == 'bfloat16'
    }
    assert halves == {'block_8'} and features.dtype == 'float32'
