"""Result files: values as JSON, curves beside it, and a folder that cannot be written to."""

import json
import sys

import pytest

from gan_jax.evaluate import result
from gan_jax.evaluate.curve import Curves, render, table
from gan_jax.runtime.errors import UNWRITABLE, UserError


def test_what_is_not_finite_is_null_and_named(capsys):
    found = result.values_of({'a': 1.25, 'b': float('nan'), 'c': float('inf')})
    assert found == {
        'metrics': {'a': 1.25, 'b': None, 'c': None},
        'not_finite': {'b': 'nan', 'c': 'inf'},
    }
    json.dumps(found, allow_nan=False)
    assert result.values_of({'a': 1.0}) == {'metrics': {'a': 1.0}}
    result.show_values(found)
    assert capsys.readouterr().out == 'a: 1.25\nb: not finite\nc: not finite\n'


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    result.write(tmp_path / 'a' / 'b' / 'x', lambda: (tmp_path / 'a' / 'b' / 'x').write_text(''))
    assert (tmp_path / 'a' / 'b' / 'x').exists()
    with pytest.raises(UserError, match='printed and not kept') as caught:
        result.write(tmp_path / 'a' / 'b' / 'x' / 'y', lambda: None)
    assert caught.value.status == UNWRITABLE


CURVES = Curves('frequency', range(3), {'real': [0.5, 1, 2], 'generated': [3, 4, 5]}, 'decibel')
OTHER = CURVES._replace(values={'real': [1, 1, 1], 'generated': [2, 2, 2]})
END = 'csv', 'png'


@pytest.mark.parametrize(('file', 'stem'), [('a.json', 'a'), ('a.v1', 'a.v1'), ('a', 'a')])
def test_curves_lie_beside_their_file_and_take_the_place_of_earlier_ones(file, stem, tmp_path):
    pytest.importorskip('matplotlib')
    path = tmp_path / 'new' / file
    for curves in (OTHER, CURVES):
        result.write_beside(path, {'x_profiles': curves, 'y': curves})
    names = {one.name for one in path.parent.iterdir()}
    assert names == {f'{stem}_{name}.{end}' for name in ('x_profiles', 'y') for end in END}
    assert (path.parent / f'{stem}_y.csv').read_text() == table(CURVES)
    assert (path.parent / f'{stem}_y.png').read_bytes() == render(CURVES)


def test_without_matplotlib_the_table_is_there_and_no_earlier_figure(tmp_path, monkeypatch, capsys):
    (tmp_path / 'a.png').write_text('of another table')
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    result.write_curves(tmp_path / 'a', CURVES)
    assert [one.name for one in tmp_path.iterdir()] == ['a.csv']
    told = capsys.readouterr().out
    assert 'the figure is left out: matplotlib is missing; ' in told
    assert f'curves: {tmp_path}/a.csv' in told and 'a.png' not in told


@pytest.mark.parametrize('end', END)
def test_curves_that_cannot_be_written_are_a_sentence(end, tmp_path):
    pytest.importorskip('matplotlib')
    (tmp_path / f'a.{end}').mkdir()
    with pytest.raises(UserError, match=rf'cannot write {tmp_path}/a\.{end}: ') as caught:
        result.write_curves(tmp_path / 'a', CURVES)
    assert caught.value.status == UNWRITABLE


def test_a_figure_that_cannot_be_removed_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / 'a.png').mkdir()
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    with pytest.raises(UserError, match='a.png') as caught:
        result.write_curves(tmp_path / 'a', CURVES)
    assert caught.value.status == UNWRITABLE
