"""The two tables, cell by cell."""

import csv
import io

import pytest

from gan_jax.sweeps import table
from gan_jax.sweeps.results import MISSING, Result
from tests.sweeps.made import done, sweep

NONE, WEAK, STRONG = {'method': 'none'}, {'method': 'bcr', 's': 0.1}, {'method': 'bcr', 's': 0.2}
SWEEP = sweep([NONE, WEAK, STRONG], 3, x='s', curve='method')
DIVERGED = Result('failed', 7, ((0, {'fd': 9.0}),), 'it is nan', final=True)
RESULTS = {
    'method=none/seed=0': done(5.0, 10.0, modes=9),
    'method=none/seed=1': done(50.0, 20.0, modes=10),
    'method=none/seed=2': done(50.0, 30.0, modes=8),
    'method=bcr,s=0.1/seed=0': done(9.0, modes=10),
    'method=bcr,s=0.1/seed=1': done(18.0, modes=10),
    'method=bcr,s=0.1/seed=2': done(27.0, modes=10),
    'method=bcr,s=0.2/seed=0': done(4.0, None),
    'method=bcr,s=0.2/seed=1': DIVERGED,
    'method=bcr,s=0.2/seed=2': MISSING,
}


def rows(of=SWEEP, results=RESULTS):
    return list(csv.DictReader(io.StringIO(table.as_csv(of, results))))


def cells(text):
    """Rows of the first Markdown table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith('|')]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines[2:]]


def test_csv_has_a_row_a_run_with_final_and_best_values():
    assert [row['run'] for row in rows()] == [run.name for run in SWEEP.runs]
    assert rows()[0] == {
        'run': 'method=none/seed=0',
        'method': 'none',
        's': '',
        'seed': '0',
        'status': 'done',
        'step': '20',
        'fd': '10.0',
        'modes': '9',
        'fd_best': '5.0',
        'fd_best_step': '10',
    }


def test_csv_invents_no_number():
    found = {row['run']: row for row in rows()}
    lost = found['method=bcr,s=0.2/seed=0']
    assert (lost['fd'], lost['modes'], lost['fd_best']) == ('', '', '4.0')
    failed = found['method=bcr,s=0.2/seed=1']
    assert (failed['status'], failed['step'], failed['fd']) == ('failed', '7', '')
    assert failed['fd_best'] == failed['fd_best_step'] == ''
    assert (found['method=bcr,s=0.2/seed=2']['status'],) == ('missing',)
    assert found['method=bcr,s=0.2/seed=2']['step'] == ''


def test_the_best_of_equals_is_the_first_and_more_can_be_better():
    results = {'a=1/seed=0': done(3.0, 8.0, 8.0, 5.0)}
    (row,) = rows(sweep([{'a': 1}], 1, higher=True), results)
    assert (row['fd'], row['fd_best'], row['fd_best_step']) == ('5.0', '8.0', '20')


def test_markdown_has_a_row_an_arm_with_the_paired_difference():
    text = table.as_markdown(SWEEP, RESULTS, 'a title')
    assert text.startswith('# a title\n')
    assert '| method | s | runs | fd | against method=none | pairs | modes |' in text
    # none: 10, 20, 30. bcr: 9, 18, 27, so that the differences are -1, -2, -3: mean -2, and
    # Student's half width 4.303 / sqrt(3) = 2.484.
    assert cells(text) == [
        ['none', '-', '3', '20 ± 10', 'baseline', '-', '9.0 ± 1.0'],
        ['bcr', '0.1', '3', '18.0 ± 9.0', '-2.0 [-4.5, 0.5]', '3', '10 ± 0'],
        ['bcr', '0.2', '1 of 3, 1 failed', '-', '-', '0', '-'],
    ]
    assert text.endswith('Failed:\n\n- `method=bcr,s=0.2/seed=1`: it is nan\n')
    assert 'top 15 %' not in text


def test_the_top_pools_strengths_and_seeds_of_a_method():
    many = sweep([NONE, WEAK, STRONG], 7, x='s', curve='method')
    results = {r.name: done(float(i)) for i, r in enumerate(many.runs)}
    *_, (name, runs, kept, best) = cells(table.as_markdown(many, results, ''))
    # bcr's fourteen runs are those at 1, 2, 4, 5, ...; its best two are 1 and 2.
    assert (name, runs, kept, best) == ('method=bcr', '14', '2', '1.50 ± 0.71')


def test_contrasts_are_paired_in_every_metric_that_varies():
    asked = SWEEP._replace(contrasts=((WEAK, NONE), (STRONG, WEAK)))
    results = {**RESULTS, 'method=bcr,s=0.2/seed=0': done(4.0, 7.0, floor=1.0)}
    text = table.as_markdown(asked, results, '')
    assert 'floor' in text.splitlines()[4]
    section = text.partition('Paired differences between arms')[2]
    assert section.splitlines()[2] == '| arm | against | fd | modes |'
    # fd as above. modes: 1, 0, 2, mean 1 and half width 4.303 / sqrt(3) = 2.484. One pair, 7 - 9,
    # has no interval.
    assert cells(section) == [
        ['method=bcr,s=0.1', 'method=none', '-2.0 [-4.5, 0.5]', '1.0 [-1.5, 3.5]'],
        ['method=bcr,s=0.2', 'method=bcr,s=0.1', '-2 [-, -]', '-'],
    ]
    assert 'Paired differences' not in table.as_markdown(SWEEP, RESULTS, '')


def test_what_all_runs_share_is_said_once_and_a_bar_does_not_end_a_cell():
    one = sweep([{'policy': 'flip|cutout', 'n': 1}, {'policy': 'cutout', 'n': 1}], 1)
    text = table.as_markdown(one, {run.name: done(1.0) for run in one.runs}, '')
    assert 'All runs: `n=1`.' in text
    assert r'against policy=flip\|cutout' in text
    assert r'| flip\|cutout | 1 | 1 ± - | baseline |' in text


@pytest.mark.parametrize(
    ('value', 'spread', 'text'),
    [
        (123.456, 12.3, '123'),
        (123.456, 1.23, '123.5'),
        (123.456, 0.0123, '123.456'),
        (123.456, 0.0, '123.5'),
        (12345.6, float('nan'), '12346'),
        (0.00012345, float('nan'), '0.0001234'),
        (float('nan'), 1.0, '-'),
        (1.0, 1e-300, '1.000000'),
    ],
)
def test_numbers_are_as_long_as_their_spread_allows(value, spread, text):
    assert table.number(value, spread) == text
