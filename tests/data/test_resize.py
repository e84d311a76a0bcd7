"""Sizes as an integer or as height and width, and the part of an image that a size takes."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.resize import as_config, fitted, flag_of, pair, resize, shown_size, window


def test_a_size_is_a_side_or_a_height_and_a_width():
    assert pair(8) == (8, 8) and pair([4, 8]) == (4, 8)
    assert (shown_size(8), shown_size((4, 8))) == ('8x8', '4x8')
    assert (flag_of((8, 8)), flag_of((4, 8))) == ('8', '4x8')
    assert (as_config((8, 8)), as_config((4, 8))) == (8, [4, 8])


@pytest.mark.parametrize(
    ('shape', 'size', 'expected'),
    [
        ((6, 10), 4, (slice(0, 6), slice(2, 8))),
        ((9, 6), 4, (slice(1, 7), slice(0, 6))),
        ((9, 6), 9, (slice(1, 7), slice(0, 6))),  # the proportions count, whatever the size
        ((8, 8), (16, 32), (slice(2, 6), slice(0, 8))),
        ((8, 8), (32, 16), (slice(0, 8), slice(2, 6))),
        ((10, 30), (1, 3), (slice(0, 10), slice(0, 30))),
        ((10, 30), (2, 3), (slice(0, 10), slice(7, 22))),
        ((4, 5), (1, 1000), (slice(1, 2), slice(0, 5))),  # a row at least
        ((7, 11), (3, 4), (slice(0, 7), slice(1, 10))),  # 7 · 4 / 3 = 9.33
    ],
)
def test_a_size_takes_the_largest_part_of_its_proportions_in_the_middle(shape, size, expected):
    assert window(shape, size) == expected


def test_the_part_is_resized_by_pillow_height_first():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    found = fitted(images, (3, 6))
    for image, one in zip(images, found, strict=True):
        expected = Image.fromarray(image[2:6]).resize((6, 3), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(one, np.asarray(expected))


def test_an_image_that_has_the_size_is_itself():
    images = np.zeros((2, 4, 6, 1), np.uint8)
    assert resize(images, (4, 6)) is images
    assert fitted(images, (4, 6)).base is images
