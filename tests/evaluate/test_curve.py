"""Curves along an axis: the table, and the panels of the figure."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from gan_jax.evaluate.curve import COLOURS, Curves, Point, of_points, render, table

POINTS = [
    Point(1.0, {'fid10k_test': 10.25, 'is10k': 3.0}),
    Point(0.5, {'fid10k_test': 20.0, 'is10k': None}),
]


def drawn(curves):
    """The figure's pixels, [H, W, 4]."""
    pytest.importorskip('matplotlib')
    return np.asarray(Image.open(io.BytesIO(render(curves))))


def counts(image):
    """The number of pixels of each of the first two colours."""
    colours = [[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in COLOURS[:2]]
    return [int((image[..., :3] == colour).all(axis=2).sum()) for colour in colours]


def test_the_table_is_in_the_order_of_the_truncation_and_a_gap_is_empty():
    curves = of_points('psi', POINTS)
    assert curves == Curves('psi', [0.5, 1], {'fid10k_test': [20, 10.25], 'is10k': [None, 3]})
    assert table(curves) == 'psi,fid10k_test,is10k\n0.5,20.0,\n1.0,10.25,3.0\n'


def test_a_name_with_a_comma_is_one_column():
    name = 'leak@one_of(flip, cutout)'
    rows = [*csv.reader(io.StringIO(table(Curves('psi', [0.5], {name: [0.1], 'b': [1 / 3]}))))]
    assert rows == [['psi', name, 'b'], ['0.5', '0.1', repr(1 / 3)]]


@pytest.mark.parametrize('count', [1, 4])
def test_the_figure_has_a_panel_for_each_metric(count):
    points = [Point(x, {f'm{i}': x + i for i in range(count)}) for x in (0.2, 0.7, 1.0)]
    image = drawn(of_points('psi', points))
    assert image.shape[1] == pytest.approx(160 * (1 + 3.4 * min(count, 3)), abs=2)
    assert image.shape[0] == pytest.approx(160 * (0.4 + 2.6 * -(-count // 3)), abs=2)
    first, second = counts(image)
    assert first and not second


def test_curves_of_one_quantity_share_a_panel():
    values = {'real': [*range(40)], 'generated': [*range(40, 0, -1)]}
    alone, both = (drawn(Curves('frequency', range(40), values, of)) for of in ('', 'decibel'))
    assert both.shape[1] == pytest.approx(160 * 4.4, abs=2) and alone.shape[1] > both.shape[1]
    assert all(counts(both)) and not counts(alone)[1]


def test_a_name_is_no_mathematics():
    """A part of a metric of one's own may have any name; r'$x_{$' would be a syntax error."""
    values = {'mine/$x_{$': [1.0, 2.0]}
    assert counts(drawn(Curves('psi', [0.5, 1.0], values)))[0]
    assert counts(drawn(Curves('psi', [0.5, 1.0], {**values, 'b': [2.0, 1.0]}, 'decibel')))[1]


def test_a_metric_without_a_number_has_an_empty_panel():
    empty = drawn(Curves('psi', [0.5, 1.0], {'is10k': [None, None]}))
    assert counts(empty)[0] < counts(drawn(Curves('psi', [0.5, 1.0], {'is10k': [1.0, 2.0]})))[0]
