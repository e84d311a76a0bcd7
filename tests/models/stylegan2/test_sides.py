"""Sides, channels and types of StyleGAN2's maps."""

import jax.numpy as jnp
import pytest

from gan_jax.models.stylegan2.sides import SIDES, channels_at, is_half, sides, type_at


def test_sides_are_four_and_its_doubles():
    assert sides((32, 32, 3)) == (4, 8, 16, 32)
    assert sides((8, 8, 1)) == (4, 8)
    assert (SIDES[0], SIDES[-1]) == (8, 1024)
    with pytest.raises(ValueError, match='StyleGAN2 has layers for images of 8x8, .* not 32x16'):
        sides((32, 16, 3))


def test_channels_are_the_base_over_the_side_within_bounds():
    assert [channels_at(side, 16_384, 512) for side in (4, 32, 64, 256)] == [512, 512, 256, 64]
    assert channels_at(8, 3, 512) == 1


def test_half_precision_is_of_the_four_largest_sides_but_four():
    half = {
        last: [s for s in SIDES if type_at(s, last, jnp.bfloat16) == jnp.bfloat16 and s <= last]
        for last in (8, 32, 64, 256)
    }
    assert half == {8: [8], 32: [8, 16, 32], 64: [8, 16, 32, 64], 256: [32, 64, 128, 256]}
    assert type_at(4, 8, jnp.bfloat16) == jnp.float32
    assert type_at(32, 32, None) is None and type_at(32, 32, jnp.float32) == jnp.float32
    assert is_half(jnp.bfloat16) and not is_half(None) and not is_half(jnp.float32)
