"""The mapping network against its formula in NumPy."""

import jax
import numpy as np
import pytest

from gan_jax.models.stylegan2.mapping import Mapping
from tests import small

RATE, UNITS = 0.1, 6
Z = np.random.default_rng(0).standard_normal((3, 4))
LABEL = np.array([0, 2, 1])


def normalised(x):
    return x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8)


def reference(params, z, label):
    inputs = [] if z is None else [normalised(z)]
    if 'classes' in params:
        own = params['classes']
        inputs.append(normalised(own['kernel'][label] / 3**0.5 + own['bias']))
    x = np.concatenate(inputs, axis=1)
    for i in range(2):
        layer = params[f'dense_{i}']
        x = RATE * (x @ layer['kernel'] / x.shape[1] ** 0.5 + layer['bias'])
        x = 2**0.5 * np.where(x > 0, x, 0.2 * x)
    return x


@pytest.mark.parametrize(('z', 'classes'), [(Z, 0), (Z, 3), (None, 3)])
def test_it_is_layers_of_normalised_latents_and_classes(z, classes, x64):
    """The layer of the class has the full rate, the others have `rate` in weight and bias."""
    module = Mapping(UNITS, 2, classes, RATE)
    shapes = jax.eval_shape(module.init, jax.random.key(0), z, LABEL)
    variables = small.numbers(shapes, np.random.default_rng(1), np.float64)
    found = module.apply(variables, z, LABEL)
    np.testing.assert_allclose(found, reference(variables['params'], z, LABEL), atol=1e-12)


def test_weights_of_the_class_begin_a_hundred_times_smaller_than_the_layers():
    variables = small.jit(Mapping(300, 1, 3).init)(jax.random.key(0), Z.astype('f4'), LABEL)
    stds = {name: float(layer['kernel'].std()) for name, layer in variables['params'].items()}
    assert stds['classes'] == pytest.approx(1, rel=0.1)
    assert stds['dense_0'] == pytest.approx(100, rel=0.1)
    w = small.jit(Mapping(300, 1, 3).apply)(variables, Z.astype('f4'), LABEL)
    assert float((w**2).mean()) == pytest.approx(1.04, rel=0.25)


def test_the_length_of_latents_means_nothing():
    module, z = Mapping(5, 2), Z.astype('f4')
    variables = small.jit(module.init)(jax.random.key(0), z, LABEL)
    run = small.jit(module.apply)
    np.testing.assert_allclose(run(variables, z, LABEL), run(variables, 9 * z, LABEL), rtol=1e-4)
