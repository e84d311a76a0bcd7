"""Scores of a checkpoint among all that a workdir keeps."""

import json

import pytest

from gan_jax.run.kept_scores import of_checkpoint
from gan_jax.runtime import workdir

SETTINGS = {
    'seed': 3,
    'data': {'name': 'digits', 'size': 16},
    'latent': {'labels': 'data'},
    'evaluate': {'num': 100, 'weights': 'ema', 'batch_norm': 'moving'},
}
PROTOCOL = {'num': 50, 'weights': 'ema', 'batch_norm': 'moving'}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'results').mkdir()
    files = {
        'a': (5, PROTOCOL),
        'b': (4, PROTOCOL),
        'c': (5, {**PROTOCOL, 'weights': 'raw'}),
        'd': (5, {**PROTOCOL, 'psi': 0.5}),
        'e': (5, {**PROTOCOL, 'batch_norm': 'batch'}),
    }
    for name, (step, protocol) in files.items():
        result = {'metrics': {name: 1, 'odd': None}, 'checkpoint': {'step': step}}
        workdir.write_json(tmp_path / 'results' / f'{name}.json', {**result, 'protocol': protocol})
    (tmp_path / 'results' / 'f.json').write_text('{"metrics": 3, "checkpoint": {"step": 5}}')
    (tmp_path / 'results' / 'g.json').write_text('damaged')
    rows = [{'step': 5, 'eval/fd_digits': 2.5, 'd/loss': 1.0}, {'step': 4, 'eval/fd_digits': 9.0}]
    lines = [json.dumps(row) for row in (*rows, {'step': 5, 'd/loss': 1.0})]
    (tmp_path / 'metrics.jsonl').write_text('\n'.join([*lines, '']))
    return tmp_path


def found(folder, **changed):
    wanted = {'step': 5, 'weights': 'ema', 'batch_norm': 'moving', **changed}
    return {one.source: one for one in of_checkpoint(folder, SETTINGS, **wanted)}


def test_scores_are_of_the_step_the_weights_and_the_statistics(folder):
    scores = found(folder)
    assert [*scores] == ['results/a.json', 'metrics.jsonl']
    assert scores['results/a.json'].metrics == {'a': 1, 'odd': None}
    assert scores['results/a.json'].protocol == PROTOCOL
    assert scores['metrics.jsonl'].metrics == {'fd_digits': 2.5}
    assert scores['metrics.jsonl'].protocol['num'] == 100
    assert [*found(folder, weights='raw')] == ['results/c.json']
    assert [*found(folder, batch_norm='batch')] == ['results/e.json']
    assert [*found(folder, step=4)] == ['results/b.json', 'metrics.jsonl']


def test_what_the_log_says_again_is_told_once(folder):
    logged = found(folder)['metrics.jsonl'].protocol
    result = {'metrics': {'fd_digits': 2.5}, 'checkpoint': {'step': 5}}
    file = folder / 'results' / 'h.json'
    workdir.write_json(file, {**result, 'protocol': {**logged, 'reference': 'train'}})
    assert [*found(folder)] == ['results/a.json', 'results/h.json']
    workdir.write_json(file, {**result, 'protocol': {**logged, 'num': 99}})
    assert [*found(folder)] == ['results/a.json', 'results/h.json', 'metrics.jsonl']


def test_a_run_without_scores_has_none(tmp_path):
    assert found(tmp_path) == {}
