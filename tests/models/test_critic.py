"""The critic's outputs, its heads and their names, and second derivatives through it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.models.conv import Conv
from gan_jax.models.critic import Critic, Logit, ProjectionLogit
from gan_jax.models.spectral import spectral
from tests import small

pytestmark = pytest.mark.usefixtures('quick')

LABEL = jnp.arange(4)


@pytest.fixture(scope='module')
def image():
    return jax.random.uniform(jax.random.key(0), (4, 5, 5, 1))


class Trunk(nn.Module):
    """Images [N, 5, 5, 1] -> features [N, 18]; the second map is smaller than its kernel."""

    dtype: Any = None

    @nn.compact
    def __call__(self, image, *, train):
        x = image
        for i in range(2):
            conv = Conv(2, (4, 4), (2 - i, 2 - i), dtype=self.dtype, name=f'conv_{i}')
            x = jnp.tanh(spectral(conv, x, train=train))
        return x.reshape(len(x), -1).astype(image.dtype)


class Head(nn.Module):
    """A term's head: reads features and label, and in training has a gain of two."""

    @nn.compact
    def __call__(self, features, label, *, train):
        shift = nn.Embed(4, 3, name='embed')(label)
        gain = 1.0 + float(train)
        return {'projection': gain * nn.Dense(3, name='dense')(features) + shift}


class TwoLogits(nn.Module):
    """A logit head that returns more than the logit."""

    @nn.compact
    def __call__(self, features, label, *, train):
        moved = features * float(train) + label[:, None].astype(features.dtype)
        return {'logit': features.sum(-1), 'direction': moved}


def critic(**options):
    return Critic(Trunk(), **options)


def variables(module, image):
    return jax.jit(lambda x: module.init(jax.random.key(0), x, LABEL, train=False))(image)


def evaluate(module, v, image, label=LABEL):
    return jax.jit(partial(module.apply, train=False))(v, image, label)


def test_a_bare_critic_returns_logits_and_the_trunk_s_features(image):
    module = critic()
    v = variables(module, image)
    out = evaluate(module, v, image)
    assert {name: value.shape for name, value in out.items()} == {
        'logit': (4,),
        'features': (4, 18),
    }
    trunk = {name: collection['trunk'] for name, collection in v.items()}
    expected = jax.jit(partial(module.trunk.apply, train=False))(trunk, image)
    np.testing.assert_allclose(out['features'], expected, rtol=1e-6)


def test_the_logit_is_a_dense_layer_over_its_own_norm(image):
    module = critic()
    v = variables(module, image)
    out = evaluate(module, v, image)
    kernel = v['params']['logit']['dense']['kernel'][:, 0]
    np.testing.assert_allclose(
        out['logit'], out['features'] @ kernel / jnp.linalg.norm(kernel), rtol=1e-4, atol=1e-6
    )
    v['params']['logit']['dense']['bias'] = jnp.array([2.0])
    shifted = evaluate(module, v, image)
    np.testing.assert_allclose(shifted['logit'], out['logit'] + 2, rtol=1e-5)


@pytest.mark.slow
def test_heads_see_features_and_labels_and_are_outputs_by_name(image):
    module = critic(heads={'contrastive': Head(), 'rotation': Head()})
    v = variables(module, image)
    assert sorted(v['params']) == ['heads_contrastive', 'heads_rotation', 'logit', 'trunk']
    out = evaluate(module, v, image)
    assert sorted(out) == ['contrastive', 'features', 'logit', 'rotation']
    for name in ('contrastive', 'rotation'):
        own = {'params': v['params'][f'heads_{name}']}
        expected = Head().apply(own, out['features'], LABEL, train=False)['projection']
        np.testing.assert_allclose(out[name]['projection'], expected, rtol=1e-6)


@pytest.mark.slow
def test_a_head_is_told_whether_it_trains(image):
    module = critic(heads={'contrastive': Head()})
    v = variables(module, image)
    own = {'params': v['params']['heads_contrastive']}
    for train in (False, True):
        look = jax.jit(partial(module.apply, train=train, mutable=['batch_stats']))
        out, _ = look(v, image, LABEL)
        expected = Head().apply(own, out['features'], LABEL, train=train)
        np.testing.assert_allclose(out['contrastive']['projection'], expected['projection'], 1e-6)


def test_a_head_leaves_the_other_parameters_as_they_were(image):
    bare = variables(critic(), image)
    headed = variables(critic(heads={'contrastive': Head()}), image)
    del headed['params']['heads_contrastive']
    assert jax.tree.structure(bare) == jax.tree.structure(headed)
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), bare, headed))


def test_another_logit_head_adds_its_outputs_and_knows_whether_it_trains(image):
    module = critic(logit=TwoLogits())
    v = variables(module, image)
    train = jax.jit(partial(module.apply, train=True, mutable=['batch_stats']))
    out, _ = train(v, image, LABEL)
    assert sorted(out) == ['direction', 'features', 'logit']
    expected = out['features'] + LABEL[:, None].astype('float32')
    np.testing.assert_allclose(out['direction'], expected, rtol=1e-6)


def test_a_projection_is_the_logit_and_the_features_along_the_label_s_row():
    features = np.random.default_rng(0).standard_normal((4, 6)).astype('float32')
    module = ProjectionLogit(3, initializer='orthogonal')
    label = np.array([0, 2, 2, 3])  # the last is no class
    v = small.jit(partial(module.init, train=True))(jax.random.key(0), features, label)
    params = small.numbers(v['params'], np.random.default_rng(1), 'float32')
    run = small.jit(partial(module.apply, train=True, mutable=['batch_stats']))
    v = {**v, 'params': params}
    for _ in range(100):  # the power iteration, to its end
        out, after = run(v, features, label)
        v = {**v, **after}
    psi, table = params['dense'], params['classes']['kernel']
    table = np.append(table / np.linalg.svd(table)[1][0], np.zeros((1, 6)), axis=0)
    unconditional = features @ psi['kernel'][:, 0] / np.linalg.norm(psi['kernel']) + psi['bias']
    expected = unconditional + np.einsum('nf,nf->n', table[label], features)
    assert sorted(out) == ['logit']
    np.testing.assert_allclose(out['logit'], expected, rtol=1e-4, atol=1e-5)


def test_a_projection_without_classes_is_refused():
    with pytest.raises(ValueError, match='needs classes, not num_classes=0: .*Logit'):
        ProjectionLogit(0).init(jax.random.key(0), np.zeros((4, 6)), LABEL, train=True)


@pytest.mark.parametrize('logit', [Logit, partial(ProjectionLogit, 3)])
def test_the_logit_starts_as_its_initializer_says(logit):
    features = np.zeros((4, 300), 'float32')

    def start(name):
        init = small.jit(partial(logit(initializer=name).init, train=True))
        params = init(jax.random.key(0), features, LABEL)['params']
        return {k: np.asarray(layer['kernel']) for k, layer in params.items()}

    for kernel in start('orthogonal').values():
        short = kernel.T if kernel.shape[0] > kernel.shape[1] else kernel
        np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-5)
    for kernel in start('normal').values():
        assert float(kernel.std()) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ('name', 'logit'), [('logit', Logit()), ('features', Logit()), ('direction', TwoLogits())]
)
def test_a_head_named_as_another_output_is_refused(name, logit, image):
    with pytest.raises(ValueError, match=f"a head cannot be called '{name}'"):
        variables(critic(heads={name: Head()}, logit=logit), image)


def test_logits_stay_float32_over_a_bfloat16_trunk(image):
    module = Critic(Trunk(dtype=jnp.bfloat16))
    out = evaluate(module, variables(module, image), image)
    assert {name: value.dtype.name for name, value in out.items()} == {
        'logit': 'float32',
        'features': 'float32',
    }


@pytest.mark.slow
def test_each_image_is_judged_by_itself(image):
    module = critic(heads={'contrastive': Head()})
    v = variables(module, image)
    both, last = evaluate(module, v, image), evaluate(module, v, image[3:], LABEL[3:])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[3:], atol=1e-6), last, both)


@pytest.mark.slow
def test_the_gradient_of_a_gradient_penalty_equals_finite_differences(image, x64):
    module = critic()
    v, x = jax.tree.map(
        lambda a: jnp.asarray(np.asarray(a), 'float64'), (variables(module, image), image)
    )

    @jax.jit
    def advance(v):
        return v | module.apply(v, x, LABEL, train=True, mutable=['batch_stats'])[1]

    for _ in range(300):  # at its end a power iteration does not move with the weights
        v = advance(v)

    @jax.jit
    def r1(params):
        def logits(x):
            return evaluate(module, v | {'params': params}, x)['logit'].sum()

        return jnp.sum(jax.grad(logits)(x) ** 2)

    params = v['params']
    keys = iter(jax.random.split(jax.random.key(3), 100))
    way = jax.tree.map(lambda p: jax.random.normal(next(keys), p.shape, p.dtype), params)
    ahead = r1(jax.tree.map(lambda p, d: p + 1e-5 * d, params, way))
    behind = r1(jax.tree.map(lambda p, d: p - 1e-5 * d, params, way))
    products = jax.tree.map(lambda g, d: jnp.sum(g * d), jax.jit(jax.grad(r1))(params), way)
    slope = sum(jax.tree.leaves(products))
    assert float(slope) == pytest.approx(float((ahead - behind) / 2e-5), rel=1e-4)
