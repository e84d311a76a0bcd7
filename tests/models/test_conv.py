"""The convolutions against Flax's own, in every derivative, and their behaviour on a mesh."""

import math
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gan_jax.models import conv, conv_cpu, winograd

pytestmark = pytest.mark.usefixtures('quick')

# (H, W), kernel, strides: maps larger, equal and smaller than the kernel, odd and unequal sides.
SHAPES = [
    ((5, 7), (3, 3), (2, 2)),
    ((6, 5), (4, 4), (1, 1)),
    ((7, 5), (4, 4), (2, 2)),
    ((2, 2), (3, 3), (1, 1)),
    ((3, 2), (4, 3), (2, 1)),
]
LAYERS = {'Conv': (conv.Conv, nn.Conv), 'ConvTranspose': (conv.ConvTranspose, nn.ConvTranspose)}


def relative(a, b) -> float:
    a, b = np.asarray(a), np.asarray(b)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def draw(*shapes, dtype=jnp.float32):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def functions(name, kernel, strides, x):
    """Ours and Flax's as functions of (kernel, bias, x), and three such arguments."""
    modules = [layer(3, kernel, strides) for layer in LAYERS[name]]
    shapes = jax.eval_shape(modules[1].init, jax.random.key(0), x)['params']
    (w,) = draw(shapes['kernel'].shape, dtype=x.dtype)
    b = np.arange(3, dtype=x.dtype)

    def function(module):
        return lambda w, b, x: module.apply({'params': {'kernel': w, 'bias': b}}, x)

    return [function(module) for module in modules], (w, b, x)


def penalty(f, w, b, x):
    """A function of the parameters that holds a gradient, as a gradient penalty does."""
    y, back = jax.vjp(lambda x: f(w, b, x), x)
    return jnp.sum(back(jnp.sin(y))[0] ** 2)


def derivatives(f):
    """The value, its three gradients for one cotangent, and those of a gradient penalty."""

    def all_of_them(ct, w, b, x):
        y, back = jax.vjp(f, w, b, x)
        return y, *back(ct), *jax.grad(partial(penalty, f), argnums=(0, 1, 2))(w, b, x)

    return jax.jit(all_of_them)


def check_against_flax(name, size, kernel, strides, *, dtype, tolerance):
    (x,) = draw((4, *size, 2), dtype=dtype)
    (ours, theirs), args = functions(name, kernel, strides, x)
    (ct,) = draw(jax.eval_shape(theirs, *args).shape, dtype=dtype)
    pairs = zip(derivatives(ours)(ct, *args), derivatives(theirs)(ct, *args), strict=True)
    for got, expected in pairs:
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype == dtype
        assert relative(got, expected) < tolerance


@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize(('size', 'kernel', 'strides'), SHAPES)
def test_equals_flax_in_value_gradients_and_gradients_of_gradients(
    name, size, kernel, strides, x64
):
    check_against_flax(name, size, kernel, strides, dtype='float64', tolerance=1e-13)


@pytest.fixture
def constant(monkeypatch):
    """Sets a constant of `conv_cpu`, whose functions forget what they traced with another."""

    def forget():
        for function in (conv_cpu.convolve, conv_cpu.conv_input_grad, conv_cpu.conv_kernel_grad):
            function.clear_cache()

    def put(name, value):
        monkeypatch.setattr(conv_cpu, name, value)
        forget()

    yield put
    forget()


def test_portions_of_a_batch_add_up(x64, constant):
    x, g = draw((8, 6, 5, 2), (8, 6, 5, 3), dtype='float64')
    constant('PATCHES', 1)  # an image of each device

    def in_portions(x, g):
        return conv.conv_kernel_grad(x, g, (1, 1), (3, 3))

    assert 'while' in jax.jit(in_portions).lower(x, g).as_text()
    w = jnp.zeros((3, 3, 2, 3))
    (whole,) = jax.vjp(
        lambda w: jax.lax.conv_general_dilated(
            x, w, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
        ),
        w,
    )[1](g)
    assert relative(in_portions(x, g), whole) < 1e-14


@pytest.mark.parametrize(('images', 'wanted', 'portions'), [(8, 1, 2), (8, 3, 1), (24, 2, 3)])
def test_a_portion_has_as_many_images_of_every_device(images, wanted, portions):
    x = jnp.arange(images)
    parts = conv_cpu._portions(x, wanted)
    assert parts.shape == (4, portions, images // 4 // portions)
    assert (parts.reshape(-1) == x).all()


def test_a_batch_that_does_not_divide_among_the_devices_is_cut_all_the_same():
    assert conv_cpu._portions(jnp.arange(6), 2).shape == (1, 3, 2)


def plain_convolution(x, w):
    return jax.lax.conv_general_dilated(
        x, w, (1, 1), 'VALID', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )


def test_winograds_products_are_the_convolution_and_its_gradient(x64):
    x, w, g = draw((4, 10, 14, 3), (3, 3, 3, 5), (4, 8, 12, 5), dtype='float64')
    assert relative(winograd.convolve(x, w), plain_convolution(x, w)) < 1e-14
    shares = winograd.conv_kernel_grad(x, g, 2)
    for share, part in zip(shares, (slice(2), slice(2, 4)), strict=True):
        (expected,) = jax.vjp(lambda w, x=x[part]: plain_convolution(x, w), w)[1](g[part])
        assert relative(share, expected) < 1e-14


def test_winograds_rounding_is_what_its_docstring_says():
    x, w = draw((4, 18, 18, 128), (3, 3, 128, 128))
    exact = plain_convolution(*(np.asarray(a, np.float64) for a in (x, w)))
    assert relative(winograd.convolve(x, w), exact) < 5e-6


@pytest.mark.parametrize(
    ('channels', 'side', 'dtype', 'wins'),
    [
        (4, 8, 'float32', True),
        (3, 8, 'float32', False),  # narrow
        (4, 6, 'float32', False),  # no whole tiles
        (4, 4, 'float32', False),  # one tile
        (4, 8, 'bfloat16', False),
    ],
)
def test_what_goes_by_winograd(channels, side, dtype, wins, constant):
    constant('WIDE', 4)
    x, w = draw((2, side, side, channels), (3, 3, channels, 4), dtype=dtype)
    for function in (
        lambda x, w: conv.convolve(x, w, (1, 1)),
        lambda x, w: conv.conv_input_grad(x, w.swapaxes(2, 3), (1, 1), (side, side)),
        lambda x, w: conv.conv_kernel_grad(x, x[..., :1].repeat(4, 3), (1, 1), (3, 3)),
    ):
        text = jax.jit(function).lower(x, w).as_text()
        assert (len(re.findall('dot_general', text)) >= 36) == wins


def test_a_convolution_of_a_doubled_map_and_the_means_of_one_equal_flax(x64):
    (x, w) = draw((2, 6, 4, 3), (3, 3, 3, 5), dtype='float64')

    def plain(x):
        return nn.Conv(5, (3, 3), use_bias=False).apply({'params': {'kernel': w}}, x)

    doubled = conv.double_convolve(x, w)
    assert relative(doubled, plain(x.repeat(2, 1).repeat(2, 2))) < 1e-14
    y = plain(x)
    means = (y[:, ::2, ::2] + y[:, 1::2, ::2] + y[:, ::2, 1::2] + y[:, 1::2, 1::2]) / 4
    assert relative(conv.convolve_halve(x, w), means) < 1e-14


@pytest.mark.parametrize('name', ['double_dense', 'dense_halve'])
def test_both_forms_of_a_resized_dense_layer_are_equal_in_every_derivative(name, x64):
    """A CPU's, and the convolution that accelerators run."""
    dense = {
        'double_dense': lambda x, w: conv.double_convolve(x, w[None, None]),
        'dense_halve': lambda x, w: conv.convolve_halve(x, w[None, None]),
    }[name]
    plain = {
        'double_dense': lambda x, w: (x @ w).repeat(2, 1).repeat(2, 2),
        'dense_halve': lambda x, w: conv.average_pool(x) @ w,
    }[name]
    x, w = draw((2, 6, 4, 3), (3, 5), dtype='float64')
    (ct,) = draw(jax.eval_shape(plain, x, w).shape, dtype='float64')
    forms = [
        derivatives(lambda w, b, x, form=form: form(x, w) + b[None, None, None])(
            ct, w, np.arange(5.0), x
        )
        for form in (plain, getattr(conv, name), dense)
    ]
    for expected, *got in zip(*forms, strict=True):
        assert all(relative(one, expected) < 1e-14 for one in got)


@pytest.mark.parametrize('layer', [conv.UpDense, conv.DownDense])
def test_off_a_cpu_a_resized_dense_layer_is_one_convolution(layer):
    module = layer(5)
    x = jax.ShapeDtypeStruct((2, 6, 4, 3), jnp.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), x)
    assert variables['params']['kernel'].shape == (3, 5)
    traced = jax.jit(module.apply).trace(variables, x)
    for platform, convolutions in {'cpu': 0, 'cuda': 1, 'tpu': 1}.items():
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert len(re.findall(r'stablehlo\.convolution\b', text)) == convolutions
        assert len(re.findall(r'stablehlo\.dot_general\b', text)) == 1 - convolutions


@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize(('size', 'kernel', 'strides'), SHAPES[2:4])
def test_equals_flax_in_float32(name, size, kernel, strides):
    check_against_flax(name, size, kernel, strides, dtype='float32', tolerance=1e-5)


@pytest.mark.parametrize('name', LAYERS)
def test_third_derivatives_for_a_population_of_parameters_equal_flax(name, x64):
    (x,) = draw((2, 3, 3, 2), dtype='float64')
    (ours, theirs), (w, b, x) = functions(name, (4, 4), (2, 2), x)

    def thrice(f):
        slope = jax.grad(partial(penalty, f))
        third = jax.grad(lambda w: jnp.sum(jnp.cos(slope(w, b, x))))
        return jax.jit(jax.vmap(third))(np.stack([w, 2 * w]))

    assert relative(thrice(ours), thrice(theirs)) < 1e-12


@pytest.mark.parametrize('name', LAYERS)
def test_parameters_and_their_initial_values_are_those_of_flax(name):
    x = jnp.ones((1, 4, 4, 2))
    ours, theirs = (layer(3, (3, 3), (2, 2)).init(jax.random.key(1), x) for layer in LAYERS[name])
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), ours, theirs))


@pytest.mark.slow
@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize('size', [2, 8])
def test_bfloat16_computes_in_bfloat16_with_float32_parameters(name, size):
    (x,) = draw((2, size, size, 2))
    layer = LAYERS[name][0](3, (3, 3), dtype=jnp.bfloat16)
    variables = layer.init(jax.random.key(0), x)
    y = layer.apply(variables, x)
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype('float32')}
    grads = jax.grad(lambda v: layer.apply(v, x).astype(jnp.float32).sum())(variables)
    assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {jnp.dtype('float32')}
    exact = LAYERS[name][1](3, (3, 3)).apply(variables, x)
    assert relative(y.astype(jnp.float32), exact) < 0.02


@pytest.mark.parametrize(
    ('x', 'w'), [((4, 4, 2), (3, 3, 2, 1)), ((1, 4, 4, 2), (3, 3, 5, 1)), ((1, 4, 4, 2), (3, 2, 1))]
)
def test_an_image_that_does_not_fit_its_kernel_is_named(x, w):
    with pytest.raises(ValueError, match=r'takes an image \[N, H, W, C\] and a kernel') as error:
        conv.convolve(jnp.ones(x), jnp.ones(w), (1, 1))
    assert str(x) in str(error.value) and str(w) in str(error.value)


def elements(shapes: str) -> int:
    """How many numbers the shapes in a piece of HLO hold, such as 'f32[3,3,5,10], f32[]'."""
    sizes = re.findall(r'\w\[([\d,]*)\]', shapes)
    return sum(math.prod(int(n) for n in size.split(',') if n) for size in sizes)


@pytest.mark.slow
@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize('kernel', [(3, 3), (4, 4)])
@pytest.mark.parametrize('size', [(2, 5), (6, 7)], ids=['small', 'large'])
def test_a_sharded_batch_stays_sharded(name, size, kernel, constant):
    constant('PATCHES', 1)
    batch = 44  # eleven images on each of four devices; no other size here is 44
    mesh = jax.make_mesh((4,), ('data',), axis_types=(AxisType.Auto,))
    layer = LAYERS[name][0](10, kernel, (2, 2) if kernel == (4, 4) else (1, 1))
    (x,) = draw((batch, *size, 5))
    params = layer.init(jax.random.key(0), x)

    def loss(params, x):
        return jnp.mean(layer.apply(params, x) ** 2)

    shards, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (('data',), ()))
    step = jax.jit(
        jax.value_and_grad(loss, argnums=(0, 1)),
        in_shardings=(whole, shards),
        out_shardings=(whole, (whole, shards)),
    )
    text = step.lower(params, x).compile().as_text()

    # Nothing but sums of the parameters' gradients and of the loss travels between devices, ...
    assert not re.search(r'all-gather|all-to-all|collective-permute|reduce-scatter', text)
    travels = sum(elements(s) for s in re.findall(r'= (.*) all-reduce(?:-start)?\(', text))
    assert travels == sum(leaf.size for leaf in jax.tree.leaves(params)) + 1
    # ... the kernel's gradient is a product of its own, and nothing has the whole batch as an axis.
    assert len(re.findall(r' (?:convolution|dot)\(', text)) >= 3
    assert not re.search(rf'[\[,]{batch}[\],]', text)

    alone = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(params, x)
    together = jax.tree.leaves(step(params, x))
    for got, expected in zip(together, jax.tree.leaves(alone), strict=True):
        assert relative(got, expected) < 1e-5
