"""Files of stills and films, read back by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence, features

from gan_jax.explorer import films


def ramp(count, side=8, channels=1):
    """Frames of one grey each, [count, side, side, channels]."""
    greys = np.linspace(0, 255, count).astype(np.uint8)
    return np.broadcast_to(greys[:, None, None, None], (count, side, side, channels)).copy()


@pytest.mark.parametrize('channels', [1, 3])
def test_a_still_holds_the_pixels_of_the_image(channels):
    image = np.random.default_rng(0).integers(256, size=(8, 8, channels)).astype(np.uint8)
    with Image.open(io.BytesIO(films.png(image))) as read:
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)


@pytest.mark.parametrize('kind', ['webp', 'gif'])
def test_a_film_goes_forth_and_back_without_an_end(kind):
    if kind == 'webp' and not features.check('webp'):
        pytest.skip('this Pillow writes no WebP')
    frames = ramp(5, side=100)
    with Image.open(io.BytesIO(films.film(frames, kind))) as read:
        assert read.n_frames == 8 and read.info['loop'] == 0
        greys = [int(np.asarray(f.convert('L'))[0, 0]) for f in ImageSequence.Iterator(read)]
    there = frames[:, 0, 0, 0].tolist()
    assert greys == [*there, *there[3:0:-1]]


def test_only_small_images_are_enlarged_by_a_whole_factor():
    assert films.enlarged(ramp(2, side=8)).shape == (2, 256, 256, 1)
    assert films.enlarged(ramp(2, side=100)).shape == (2, 200, 200, 1)
    assert films.enlarged(ramp(2, side=200)).shape == (2, 200, 200, 1)
    image = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    np.testing.assert_array_equal(films.enlarged(image)[::128, ::128], image)


def test_large_frames_become_smaller():
    with Image.open(io.BytesIO(films.film(ramp(2, side=600), 'gif'))) as read:
        assert read.size == (films.LARGEST, films.LARGEST)
