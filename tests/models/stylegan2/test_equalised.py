"""Equalised layers: what is stored, what is used, and the sizes of both."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from gan_jax.models.stylegan2.equalised import EqualConv, EqualDense, activate
from tests import small


def of(module, x, seed=0):
    return small.jit(module.init)(jax.random.key(seed), x)


def numbers(module, x):
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    return small.numbers(shapes, np.random.default_rng(0), np.float64)


@pytest.mark.parametrize('rate', [1.0, 0.01])
def test_a_weight_is_stored_over_the_rate_and_used_times_it_over_the_root_of_its_inputs(rate):
    module, x = EqualDense(200, rate=rate), np.zeros((1, 300), 'f4')
    params = of(module, x)['params']
    assert float(params['kernel'].std() * rate) == pytest.approx(1, rel=0.02)
    assert (params['bias'] == 0).all()
    made = {'kernel': np.full((300, 200), 2, 'f4'), 'bias': np.full(200, 3, 'f4')}
    y = module.apply({'params': made}, np.ones((1, 300), 'f4'))
    np.testing.assert_allclose(y, rate * (2 * 300**0.5 + 3), rtol=1e-5)


def test_a_convolution_is_the_stored_kernel_over_the_root_of_its_inputs(x64):
    x = np.random.default_rng(1).standard_normal((2, 4, 4, 3))
    module = EqualConv(5)
    variables = numbers(module, x)
    kernel, bias = (variables['params'][n] for n in ('kernel', 'bias'))
    names = ('NHWC', 'HWIO', 'NHWC')
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), 'SAME', dimension_numbers=names)
    expected = y / 27**0.5 + bias[None, None, None]
    np.testing.assert_allclose(module.apply(variables, x), expected, atol=1e-12)
    assert float(of(EqualConv(64), np.zeros((1, 4, 4, 64), 'f4'))['params']['kernel'].std()) == (
        pytest.approx(1, rel=0.02)
    )


@pytest.mark.parametrize('module', [EqualDense(400), EqualConv(400)])
def test_values_keep_their_size_at_first(module):
    x = jax.random.normal(jax.random.key(1), (4, 12, 12, 40))
    y = np.asarray(module.apply(of(module, x), x))[:, 1:-1, 1:-1]
    assert y.std() == pytest.approx(1, rel=0.05)


def test_the_activation_keeps_the_mean_square_but_for_its_leak():
    """√2, and neither R3GAN's √(2 / 1.04), whose root mean square is 1, nor R3GAN2's 1.546."""
    x = np.random.default_rng(0).standard_normal(200_000)
    rms = float(np.sqrt((np.asarray(activate(x.astype('f4'))) ** 2).mean()))
    assert rms == pytest.approx(1.04**0.5, rel=0.005)
    np.testing.assert_allclose(activate(np.float32([1, -1])), [2**0.5, -0.2 * 2**0.5], rtol=1e-6)
    np.testing.assert_allclose(activate(np.float32([1]), 0.5**0.5), [1], rtol=1e-6)


def test_a_bias_may_begin_elsewhere_or_be_absent():
    x = np.zeros((1, 3), 'f4')
    assert (of(EqualDense(2, bias=1.0), x)['params']['bias'] == 1).all()
    assert [*of(EqualDense(2, bias=None), x)['params']] == ['kernel']


def test_half_precision_is_of_the_products_alone():
    module, x = EqualDense(2, dtype=np.dtype('bfloat16')), np.ones((1, 3), 'f4')
    variables = of(module, x)
    assert isinstance(module, nn.Module) and module.apply(variables, x).dtype == 'bfloat16'
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype('float32')}
