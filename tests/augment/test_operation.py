"""The contract of every op: a new one is tested here the day it appears."""

import importlib
import inspect
import math
import pkgutil

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import augment
from gan_jax.augment import operation, ops, policy
from gan_jax.testing import check_op
from gan_jax.testing.ops import compiled
from tests.augment.family import ALIKE, CHAINS, OPS, STRENGTH, batch, every_op, shape, slow_for
from tests.small import new_key

# Deviations of single ops, as their papers have them: options of `check_op`.
EXCEPTIONS = {
    ops.diffaugment_color: dict(clips=False),
    ops.ada_bg: dict(clips=False),
    ops.ada_bgc: dict(clips=False, channels=(1, 3)),
    ops.ada_bgcfnc: dict(clips=False, channels=(1, 3)),
    ops.ada_r3gan: dict(clips=False, channels=(1, 3)),
    ops.simclr: dict(identity=False),  # its strength drives its crop only
    ops.random_quantisation: dict(smooth=False),  # it is constant within a bin
    ops.flip: dict(results=2),
    ops.grayscale: dict(results=2),
    ops.rotate90: dict(results=4),
}
UNCLIPPED = [op for op, options in EXCEPTIONS.items() if not options.get('clips', True)]


def test_public_functions_are_the_ops_that_policy_finds():
    assert dict(policy.OPS) == OPS
    assert len(OPS) >= 25


def test_every_op_of_the_package_is_found():
    names = [m.name for m in pkgutil.walk_packages(augment.__path__, f'{augment.__name__}.')]
    assert {f'gan_jax.augment.{name}' for name in ('spatial', 'mixing', 'ada.pipe')} <= set(names)
    modules = [importlib.import_module(name) for name in names]
    defined = {n: v for module in modules for n, v in vars(module).items() if _is_op(v)}
    assert defined == OPS


def _is_op(value):
    return inspect.isfunction(value) and hasattr(value, 'strengths')


@slow_for(*CHAINS, *ALIKE)
def test_keeps_every_promise(op):
    check_op(op, shape=shape(op), strength=STRENGTH, **EXCEPTIONS.get(op, {}))


@every_op
def test_white_stays_white_somewhere(op):
    """Interpolation weights and luma weights sum to 1 after rounding."""
    if op not in UNCLIPPED:
        assert compiled(op)(new_key(3), np.ones(shape(op), np.float32), STRENGTH).max() == 1


@pytest.mark.parametrize('op', UNCLIPPED, ids=lambda op: op.__name__)
def test_an_op_that_may_leave_the_range_does_so(op):
    """As in its paper."""
    out = compiled(op)(new_key(3), batch(op), STRENGTH)
    assert out.min() < 0 and out.max() > 1


def test_low_precision_is_rounded_once():
    # Positions and sums are worked out in float32: bfloat16 has no 8.5 + 1/256.
    images = jnp.asarray(batch(ops.zoom_in), jnp.bfloat16)
    exact = compiled(ops.zoom_in)(new_key(3), images.astype(jnp.float32), STRENGTH)
    out = compiled(ops.zoom_in)(new_key(3), images, STRENGTH).astype(jnp.float32)
    np.testing.assert_allclose(out, exact, rtol=2**-8)


def test_refuses_images_that_are_not_float_batches():
    with pytest.raises(TypeError, match='flip: images must be floats .* got uint8'):
        ops.flip(new_key(3), np.zeros((2, 4, 4, 3), np.uint8), STRENGTH)
    with pytest.raises(ValueError, match=r'flip: .*\[B, H, W, C\], got shape \[4, 4, 3\]'):
        ops.flip(new_key(3), np.zeros((4, 4, 3), np.float32), STRENGTH)


def test_refuses_a_strength_that_is_not_a_scalar():
    with pytest.raises(ValueError, match=r'strength must be a scalar, got shape \[16\]'):
        ops.cutout(new_key(3), batch(ops.cutout), jnp.full(16, STRENGTH))
    with pytest.raises(ValueError, match='strength must be a scalar, got None'):
        ops.cutout(new_key(3), batch(ops.cutout), None)


def test_flip_reads_no_strength():
    images = batch(ops.flip)
    np.testing.assert_array_equal(
        ops.flip(new_key(3), images, None), ops.flip(new_key(3), images, 0.7)
    )


def test_range_holds_what_it_says():
    closed, half_open = operation.Range(0.0, 1.0), operation.Range(0.0, 1.0, closed=False)
    assert (str(closed), str(half_open)) == ('[0, 1]', '[0, 1)')
    assert closed.holds(0) and closed.holds(1) and not closed.holds(1.01)
    assert half_open.holds(0.999) and not half_open.holds(1) and not half_open.holds(-0.01)
    assert operation.FINITE.holds(-1e30)
    for number in (math.inf, -math.inf, math.nan):
        assert not operation.FINITE.holds(number)
