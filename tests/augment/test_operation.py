"""What holds for every op: a new one is tested here the day it appears."""

import importlib
import inspect
import math
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import augment
from gan_jax.augment import operation, ops, policy
from tests import small
from tests.augment.family import (
    KEY,
    OPS,
    STRENGTH,
    batch,
    compiled,
    every_op,
    gradient,
    shape,
    traces,
)

# SimCLR's strength drives its crop only; an op without a strength has nothing to turn off.
WITH_IDENTITY = {name: op for name, op in OPS.items() if op.strengths and name != 'simclr'}
with_identity = pytest.mark.parametrize('op', WITH_IDENTITY.values(), ids=WITH_IDENTITY)
FEW_RESULTS = {ops.flip: 2, ops.grayscale: 2, ops.rotate90: 4}
# Copies of one image mix to the same image.
APART = {name: op for name, op in OPS.items() if op not in (ops.cutmix, ops.mixup)}


def test_public_functions_are_the_ops_that_policy_finds():
    assert dict(policy.OPS) == OPS
    assert len(OPS) >= 25


def test_every_op_of_the_package_is_found():
    names = [module.name for module in pkgutil.iter_modules(augment.__path__)]
    assert {'spatial', 'tones', 'mixing'} <= set(names)
    modules = [importlib.import_module(f'{augment.__name__}.{name}') for name in names]
    defined = {n: v for module in modules for n, v in vars(module).items() if _is_op(v)}
    assert defined == OPS


def _is_op(value):
    return inspect.isfunction(value) and hasattr(value, 'strengths')


@every_op
def test_signature(op):
    assert list(inspect.signature(op).parameters) == ['key', 'images', 'strength']


@every_op
def test_keeps_shape_and_dtype(op):
    for channels in (1, 2, 3, 4):
        dtype = (jnp.float32, jnp.bfloat16)[channels % 2]
        images = jax.ShapeDtypeStruct(shape(op, count=5, height=6, channels=channels), dtype)
        out = jax.eval_shape(op, KEY, images, STRENGTH)
        assert (out.shape, out.dtype) == (images.shape, dtype)


@every_op
def test_stays_in_range(op):
    out = compiled(op)(KEY, batch(op), STRENGTH)
    if op is ops.diffaugment_color:  # as in its paper
        assert out.min() < 0 and out.max() > 1
        return
    assert out.min() >= 0 and out.max() <= 1
    # Interpolation weights and luma weights must sum to at most 1 after rounding.
    assert compiled(op)(KEY, np.ones(shape(op), np.float32), STRENGTH).max() == 1


def test_low_precision_is_rounded_once():
    # Positions and sums are worked out in float32: bfloat16 has no 8.5 + 1/256.
    images = jnp.asarray(batch(ops.zoom_in), jnp.bfloat16)
    exact = compiled(ops.zoom_in)(KEY, images.astype(jnp.float32), STRENGTH)
    out = compiled(ops.zoom_in)(KEY, images, STRENGTH).astype(jnp.float32)
    np.testing.assert_allclose(out, exact, rtol=2**-8)


@with_identity
def test_strength_zero_is_the_identity(op):
    images = batch(op)
    np.testing.assert_array_equal(op(KEY, images, 0.0), images)
    np.testing.assert_array_equal(compiled(op)(KEY, images, 0.0), images)


@with_identity
def test_gradient_at_strength_zero_is_the_identity(op, x64):
    cotangent = batch(op, low=-1, dtype=np.float64)
    images = batch(op, dtype=np.float64)
    np.testing.assert_array_equal(gradient(op)(images, 0.0, cotangent), cotangent)


@pytest.mark.parametrize('op', APART.values(), ids=APART)
def test_draws_differ_within_a_batch(op):
    images = np.broadcast_to(batch(op)[:1], shape(op))
    results = {image.tobytes() for image in np.asarray(compiled(op)(KEY, images, STRENGTH))}
    assert len(results) == FEW_RESULTS[op] if op in FEW_RESULTS else len(results) > 4


@every_op
def test_the_key_decides(op):
    first = compiled(op)(KEY, batch(op), STRENGTH)
    np.testing.assert_array_equal(first, compiled(op)(KEY, batch(op), STRENGTH))
    assert np.any(first != compiled(op)(jax.random.key(4), batch(op), STRENGTH))


@every_op
def test_jit_equals_eager(op):
    # Not bit for bit: compiled code fuses a product and a sum into one rounding.
    np.testing.assert_allclose(
        compiled(op)(KEY, batch(op), STRENGTH), op(KEY, batch(op), STRENGTH), rtol=0, atol=2e-6
    )


@every_op
def test_vmap_over_strengths_and_keys(op):
    strengths = [0.0, 0.2, 0.5]
    keys = jax.random.split(KEY, 3)
    out = small.jit(jax.vmap(op, in_axes=(0, None, 0)))(keys, batch(op), np.float32(strengths))
    for i in range(3):
        single = compiled(op)(keys[i], batch(op), strengths[i])
        np.testing.assert_allclose(out[i], single, rtol=0, atol=2e-6)


@every_op
def test_traces_once_for_all_strengths(op):
    compiled(op)(KEY, batch(op), STRENGTH)
    before = traces[op]
    assert before
    for strength in (0.0, 0.1, 0.3, 0.5, 0.9):
        compiled(op)(KEY, batch(op), strength)
    assert traces[op] == before


@every_op
def test_gradient_against_finite_differences(op, x64):
    # Mid-gray, so that clipping has no kink near by. In float32 the differences would be noise.
    images = batch(op, low=0.4, high=0.6, dtype=np.float64)
    direction, cotangent = np.random.default_rng(1).standard_normal((2, *shape(op)))
    step = 1e-5 * direction
    ahead, behind = (compiled(op)(KEY, x, STRENGTH) for x in (images + step, images - step))
    change = np.asarray(ahead - behind) / 2e-5
    found = np.asarray(gradient(op)(images, STRENGTH, cotangent))
    np.testing.assert_allclose(np.sum(found * direction), np.sum(change * cotangent), rtol=1e-7)
    assert np.all(np.isfinite(found))
    assert np.all(np.any(found != 0, axis=(1, 2, 3)))


@every_op
def test_float64_sees_the_same_draws(op):
    narrow = compiled(op)(KEY, batch(op), STRENGTH)
    with jax.enable_x64(True):
        wide = compiled(op)(KEY, batch(op, dtype=np.float64), STRENGTH)
        mixed = jax.eval_shape(op, KEY, batch(op), jnp.float64(STRENGTH))
    assert (narrow.dtype, wide.dtype, mixed.dtype) == (jnp.float32, jnp.float64, jnp.float32)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=1e-5)


@every_op
def test_refuses_images_that_are_not_float_batches(op):
    with pytest.raises(TypeError, match=f'{op.__name__}: images must be floats .* got uint8'):
        op(KEY, np.zeros((2, 4, 4, 3), np.uint8), STRENGTH)
    with pytest.raises(
        ValueError, match=rf'{op.__name__}: .*\[B, H, W, C\], got shape \[4, 4, 3\]'
    ):
        op(KEY, np.zeros((4, 4, 3), np.float32), STRENGTH)


@pytest.mark.parametrize('op', [op for op in OPS.values() if op.strengths])
def test_refuses_a_strength_that_is_not_a_scalar(op):
    with pytest.raises(ValueError, match=r'strength must be a scalar, got shape \[16\]'):
        op(KEY, batch(op), jnp.full(16, STRENGTH))
    with pytest.raises(ValueError, match='strength must be a scalar, got None'):
        op(KEY, batch(op), None)


def test_flip_reads_no_strength():
    images = batch(ops.flip)
    np.testing.assert_array_equal(ops.flip(KEY, images, None), ops.flip(KEY, images, 0.7))


def test_range_holds_what_it_says():
    closed, half_open = operation.Range(0.0, 1.0), operation.Range(0.0, 1.0, closed=False)
    assert (str(closed), str(half_open)) == ('[0, 1]', '[0, 1)')
    assert closed.holds(0) and closed.holds(1) and not closed.holds(1.01)
    assert half_open.holds(0.999) and not half_open.holds(1) and not half_open.holds(-0.01)
    assert operation.FINITE.holds(-1e30)
    for number in (math.inf, -math.inf, math.nan):
        assert not operation.FINITE.holds(number)
