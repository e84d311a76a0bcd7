"""Whom an image is mixed with, where, and how much."""

import jax
import numpy as np
import pytest

from gan_jax.augment import boxes, mixing, ops
from gan_jax.keys import named
from gan_jax.runtime.sharding import batch_sharding, make_mesh
from tests import small
from tests.augment.ramps import is_even, is_uniform
from tests.small import new_key


def numbered(count, height=1, width=1):
    """Images that tell their place in the batch, in [0, 1)."""
    places = np.arange(count, dtype=np.float32)[:, None, None, None] / count
    return np.broadcast_to(places, (count, height, width, 1))


def test_partners_are_any_others_of_the_batch():
    keys = jax.random.split(new_key(11), 700)
    found = small.jit(jax.vmap(mixing.partners, in_axes=(0, None)))(keys, numbered(8))
    places = (np.arange(8) - 8 * np.asarray(found)[:, :, 0, 0, 0]).astype(int) % 8
    assert np.all(places == places[:, :1])  # every image is the partner of one
    counts = np.bincount(places[:, 0], minlength=8)
    assert counts[0] == 0 and is_even(counts[1:])


@pytest.mark.slow
def test_a_batch_of_one_or_two():
    for op in (ops.cutmix, ops.mixup):
        np.testing.assert_allclose(op(new_key(11), numbered(1, 4, 4) + 0.3, 0.9), 0.3, atol=1e-7)
    np.testing.assert_array_equal(np.ravel(mixing.partners(new_key(11), numbered(2))), [0.5, 0])


def test_mixup_takes_a_part_of_each_image_of_its_own():
    images = numbered(2000)
    other = np.ravel(mixing.partners(named(new_key(11), 'partner'), images))
    out = np.ravel(small.jit(ops.mixup)(new_key(11), images, 0.4))
    assert is_uniform((out - np.ravel(images)) / (other - np.ravel(images)), -1e-3, 0.4 + 1e-3)


def test_cutmix_fills_boxes_as_cutout_draws_them():
    images = numbered(64, 9, 12)
    out = np.asarray(small.jit(ops.cutmix)(new_key(11), images, 0.8))
    box = np.asarray(boxes.inner(named(new_key(11), 'box'), images, np.float32(0.8)))
    np.testing.assert_array_equal(out != images, box)
    assert 0 < box.mean() < 0.8**2


def test_a_batch_spread_over_devices_is_mixed_alike():
    images = numbered(8, 6, 6)
    spread = jax.device_put(images, batch_sharding(make_mesh(4, 8)))
    for op in (ops.cutmix, ops.mixup):
        mixed = small.jit(op)
        np.testing.assert_array_equal(
            mixed(new_key(11), spread, 0.8), mixed(new_key(11), images, 0.8)
        )
