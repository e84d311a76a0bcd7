"""Convolutions in groups against Flax's, in every derivative."""

import re
from functools import partial
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.models import grouped
from gan_jax.models.grouped import GroupedConv, convolve_groups
from tests import small

pytestmark = pytest.mark.usefixtures('quick')


def draw(*shapes, dtype='float64'):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def at_once(function, a, b):
    """The form of accelerators."""
    return jax.vmap(function, 3, 3)(a, b)


def bundles_of(channels):
    """The form of a TPU with rows of so many numbers."""

    def form(x, w):
        with mock.patch.object(grouped.conv, 'LANES', channels):
            return grouped._by_bundles(x, w)

    return form


def penalty(module, params, x):
    """Holds a gradient in the image, as a gradient penalty does."""
    y, back = jax.vjp(lambda x: module.apply({'params': params}, x), x)
    return jnp.sum(back(jnp.sin(y))[0] ** 2)


@pytest.mark.parametrize(
    ('name', 'form'),
    [('_in_turn', grouped._in_turn), ('_in_turn', at_once), ('_by_platform', bundles_of(4))],
)
def test_equals_flax_in_value_gradients_and_gradients_of_gradients(name, form, x64, monkeypatch):
    monkeypatch.setattr(grouped, name, form)
    (x, w) = draw((3, 6, 5, 8), (3, 3, 2, 12))
    params = {'kernel': w, 'bias': np.arange(12.0)}
    ours = GroupedConv(12, (3, 3), 2)
    theirs = nn.Conv(12, (3, 3), feature_group_count=4)
    shapes = [jax.eval_shape(m.init, jax.random.key(0), x) for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    found, expected = (
        small.jit(
            lambda p, x, m=m: (
                m.apply({'params': p}, x),
                jax.grad(partial(penalty, m), (0, 1))(p, x),
            )
        )(params, x)
        for m in (ours, theirs)
    )
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_a_group_reads_its_own_channels():
    x, w = draw((1, 4, 4, 6), (3, 3, 2, 9), dtype='float32')
    moved = jax.grad(lambda x: jnp.sum(convolve_groups(x, w)[..., 3:6]))(x)
    assert np.abs(moved[..., 2:4]).min() > 0
    assert not moved[..., :2].any() and not moved[..., 4:].any()


def test_an_accelerator_gets_one_convolution_for_all_groups():
    x, w = draw((2, 8, 8, 6), (3, 3, 2, 9), dtype='float32')
    text = jax.jit(convolve_groups).trace(x, w).lower(lowering_platforms=('cuda',)).as_text()
    assert text.count('stablehlo.convolution') == 1 and 'feature_group_count = 3' in text


def test_a_tpu_gets_groups_of_its_rows():
    x, w = draw((2, 8, 8, 768), (3, 3, 16, 768), dtype='float32')
    text = jax.jit(convolve_groups).trace(x, w).lower(lowering_platforms=('tpu',)).as_text()
    assert {*re.findall(r'feature_group_count = (\d+)', text)} == {'6'}


def test_a_cpu_gets_convolutions_of_one_group():
    x, w = draw((2, 8, 8, 6), (3, 3, 2, 9), dtype='float32')
    text = jax.jit(jax.grad(lambda w: jnp.sum(convolve_groups(x, w) ** 2))).lower(w).as_text()
    assert 'stablehlo.while' in text
    assert {*re.findall(r'_group_count = (\d+)', text)} <= {'1'}


@pytest.mark.parametrize('kernel', [(3, 3, 4, 9), (3, 3, 2, 8)])
def test_what_does_not_divide_is_refused(kernel):
    with pytest.raises(ValueError, match=f'6 channels and {kernel[3]} features do not divide'):
        jax.eval_shape(convolve_groups, *draw((2, 4, 4, 6), kernel, dtype='float32'))
