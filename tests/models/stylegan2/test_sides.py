"""Sides and channels of StyleGAN2's maps."""

import pytest

from gan_jax.models.stylegan2.sides import SIDES, channels_at, sides


def test_sides_are_four_and_its_doubles():
    assert sides((32, 32, 3)) == (4, 8, 16, 32)
    assert sides((8, 8, 1)) == (4, 8)
    assert (SIDES[0], SIDES[-1]) == (8, 1024)
    with pytest.raises(ValueError, match='StyleGAN2 has layers for images of 8x8, .* not 32x16'):
        sides((32, 16, 3))


def test_channels_are_the_base_over_the_side_within_bounds():
    assert [channels_at(side, 16_384, 512) for side in (4, 32, 64, 256)] == [512, 512, 256, 64]
    assert channels_at(8, 3, 512) == 1
