"""What holds for every op: a new one is tested here the day it appears."""

import functools
import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax.augment import contract, ops, policy

OPS = {
    name: function
    for name, function in inspect.getmembers(ops, inspect.isfunction)
    if not name.startswith('_')
}
every_op = pytest.mark.parametrize('op', OPS.values(), ids=OPS)
# A flip has no strength; SimCLR's drives its crop only.
with_identity = pytest.mark.parametrize(
    'op', [op for name, op in OPS.items() if name not in ('flip', 'simclr')]
)

KEY = jax.random.key(3)
STRENGTH = 0.4
SHAPE = (16, 8, 12, 3)


def batch(low=-0.2, high=1.2, dtype=np.float32):
    """Images of SHAPE, by default with many pixels at exactly 0 and exactly 1."""
    pixels = np.random.default_rng(0).uniform(low, high, SHAPE)
    return np.clip(pixels, 0, 1).astype(dtype)


compiled = functools.cache(jax.jit)  # the tests share a compilation of each op


def test_public_functions_are_the_ops_that_policy_finds():
    assert dict(policy.OPS) == OPS
    assert len(OPS) >= 7


@every_op
def test_signature(op):
    assert list(inspect.signature(op).parameters) == ['key', 'images', 'strength']


@every_op
def test_keeps_shape_and_dtype(op):
    for channels in (1, 2, 3, 4):
        for dtype in (jnp.float32, jnp.bfloat16):
            images = jax.ShapeDtypeStruct((5, 6, 9, channels), dtype)
            out = jax.eval_shape(op, KEY, images, STRENGTH)
            assert (out.shape, out.dtype) == (images.shape, dtype)


@every_op
def test_stays_in_range(op):
    out = compiled(op)(KEY, batch(), STRENGTH)
    assert out.min() >= 0 and out.max() <= 1
    # Interpolation weights and luma weights must sum to at most 1 after rounding.
    assert compiled(op)(KEY, np.ones(SHAPE, np.float32), STRENGTH).max() == 1


def test_low_precision_is_rounded_once():
    # Positions and sums are worked out in float32: bfloat16 has no 8.5 + 1/256.
    images = jnp.asarray(batch(), jnp.bfloat16)
    exact = compiled(ops.zoom_in)(KEY, images.astype(jnp.float32), STRENGTH)
    out = compiled(ops.zoom_in)(KEY, images, STRENGTH).astype(jnp.float32)
    np.testing.assert_allclose(out, exact, rtol=2**-8)


@with_identity
def test_strength_zero_is_the_identity(op):
    images = batch()
    np.testing.assert_array_equal(op(KEY, images, 0.0), images)
    np.testing.assert_array_equal(compiled(op)(KEY, images, 0.0), images)


@with_identity
def test_gradient_at_strength_zero_is_the_identity(op):
    cotangent = batch(low=-1)

    @jax.jit
    @jax.grad
    def gradient(images, strength):
        return jnp.sum(op(KEY, images, strength) * cotangent)

    np.testing.assert_array_equal(gradient(batch(), 0.0), cotangent)


@every_op
def test_draws_differ_within_a_batch(op):
    images = np.broadcast_to(batch()[:1], SHAPE)
    results = {image.tobytes() for image in np.asarray(compiled(op)(KEY, images, STRENGTH))}
    assert len(results) == 2 if op is ops.flip else len(results) > 8


@every_op
def test_the_key_decides(op):
    first = compiled(op)(KEY, batch(), STRENGTH)
    np.testing.assert_array_equal(first, compiled(op)(KEY, batch(), STRENGTH))
    assert np.any(first != compiled(op)(jax.random.key(4), batch(), STRENGTH))


@every_op
def test_jit_equals_eager(op):
    # Not bit for bit: compiled code fuses a product and a sum into one rounding.
    np.testing.assert_allclose(
        compiled(op)(KEY, batch(), STRENGTH), op(KEY, batch(), STRENGTH), rtol=0, atol=2e-6
    )


@every_op
def test_vmap_over_strengths_and_keys(op):
    strengths = jnp.array([0.0, 0.2, 0.5])
    keys = jax.random.split(KEY, 3)
    out = jax.jit(jax.vmap(op, in_axes=(0, None, 0)))(keys, batch(), strengths)
    for i in range(3):
        single = compiled(op)(keys[i], batch(), strengths[i])
        np.testing.assert_allclose(out[i], single, rtol=0, atol=2e-6)


@every_op
def test_traces_once_for_all_strengths(op):
    traces = []

    def counted(key, images, strength):
        traces.append(strength)
        return op(key, images, strength)

    counted = jax.jit(counted)
    for strength in (0.0, 0.1, 0.3, 0.5, 0.9):
        counted(KEY, batch(), strength)
    assert len(traces) == 1


@every_op
def test_gradient_against_finite_differences(op, x64):
    # Mid-gray, so that clipping has no kink near by. In float32 the differences would be noise.
    images = batch(low=0.4, high=0.6, dtype=np.float64)[:3, :5, :6]
    fixed = jax.jit(lambda images: op(KEY, images, 0.3))
    check_grads(fixed, (images,), order=1, modes=['rev'], atol=1e-7, rtol=1e-7)
    out, pullback = jax.vjp(fixed, images)
    (gradient,) = pullback(out)
    assert np.all(np.isfinite(gradient))
    assert np.all(np.any(gradient != 0, axis=(1, 2, 3)))


@every_op
def test_float64_sees_the_same_draws(op):
    narrow = compiled(op)(KEY, batch(), STRENGTH)
    with jax.enable_x64(True):
        wide = compiled(op)(KEY, batch(dtype=np.float64), jnp.float64(STRENGTH))
        mixed = jax.eval_shape(op, KEY, batch(), jnp.float64(STRENGTH))
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
        op(KEY, batch(), jnp.full(16, STRENGTH))
    with pytest.raises(ValueError, match='strength must be a scalar, got None'):
        op(KEY, batch(), None)


def test_flip_reads_no_strength():
    images = batch()
    np.testing.assert_array_equal(ops.flip(KEY, images, None), ops.flip(KEY, images, 0.7))


def test_range_holds_what_it_says():
    closed, half_open = contract.Range(0.0, 1.0), contract.Range(0.0, 1.0, closed=False)
    assert (str(closed), str(half_open)) == ('[0, 1]', '[0, 1)')
    assert closed.holds(0) and closed.holds(1) and not closed.holds(1.01)
    assert half_open.holds(0.999) and not half_open.holds(1) and not half_open.holds(-0.01)
    assert contract.FINITE.holds(-1e30)
    for number in (math.inf, -math.inf, math.nan):
        assert not contract.FINITE.holds(number)
