"""The precision of every product: docs/precision.md, and the lowered programs.

float32 at the default precision is bfloat16 on a TPU and TF32 on a GPU. A lowered program says what
was asked for, and needs no device.
"""

import functools
import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import (
    discriminator,
    extractor,
    features,
    inception,
    lpips,
    train_digits_net,
    vit,
)
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.leak import classifier
from gan_jax.extractors import digits
from gan_jax.step import make_d_gradient, make_train_step
from gan_jax.terms import contrastive
from tests import lowered, test_bfloat16

PAGE = (Path(__file__).parent.parent / 'docs' / 'precision.md').read_text(encoding='utf-8')
ACCELERATORS = ('tpu', 'cuda')
DTYPES = ('float32', 'bfloat16')
LAYERS = "layers of G and of D's trunk"
SHORT = {'f32': 'float32', 'bf16': 'bfloat16'}


def table():
    """{products of: ({dtype: operands}, precision)} as the page has it."""
    rows = re.findall(r'^\| (.+?) \| (\w+) \| (\w+) \| (default|highest) \|$', PAGE, flags=re.M)
    return {part: (dict(zip(DTYPES, types, strict=True)), how) for part, *types, how in rows}


def row(name, dtype='float32'):
    """(operands, precision) that the page gives to products of that name."""
    operands, precision = table()[name]
    return operands[dtype], precision


def kind(product):
    return SHORT.get(product.operands), product.precision


def part(scope):
    """The row of the table that a product of a train step belongs to."""
    if re.search('_spectral_normalize|_over_sigma', scope):  # Flax's, or ours
        return 'spectral normalisation'
    if re.search(r'norm(_\d+)?/(spectral_)?(gain|bias)', scope):
        return 'gains and biases of conditional BatchNorm'
    if '/logit/' in scope or '/heads_' in scope:
        return 'logits and heads'
    if scope.endswith('attention/dot_general'):
        return 'self-attention'
    if re.search(r'\w+,\w+->\w+', scope):
        return 'resampling in augmentations'
    if re.match(r'(jit\(\w+\)/)?(jvp\(\)|transpose\(jvp\(\)\))/', scope):  # of no module
        return 'contrastive similarities'
    return LAYERS  # with the forms of convolutions for a CPU, which do not name their module


@functools.cache
def step(dtype):
    """The traced step of a small BigGAN with bCR, Cntr and a policy that resamples."""
    parts, shape = test_bfloat16.built('biggan', dtype)
    state = jax.eval_shape(lambda: test_bfloat16.first(parts.gan, parts.terms, shape))
    batch = test_bfloat16.make_batch(shape, 4)
    return jax.jit(make_train_step(parts.gan, parts.terms)).trace(state, batch, parts.hyper)


@pytest.mark.slow
@pytest.mark.parametrize('platform', ['cpu', *ACCELERATORS])
@pytest.mark.parametrize('dtype', DTYPES)
def test_the_products_of_a_step_are_those_of_the_table(dtype, platform):
    found = {}
    for product in lowered.for_platforms(step(dtype), platform):
        found.setdefault(part(product.scope), set()).add(kind(product))
    assert found == {name: {row(name, dtype)} for name in table() if 'metrics' not in name}


@pytest.mark.slow
@pytest.mark.parametrize('platform', ACCELERATORS)
def test_sums_and_functions_of_a_step_in_bfloat16_are_float32(platform):
    text = step('bfloat16').lower(lowering_platforms=(platform,)).as_text()
    functions = r'stablehlo\.(?:exponential|log|log_plus_one|rsqrt|sqrt|tanh|logistic)\b.*'
    found = re.findall(functions, text)
    assert len(found) > 20 and not [line for line in found if 'bf16' in line]
    sums = re.findall(r'stablehlo\.reduce\(.*applies stablehlo\.add.*', text)
    assert len(sums) > 20
    for line in sums:
        types = re.search(r'\(tensor<([^>]*)>.*-> tensor<([^>]*)>', line).groups()
        of, to = (math.prod(map(int, re.findall(r'(\d+)x', shape))) for shape in types)
        assert 'bf16' not in line or of <= test_bfloat16.PLACES * to, line


@pytest.mark.slow
@pytest.mark.parametrize('platform', ACCELERATORS)
def test_a_step_has_no_operation_that_deterministic_mode_refuses(platform):
    assert (
        'select_and_scatter' not in step('float32').lower(lowering_platforms=(platform,)).as_text()
    )


@pytest.mark.parametrize(
    'loss', [contrastive.nt_xent, contrastive.sup_con], ids=lambda f: f.__name__
)
def test_similarities_and_their_gradients_are_full_float32(loss):
    rows = jax.ShapeDtypeStruct((8, 16), jnp.float32)
    traced = jax.jit(jax.grad(functools.partial(loss, temperature=0.1), (0, 1))).trace(rows, rows)
    assert_highest(lowered.for_platforms(traced, *ACCELERATORS), least=2 * 3)


# Metrics ------------------------------------------------------------------------------------------


def assert_highest(found, *, least):
    found = list(found)
    assert len(found) >= least
    assert {kind(product) for product in found} == {('float32', 'highest')}


def pixels(*shape, dtype=jnp.uint8):
    return jax.ShapeDtypeStruct(shape, dtype)


def variables(network, shape):
    return jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, *shape)))


def leak_gradient(params, images):
    return jax.grad(lambda p: classifier.Classifier().apply(p, images).sum())(params)


def of_lpips():
    """The variables of LPIPS with two channels a block."""
    convs = [i for block in lpips.BLOCKS for i in block]
    sizes = {i: (3, 3, 2 if i else 3, 2) for i in convs}
    floats = functools.partial(pixels, dtype=jnp.float32)
    return {
        'vgg16': {f'conv_{i}': {'kernel': floats(*sizes[i]), 'bias': floats(2)} for i in convs},
        'lpips': {f'block_{i}': floats(2) for i in range(5)},
    }


def of_transformer():
    """The variables of a transformer of one block, width 8 and patches of 4 pixels."""
    floats = functools.partial(pixels, dtype=jnp.float32)
    norm = {'scale': floats(8), 'bias': floats(8)}
    sizes = {'qkv': (8, 24), 'out': (8, 8), 'fc_1': (8, 32), 'fc_2': (32, 8)}
    dense = {name: {'kernel': floats(*n), 'bias': floats(n[1])} for name, n in sizes.items()}
    return {
        'patch': {'kernel': floats(48, 8)},
        'class': floats(8),
        'positions': floats(5, 8),
        'block_0': {'norm_1': norm, 'norm_2': norm, **dense},
        'norm': norm,
        'project': floats(8, 3),
    }


# Program -> its arguments, and the number of its products at least.
NETWORKS = {
    'inception': (
        lambda v, x: inception.features(v, x, interpolation='tf1'),
        lambda: (variables(inception.Inception(), (299, 299, 3)), pixels(2, 32, 32, 3)),
        97,
    ),
    'digits': (
        features._forward,
        lambda: (variables(digits.DigitsNet(), (16, 16, 1)), pixels(2, 16, 16, 1)),
        5,
    ),
    'leak': (
        classifier._logits,
        lambda: (variables(classifier.Classifier(), (16, 16, 1)), pixels(2, 16, 16, 1)),
        6,
    ),
    'leak_gradient': (
        leak_gradient,
        lambda: (
            variables(classifier.Classifier(), (16, 16, 1)),
            pixels(2, 16, 16, 1, dtype=jnp.float32),
        ),
        16,
    ),
    'lpips': (
        lpips.distance,
        lambda: (of_lpips(), *(pixels(2, 16, 16, 3, dtype=jnp.float32) for _ in range(2))),
        13,
    ),
    'transformer': (
        functools.partial(vit.class_features, vit.Net(8, 1, 2, 4)),
        lambda: (of_transformer(), pixels(2, 8, 8, 3, dtype=jnp.float32)),
        8,
    ),
    'train_digits_net': (
        train_digits_net.augment,
        lambda: (jax.random.key(0), pixels(2, 16, 16, 1, dtype=jnp.float32)),
        1,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_the_networks_of_metrics_are_full_float32(name):
    function, arguments, least = NETWORKS[name]
    assert row('networks of metrics') == ('float32', 'highest')
    traced = jax.jit(function).trace(*arguments())
    assert_highest(lowered.for_platforms(traced, *ACCELERATORS), least=2 * least)


@pytest.mark.slow
@pytest.mark.parametrize('dtype', DTYPES)
def test_the_discriminator_of_a_run_is_measured_in_full_float32(dtype, monkeypatch):
    """Its features, its logits and the gradient of gsnr, as they are traced by the metrics."""
    traces = {'of_batch': [], 'gradient': []}
    parts, shape = test_bfloat16.built('sndcgan', dtype)
    state = jax.eval_shape(lambda: test_bfloat16.first(parts.gan, parts.terms, shape))
    gradient = jax.jit(make_d_gradient(parts.gan, parts.terms))
    rng = np.random.default_rng(0)

    def in_batches(function, images, size):
        jitted, given = function.func, jax.tree.map(lambda x: np.asarray(x[:2]), images)
        traces['of_batch'].append(jitted.trace(state.d.variables, given))
        some = jax.eval_shape(jitted, state.d.variables, given)
        return rng.normal(size=(len(images[0]), *some.shape[1:])).astype(np.float32)

    def d_gradient(_, batch, key, hyper):
        if not traces['gradient']:
            traces['gradient'].append(gradient.trace(state, batch, key, hyper))
        return {'w': rng.normal(size=3)}

    monkeypatch.setattr(discriminator, 'in_batches', in_batches)
    monkeypatch.setattr(discriminator, 'BATCHES', 4)
    monkeypatch.setattr(jax, 'device_put', lambda x, *_: x)
    images = rng.integers(0, 256, (20, *shape), dtype=np.uint8)
    some = data.DataSet(images, rng.integers(0, 3, 20, dtype=np.int32), 3, 'some')
    options = {'num': 20, 'batch_size': 4, 'd_gradient': d_gradient}
    given = Context(some, lambda: some, some, parts.gan.critic, **options)
    metrics = discriminator.prepare(['retrieval', 'overfitting', 'gsnr'], given)
    metrics.measure(images, state, parts.hyper)
    assert len(traces['of_batch']) >= 5 and len(traces['gradient']) == 1
    for traced in (*traces['of_batch'], *traces['gradient']):
        found = list(lowered.for_platforms(traced, *ACCELERATORS))
        for trunk in (True, False):
            name = 'D in metrics: ' + ('trunk' if trunk else 'logits, spectral normalisation')
            some = {kind(p) for p in found if (part(p.scope) == LAYERS) == trunk}
            assert some == {row(name, dtype)}


PRECISIONS = []


def of_a_fork(images):
    """An extractor that says at which precision it is run."""
    x = jnp.asarray(images.reshape(len(images), -1), jnp.float32)
    PRECISIONS.extend(lowered.products(jax.jit(lambda x: x @ x.T).lower(x)))
    return np.asarray(x)


def test_an_extractor_of_a_fork_is_run_in_full_float32():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    PRECISIONS.clear()
    extractor.from_path(f'{__name__}.of_a_fork').extract(images)
    assert_highest(PRECISIONS, least=1)
    assert jax.config.jax_default_matmul_precision is None
