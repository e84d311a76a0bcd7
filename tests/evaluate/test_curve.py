"""The table and the figure of metrics against truncation."""

import io

import numpy as np
import pytest
from PIL import Image

from gan_jax.evaluate.curve import Point, render, table

POINTS = [
    Point(1.0, {'fid10k_test': 10.25, 'is10k': 3.0}),
    Point(0.5, {'fid10k_test': 20.0, 'is10k': None}),
]


def test_the_table_is_in_the_order_of_the_truncation_and_a_gap_is_empty():
    assert table('psi', POINTS) == 'psi,fid10k_test,is10k\n0.5,20.0,\n1.0,10.25,3.0\n'


@pytest.mark.parametrize('count', [1, 4])
def test_the_figure_has_a_panel_for_each_metric(count):
    pytest.importorskip('matplotlib')
    points = [Point(x, {f'm{i}': x + i for i in range(count)}) for x in (0.2, 0.7, 1.0)]
    image = np.asarray(Image.open(io.BytesIO(render('psi', points))))
    assert image.shape[1] == pytest.approx(160 * (1 + 3.4 * min(count, 3)), abs=2)
    assert image.shape[0] == pytest.approx(160 * (0.4 + 2.6 * -(-count // 3)), abs=2)


def test_a_metric_without_a_number_has_an_empty_panel():
    pytest.importorskip('matplotlib')
    assert render('psi', [Point(0.5, {'is10k': None}), Point(1.0, {'is10k': None})])
