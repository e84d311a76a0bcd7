"""Transparent images: laid over a colour where one is given, else refused by name."""

import numpy as np
import pytest
from PIL import Image

from gan_jax import data
from gan_jax.runtime.errors import DATA, UserError

RED = (200, 0, 0)


@pytest.fixture
def folder(tmp_path):
    """An opaque image, and red ones that are opaque, half and not at all, in three forms."""
    (tmp_path / 'in').mkdir()
    half = np.full((8, 8, 4), (*RED, 255), np.uint8)
    half[:, 4:, 3] = 0
    half[:4, 4:, 3] = 128
    Image.fromarray(half[:, :, :3]).save(tmp_path / 'in' / 'a.png')
    Image.fromarray(half).save(tmp_path / 'in' / 'b.png')
    palette = Image.fromarray(half).convert('P')
    palette.save(tmp_path / 'in' / 'c.png', transparency=palette.getpixel((0, 0)))
    return tmp_path / 'in'


def test_it_is_refused_with_a_way_out(folder):
    with pytest.raises(UserError) as caught:
        data.load(str(folder))
    assert caught.value.status == DATA
    lines = str(caught.value).splitlines()
    assert ['b.png' in lines[0], 'c.png' in lines[1]] == [True, True]
    assert '--background=white, to train --config.data.background=white' in lines[0]


@pytest.mark.parametrize(
    ('background', 'colour'),
    [('white', (255, 255, 255)), ('black', (0, 0, 0)), ('#102030', (16, 32, 48))],
)
def test_it_is_laid_over_a_colour(background, colour, folder):
    opaque, half, palette = data.load(str(folder), background=background).images
    np.testing.assert_array_equal(opaque, np.broadcast_to(np.uint8(RED), (8, 8, 3)))
    np.testing.assert_array_equal(half[:, :4], opaque[:, :4])
    np.testing.assert_array_equal(half[4:, 4:], np.broadcast_to(np.uint8(colour), (4, 4, 3)))
    middle = (np.array(RED) * 128 + np.array(colour) * 127) / 255
    assert np.abs(half[:4, 4:].astype(float) - middle).max() <= 1
    np.testing.assert_array_equal(palette[0, 0], colour)


def test_a_grey_one_stays_grey(tmp_path):
    grey = np.zeros((8, 8, 2), np.uint8)
    grey[:, :4, 1] = 255
    Image.fromarray(grey, 'LA').save(tmp_path / 'grey.png')
    found = data.load(str(tmp_path), background='white').images
    assert found.shape == (1, 8, 8, 1)
    assert (found[0, :, :4] == 0).all() and (found[0, :, 4:] == 255).all()


def test_a_size_is_asked_for_all_the_same(folder):
    Image.new('RGBA', (4, 4)).save(folder / 'd.png')
    with pytest.raises(UserError) as caught:
        data.load(str(folder), background='white')
    assert 'different sizes' in str(caught.value) and 'transparent' not in str(caught.value)
