"""Grids: every image in its place."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.sampling import pictures


def test_images_stand_row_by_row_with_a_line_between():
    images = np.stack([np.full((48, 48, 1), value, np.uint8) for value in range(5)])
    picture = pictures.grid(images, columns=3)
    assert picture.shape == (2 * 49 - 1, 3 * 49 - 1, 1)
    for i in range(5):
        row, column = divmod(i, 3)
        tile = picture[row * 49 : row * 49 + 48, column * 49 : column * 49 + 48]
        assert np.all(tile == i)
    assert np.all(picture[48] == pictures.GREY) and np.all(picture[:, 48] == pictures.GREY)
    assert np.all(picture[49:, 98:] == pictures.GREY)  # no sixth image


def test_small_images_are_enlarged_by_a_whole_factor():
    image = np.random.default_rng(0).integers(0, 255, (1, 16, 16, 3), np.uint8)
    picture = pictures.grid(image)
    assert picture.shape == (48, 48, 3)
    np.testing.assert_array_equal(picture[1::3, 1::3], image[0])


@pytest.mark.parametrize('channels', [1, 3])
def test_a_png_holds_the_same_pixels(channels, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, channels), np.uint8)
    pictures.save(tmp_path / 'a.png', picture)
    read = np.asarray(Image.open(tmp_path / 'a.png')).reshape(5, 7, channels)
    np.testing.assert_array_equal(read, picture)
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']
