"""The report of a sweep: its numbers, the outcome of pairs, and the record that it is made of."""

import json
import math
import re

import numpy as np
import pytest

from gan_jax.reports import page
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.sweeps import charts, grid, record, report, statistics
from gan_jax.sweeps.statistics import Difference
from tests.reports.made import HOSTILE, sweep
from tests.sweeps import made

ARMS = [{'method': m, 'strength': s} for m in ('none', 'bcr') for s in (0.1, 0.4)]


@pytest.fixture(autouse=True)
def no_library(monkeypatch):
    monkeypatch.setattr(page, 'library', lambda: '')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The workdir of a sweep; tests only read it."""
    return sweep(tmp_path_factory.mktemp('sweep'))


def results(found, values):
    return {run.name: made.done(*values[run.name]) for run in found.runs}


def test_the_figure_has_means_and_deviations_over_seeds():
    found = made.sweep(ARMS, 3, x='strength', curve='method')
    values = {run.name: [99, i] for i, run in enumerate(found.runs)}
    (spec,) = charts.figure_charts(found, results(found, values))
    drawn = {(row['label'], row['x']): row for row in spec['data']['values']}
    assert drawn.keys() == {(arm['method'], arm['strength']) for arm in ARMS}
    row = drawn['bcr', 0.4]  # the last of four arms, in each of three seeds
    assert row['seeds'] == [3, 7, 11] and row['mean'] == 7 and row['sd'] == 4
    assert (row['low'], row['high']) == (3, 11)
    baseline = spec['layer'][0]
    assert baseline['data']['values'] == [{'at': 4.0}]  # of seeds 0, 4 and 8
    assert 'bcr at 0.4: 7 ± 4' in spec['description']


def test_a_single_seed_has_no_bar():
    found = made.sweep(ARMS, 1, x='strength', curve='method')
    values = {run.name: [i] for i, run in enumerate(found.runs)}
    (spec,) = charts.figure_charts(found, results(found, values))
    assert not [row for row in spec['data']['values'] if 'low' in row]


def test_without_a_swept_number_each_arm_has_a_row():
    arms = [{'method': 'none'}, {'method': 'bcr'}]
    found = made.sweep(arms, 2)
    values = {run.name: [i] for i, run in enumerate(found.runs)}
    (spec,) = charts.figure_charts(found, results(found, values))
    assert [row['label'] for row in spec['data']['values']] == ['method=none', 'method=bcr']


@pytest.mark.parametrize(
    ('difference', 'higher', 'outcome'),
    [
        (Difference(-2, -3, -1, 4), False, 'better'),
        (Difference(-2, -3, -1, 4), True, 'worse'),
        (Difference(2, 1, 3, 4), False, 'worse'),
        (Difference(2, 1, 3, 4), True, 'better'),
        (Difference(1, -1, 3, 4), False, 'not told apart'),
        (Difference(1, 0, 2, 4), False, 'not told apart'),
        (Difference(5, math.nan, math.nan, 1), False, 'too few pairs'),
        (None, False, 'too few pairs'),
    ],
)
def test_the_outcome_of_a_pair_is_where_its_interval_lies(difference, higher, outcome):
    assert report.verdict(difference, higher=higher) == outcome


def test_the_page_has_tables_figure_samples_and_outcomes(folder):
    content = report.report(folder, lambda _: 'none.').decode()
    for title in ('Figure', 'Arms', 'Contrasts', 'Progress', 'Runs', 'Samples over time', 'Config'):
        assert f'-title">{title}</h2>' in content
    assert (
        content.count('class="sortable"') == 3 and 'aria-sort' not in content.split('<main')[1][:99]
    )
    assert 'baseline' in content and 'better' in content
    # bcr at 0.4 against none at 0.1: -10 + 6 in each seed, and half more in one.
    differences = [-4, -3.5, -4]
    found = statistics.paired(dict(enumerate(differences)), dict.fromkeys(range(3), 0.0))
    assert float(re.search(r'data-number="(-3\.8\d+)"', content)[1]) == pytest.approx(found.mean)
    assert found.mean == pytest.approx(np.mean(differences))


def test_the_curves_of_progress_are_means_over_seeds(folder):
    content = report.report(folder, lambda _: 'none.').decode()
    specs = json.loads(re.search(r'id="specs">(.*?)</script>', content, re.S)[1])
    (progress,) = (
        one for one in specs if one['layer'][0]['encoding']['y'].get('title') == 'fd_digits'
    )
    first = progress['data']['values'][0]
    assert first['label'] == 'method=none,strength=0.1' and first['step'] == [6, 12]
    assert first['v0'] == pytest.approx([2 * (30 + 3 + 2), 30 + 3 + 2])  # seeds add 0, 3 and 6


def test_a_sweep_without_the_metric_says_what_there_is(folder, tmp_path, monkeypatch):
    found, title = record.read(folder)
    monkeypatch.setattr(record, 'read', lambda _: (found._replace(metric='fid10k_test'), title))
    content = report.report(folder, lambda _: 'none.').decode()
    assert 'No finished run has fid10k_test; measured are: fd_digits.' in content


# sweep.json --------------------------------------------------------------------------------------


def test_the_record_is_the_sweep(tmp_path):
    found = grid.read_sweep(made.write(tmp_path, grid={'method': ['none', 'bcr']}, seeds=2))
    record.write(tmp_path, found, 'mine')
    kept, title = record.read(tmp_path)
    assert title == 'mine'
    runs = tuple(r._replace(settings={'steps': r.settings['steps']}) for r in found.runs)
    assert kept == found._replace(runs=runs)


def changed(folder, tmp_path, **entries):
    found = json.loads((folder / record.NAME).read_text()) | entries
    (tmp_path / record.NAME).write_text(json.dumps(found))
    return tmp_path


RUN = {'arm': {'a': 1}, 'seed': 0, 'steps': 12}


@pytest.mark.parametrize(
    'entries',
    [
        {'runs': [RUN | {'name': '../../secret/seed=0'}], 'arms': [{'a': 1}], 'baseline': {'a': 1}},
        {'runs': [RUN | {'name': '/secret/seed=0'}], 'arms': [{'a': 1}], 'baseline': {'a': 1}},
        {'runs': [RUN | {'name': '../seed=0'}], 'arms': [{'a': 1}], 'baseline': {'a': 1}},
        {'runs': [RUN | {'name': 'a/seed=0', 'steps': '12'}]},
        {'runs': []},
        {'runs': 7},
        {'arms': [{'a': [1]}]},
        {'baseline': {'a': 2}},
        {'metric': 7},
        {'contrasts': [1]},
    ],
)
def test_a_record_of_another_form_is_refused(folder, tmp_path, entries):
    with pytest.raises(UserError, match='cannot be read') as caught:
        record.read(changed(folder, tmp_path, **entries))
    assert caught.value.status == DATA


def test_a_sweep_of_an_earlier_version_says_what_to_do(tmp_path):
    (tmp_path / 'table.csv').write_text('run\n')
    assert record.is_sweep(tmp_path)
    with pytest.raises(UserError, match='give the sweep command again') as caught:
        report.report(tmp_path, lambda _: 'none.')
    assert caught.value.status == MISSING


def test_a_run_is_no_sweep(folder, tmp_path):
    assert record.is_sweep(folder) and not record.is_sweep(tmp_path)
    assert not record.is_sweep(next(folder.glob('*/seed=0')))


def test_a_hostile_sweep_is_text(folder, tmp_path):
    """Its names, its metric and what its runs log."""
    arm = {'method': HOSTILE}
    run = {'name': 'a/seed=0', 'arm': arm, 'seed': 0, 'steps': 12}
    entries = {'title': HOSTILE, 'metric': HOSTILE, 'arms': [arm, {'method': 'x'}], 'baseline': arm}
    changed(folder, tmp_path, **entries, runs=[run], contrasts=[[arm, arm]], x=None, curve=None)
    place = tmp_path / 'a' / 'seed=0'
    place.mkdir(parents=True)
    (place / 'status.json').write_text(json.dumps({'status': 'done', 'step': 12, 'reason': [1]}))
    row = {'step': 12, f'eval/{HOSTILE}': 1.5, 'eval/text': 'abc', 'eval/list': [1]}
    (place / 'metrics.jsonl').write_text(json.dumps(row) + '\n')
    content = report.report(tmp_path, lambda _: HOSTILE).decode()
    assert content.count('<script') == 3 and '<img' not in content
    assert content.count('&lt;script&gt;') > 5
