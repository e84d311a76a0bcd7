"""Sides of maps for squares and for other images, and the sentences about sizes without layers."""

import re

import pytest

from gan_jax.models import sizes
from gan_jax.models.sizes import channels_at, first_map, side_of, sides, sides_of, square


def test_sides_are_four_and_its_doubles():
    assert sides((32, 32, 3)) == (4, 8, 16, 32)
    assert sides((8, 8, 1)) == (4, 8)
    assert sides((1024, 1024, 1))[0] == 4
    assert sides((64, 64, 1), smallest=8) == (8, 16, 32, 64)


def test_an_oblong_has_the_sides_of_the_square_that_holds_it():
    assert sides((32, 16, 3)) == sides((16, 32, 3)) == sides((24, 32, 3)) == (4, 8, 16, 32)
    assert first_map((32, 16, 3), 3) == (4, 2)
    assert sides((24, 24, 3)) == (4, 8, 16, 32)  # from 3×3 on


def test_what_cannot_be_halved_to_the_smallest_map_starts_from_a_larger_one():
    assert sides((28, 28, 1)) == (8, 16, 32)  # 7, 14, 28
    assert sides((30, 30, 1)) == (16, 32)  # 15, 30
    assert sides((100, 60, 1), smallest=8) == (32, 64, 128)  # 25×15, 50×30, 100×60


def test_every_size_that_the_sentence_names_is_taken_and_no_other():
    """A network from 8 to 64 pixels, by the words of its own sentence."""
    with pytest.raises(ValueError) as caught:
        sides((66, 66, 1), 'Net', most=64)
    sentence = str(caught.value)
    assert sentence == (
        'Net takes images whose sides are multiples of 2 up to 32 pixels, of 4 up to 64, the '
        'longer one above 4, and not 66x66: change data.size'
    )
    allowed = [(int(a), int(b)) for a, b in re.findall(r'(?:of )(\d+) up to (\d+)', sentence)]
    for height in range(1, 68):
        for width in (1, 2, 3, 4, 5, 6, 8, 12, 31, 32, 33, 34, 36, 64, 66):
            longer = max(height, width)
            multiple = next((of for of, most in allowed if longer <= most), None)
            expected = longer > 4 and multiple and not height % multiple and not width % multiple
            try:
                found = sides((height, width, 1), 'Net', most=64)
            except ValueError:
                found = ()
            assert bool(found) == bool(expected), (height, width)
            halvings = len(found) - 1
            if found:
                whole = [n % (1 << halvings) == 0 for n in (height, width)]
                assert all(whole) and max(first_map((height, width, 1), halvings)) <= 16


def test_a_table_of_layers_is_read_by_the_smallest_square_that_holds_the_image():
    table = {32: 8, 48: 8, 128: 32}
    assert side_of((32, 32, 1), table, 'Net') == side_of((24, 8, 1), table, 'Net') == 32
    assert side_of((40, 16, 1), table, 'Net') == 48 and side_of((96, 64, 1), table, 'Net') == 128
    words = 'multiples of 8 up to 48 pixels, of 32 up to 128, the longer one above 16, and not'
    for shape in ((16, 16, 1), (36, 36, 1), (80, 80, 1), (160, 32, 1)):
        with pytest.raises(ValueError, match=f'{words} {shape[0]}x{shape[1]}: change up'):
            side_of(shape, table, 'Net', 'up')


def test_widths_are_of_maps_from_the_smallest_to_the_image_s():
    assert sides_of((16, 16, 3), (7, 5, 5), 'Net') == (4, 8, 16)
    assert sides_of((16, 16, 3), (7, 5), 'Net', 8) == (8, 16)
    assert sides_of((4, 4, 3), (7,), 'Net') == (4,)
    assert sides_of((16, 8, 3), (7, 5), 'Net', 8, bare=1) == (8, 16)
    assert sides_of((28, 28, 3), (7, 5), 'Net', 8, bare=1) == (16, 32)
    for shape, maps in (((16, 16, 3), '4x4, 8x8, 16x16'), ((28, 14, 3), '14x7, 28x14')):
        words = (
            f'Net with 1 widths has no layers for .*: give a width for each of its maps, {maps},'
        )
        with pytest.raises(ValueError, match=words):
            sides_of(shape, (7,), 'Net')
    with pytest.raises(ValueError, match='Net takes images .* the longer one above 4, and not 4x4'):
        sides_of((4, 4, 1), (), 'Net', 8)


def test_a_network_of_squares_alone_says_which():
    assert square((48, 48, 3), (32, 48), 'Net') == 48
    for shape in ((16, 16, 3), (32, 48, 3)):
        with pytest.raises(ValueError, match=f'squares of 32, 48 pixels, and not {shape[0]}x'):
            square(shape, (32, 48), 'Net')


def test_channels_are_the_base_over_the_side_within_bounds():
    assert [channels_at(side, 16_384, 512) for side in (4, 32, 64, 256)] == [512, 512, 256, 64]
    assert channels_at(8, 3, 512) == 1
    assert sizes.WIDEST == 4
