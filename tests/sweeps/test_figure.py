"""What the picture shows, asked of matplotlib's own objects."""

import io

import numpy as np
import pytest
from PIL import Image

from gan_jax.sweeps import figure
from gan_jax.sweeps.results import MISSING
from tests.sweeps.made import done, sweep

matplotlib_figure = pytest.importorskip('matplotlib.figure')  # the extra 'plots'

NONE = {'method': 'none'}
ARMS = [NONE, *({'method': m, 's': s} for m in ('bcr', 'cntr') for s in (0.2, 0.1))]


@pytest.fixture
def drawn(monkeypatch):
    """Draws, and gives the figure as it was saved."""
    saved = []
    save = matplotlib_figure.Figure.savefig

    def savefig(self, *arguments, **options):
        saved.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(matplotlib_figure.Figure, 'savefig', savefig)

    def draw(sweep, results):
        assert Image.open(io.BytesIO(figure.render(sweep, results))).format == 'PNG'
        return saved[-1]

    return draw


def points(container):
    """[(x, mean, deviation)] of an errorbar."""
    line, _, (bars,) = container.lines
    half = [(top - bottom) / 2 for (_, bottom), (_, top) in bars.get_segments()]
    return list(zip(*line.get_data(), half, strict=True))


def test_a_curve_a_method_with_the_deviation_of_seeds_and_the_baseline_dashed(drawn):
    of = sweep(ARMS, 3, x='s', curve='method')
    value = {'none': 50, 'bcr': 10, 'cntr': 20}
    results = {
        r.name: done(value[r.arm['method']] + 100 * r.arm.get('s', 0) + 2.0 * r.seed)
        for r in of.runs
    }
    picture = drawn(of, results)
    (axis,) = picture.axes
    # Three seeds at -2, 0, 2 of their mean have a deviation of 2; s ascends.
    np.testing.assert_allclose(points(axis.containers[0]), [(0.1, 22, 2), (0.2, 32, 2)])
    np.testing.assert_allclose(points(axis.containers[1]), [(0.1, 32, 2), (0.2, 42, 2)])
    (dashed,) = [line for line in axis.lines if line.get_linestyle() == '--']
    assert dashed.get_ydata()[0] == 52
    (legend,) = picture.legends
    assert [t.get_text() for t in legend.texts] == ['baseline: method=none', 'bcr', 'cntr']
    assert picture.get_supxlabel() == 's'
    assert picture.get_supylabel() == 'fd (mean ± sd over seeds, lower is better)'


def test_what_is_not_done_is_not_drawn(drawn):
    of = sweep(ARMS, 1, x='s', curve='method')
    results = {r.name: done(1.0) if r.arm.get('method') == 'bcr' else MISSING for r in of.runs}
    (axis,) = drawn(of, results).axes
    assert len(axis.containers) == 1
    assert not [line for line in axis.lines if line.get_linestyle() == '--']


def test_a_panel_for_each_value_of_the_other_keys_with_its_own_ticks(drawn):
    arms = [
        {'augment': a, 'method': m, 's': s * scale}
        for a, scale in [('cutout', 1), ('zoom_out', 10), ('mixup', 1), ('cutmix', 1), ('flip', 1)]
        for m in ('real_fake', 'bcr')
        for s in (0.1, 0.2)
    ]
    of = sweep(arms, 2, x='s', curve='method')
    picture = drawn(of, {r.name: done(r.arm['s'] + r.seed) for r in of.runs})
    titles = [axis.get_title() for axis in picture.axes]
    assert titles == [f'augment={a}' for a in ('cutout', 'zoom_out', 'mixup', 'cutmix', 'flip')]
    ticks = [[t.get_text() for t in axis.get_xticklabels()] for axis in picture.axes]
    assert ticks[:2] == [['0.1', '0.2'], ['1', '2']]


def test_a_title_of_several_keys_has_a_line_each(drawn):
    arms = [
        {'a': 1, 'b': 'x', 's': 0.1},
        {'a': 2, 'b': 'y', 's': 0.1},
        {'a': 1, 'b': 'x', 's': 0.2},
    ]
    picture = drawn(of := sweep(arms, 1, x='s', curve='c'), {r.name: done(1.0) for r in of.runs})
    assert [axis.get_title() for axis in picture.axes] == ['a=1\nb=x', 'a=2\nb=y']


def test_wide_ranges_are_logarithmic(drawn):
    of = sweep([{'weight': w} for w in (0.1, 1.0, 10.0)], 1, x='weight')
    (axis,) = drawn(of, {r.name: done(1.0) for r in of.runs}).axes
    assert axis.get_xscale() == 'log'


def test_without_a_number_that_is_swept_a_row_an_arm(drawn):
    of = sweep([{'arm': name} for name in ('vanilla', 'bcr', 'cntr')], 2)
    results = {r.name: done(3.0 * of.arms.index(r.arm) + 2 * r.seed) for r in of.runs}
    (axis,) = drawn(of, results).axes
    assert [t.get_text() for t in axis.get_yticklabels()] == ['vanilla', 'bcr', 'cntr']
    assert [c.lines[0].get_xdata()[0] for c in axis.containers] == [1, 4, 7]
    dots = [line for line in axis.lines if line.get_markersize() == 3]
    assert [sorted(line.get_xdata()) for line in dots] == [[0, 2], [3, 5], [6, 8]]
    assert axis.get_xlabel() == 'fd (mean ± sd over seeds, lower is better)'
