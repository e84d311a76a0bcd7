"""Every op, and images to try it on."""

import inspect

import numpy as np
import pytest

from gan_jax.augment import ops
from gan_jax.testing.ops import images_of

OPS = {
    name: function
    for name, function in inspect.getmembers(ops, inspect.isfunction)
    if not name.startswith('_')
}
every_op = pytest.mark.parametrize('op', OPS.values(), ids=OPS)
# Chains of many operations take the longest to compile.
CHAINS = (ops.ada_bg, ops.ada_bgc, ops.ada_bgcfnc, ops.augmix, ops.random_field)
CHAINS += (ops.ada_r3gan, ops.simclr, ops.randaugment, ops.random_quantisation)
# Made of parts that are in other operations, too.
ALIKE = (ops.blur, ops.contrast, ops.cutmix, ops.instance_noise, ops.patch_mask, ops.random_erasing)
ALIKE += (ops.diffaugment_color, ops.diffaugment_cutout, ops.diffaugment_translation, ops.zoom_in)


def slow_for(*chains):
    """Every op, those of `chains` in a slow test."""
    cases = [
        pytest.param(op, id=name, marks=[pytest.mark.slow] * (op in chains))
        for name, op in OPS.items()
    ]
    return pytest.mark.parametrize('op', cases)


STRENGTH = 0.4


def shape(op, *, count=16, height=9, width=12, channels=3):
    """One side odd and one even, but square for the op that needs squares."""
    return (count, height, height if op is ops.rotate90 else width, channels)


def batch(op, *, dtype=np.float32, **sizes):
    """Images of `shape`, with many pixels at exactly 0 and exactly 1."""
    return images_of(shape(op, **sizes), dtype=dtype)
