"""A run's folder read back, whole or as a kill leaves it."""

import json

import pytest

from gan_jax.experiment import config
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import DIVERGED
from gan_jax.sweeps import results

ROWS = [
    {'step': 0, 'eval/fd': 9.0},
    {'step': 5, 'd/adversarial/real': 1.0},
    {'step': 10, 'd/adversarial/real': 1.0, 'eval/fd': 3.0, 'eval/modes': None},
]


@pytest.fixture
def folder(tmp_path):
    lines = (json.dumps(row) + '\n' for row in ROWS)
    (tmp_path / 'metrics.jsonl').write_text(''.join(lines))
    return tmp_path


def test_a_run_that_is_done(folder):
    workdir.write_status(folder, 'done', 10)
    found = results.read_result(folder, 10)
    assert (found.status, found.step, found.final) == ('done', 10, True)
    assert found.values == {'fd': 3.0, 'modes': None}
    assert found.evaluations == ((0, {'fd': 9.0}), (10, {'fd': 3.0, 'modes': None}))


def test_no_earlier_row_passes_for_one_of_the_last_step_that_is_lost(folder):
    workdir.write_status(folder, 'done', 10)
    lines = (folder / 'metrics.jsonl').read_text().splitlines(keepends=True)
    (folder / 'metrics.jsonl').write_text(''.join([*lines[:2], lines[2][1:]]))
    found = results.read_result(folder, 10)
    assert found.evaluations == ((0, {'fd': 9.0}),)
    assert found.values == {}


def test_a_run_that_is_to_go_further_is_unfinished_and_has_no_final_values(folder):
    workdir.write_status(folder, 'done', 10)
    found = results.read_result(folder, 20)
    assert (found.status, found.step, found.final) == ('unfinished', 10, False)
    assert found.values == {}


@pytest.mark.parametrize('status', ['running', 'stopped'])
def test_a_run_that_was_left(folder, status):
    workdir.write_status(folder, status, 10)
    assert results.read_result(folder, 10).status == 'unfinished'


@pytest.mark.parametrize(
    ('told', 'final'),
    [({'exit': DIVERGED, 'diverged': True}, True), ({'exit': DIVERGED}, False), ({}, False)],
)
def test_of_failures_only_divergence_is_final(folder, told, final):
    """The status 70 is that of a device without memory as well, and another may have it."""
    workdir.write_status(folder, 'failed', 7, reason='why', **told)
    found = results.read_result(folder, 10)
    assert (found.status, found.reason, found.final) == ('failed', 'why', final)
    assert found.values == {}


def test_half_a_line_is_left_out(folder):
    workdir.write_status(folder, 'running', 10)
    with (folder / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 12, "eval/fd": 2.')
    assert len(results.read_result(folder, 20).evaluations) == 2


def test_a_run_that_has_not_begun(tmp_path):
    assert results.read_result(tmp_path / 'none', 10) == results.MISSING
    (tmp_path / 'status.json').write_text('{"status": "running", "step": 0}')
    assert results.read_result(tmp_path, 10) == results.Result('unfinished', 0)


def test_changes_of_the_config(tmp_path):
    settings = {'seed': 0, 'steps': 20, 'every': {'log': 1}}
    assert results.changes(tmp_path, settings) == []
    workdir.write_json(tmp_path / 'config.json', {'seed': 1, 'steps': 10, 'every': {'log': 5}})
    assert results.changes(tmp_path, settings) == ['seed: 1 -> 0']
    (tmp_path / 'checkpoints' / '10').mkdir(parents=True)
    workdir.write_status(tmp_path, 'done', 92)
    found = results.changes(tmp_path, settings | {'seed': 1, 'steps': 9})
    assert found == ['steps: it has gone to 10, past 9']
    assert results.changes(tmp_path, settings | {'seed': 1}) == []


def test_scores_of_another_protocol_do_not_stand_in_one_table(tmp_path):
    """A run alone may change it, since its results say how each was measured."""
    settings = {'steps': 20, 'evaluate': {'num': 100}}
    workdir.write_json(tmp_path / 'config.json', settings)
    changed = settings | {'evaluate': {'num': 200}}
    assert results.changes(tmp_path, changed) == ['evaluate.num: 100 -> 200']
    assert config.differences(settings, changed) == []


@pytest.mark.parametrize('content', [b'[]', b'{"status": "do', b'\xff'])
def test_a_damaged_status_is_an_unfinished_run(content, folder):
    (folder / 'status.json').write_bytes(content)
    found = results.read_result(folder, 10)
    assert (found.status, found.final, found.values) == ('unfinished', False, {})
    assert results.changes(folder, {'steps': 10}) == []


@pytest.mark.parametrize(
    'content', [b'\xff\xfe\n', b'{"step": 5\n', b'[]\n', b'{"eval/fd": 2.0}\n']
)
def test_a_damaged_row_costs_no_other_row(content, folder):
    lines = (folder / 'metrics.jsonl').read_bytes().splitlines(keepends=True)
    (folder / 'metrics.jsonl').write_bytes(b''.join([lines[0], content, *lines[2:]]))
    workdir.write_status(folder, 'done', 10)
    found = results.read_result(folder, 10)
    assert found.evaluations == ((0, {'fd': 9.0}), (10, {'fd': 3.0, 'modes': None}))


def test_a_damaged_config_is_left_to_the_run(folder):
    (folder / 'config.json').write_bytes(b'[')
    assert results.changes(folder, {'steps': 10}) == []
