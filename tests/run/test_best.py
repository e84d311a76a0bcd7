"""The best checkpoint: the one with the least value, through crashes and resumes."""

import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax import train
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.experiment import schedule
from gan_jax.experiment.schedule import evaluations
from gan_jax.run.best import Best, best_by, best_how
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.errors import MISSING, UserError

pytestmark = pytest.mark.usefixtures('compiled_once')

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
FACTS = {'config': {'a': 1}}


def state(step):
    return {'step': np.int32(step), 'weight': np.float32(10 * step)}


def kept(folder):
    found = checkpoint.restore(folder, jax.device_put(state(0)))
    return None if found is None else (found.step, found.metadata['best']['value'])


def best_in(folder, metric='fd_digits', **how):
    return Best(folder, metric, how, lambda work: work())


def run(best, values, metric='eval/fd_digits'):
    for step, value in values.items():
        best.on_step({metric: value}, step)
        best.save(jax.device_put(state(step)), step, FACTS)


def test_the_least_stays_alone(tmp_path):
    run(best_in(tmp_path), {1: 5.0, 2: 7.0, 3: 4.0, 4: 4.0, 5: math.nan})
    assert kept(tmp_path) == (3, 4.0)
    assert [path.name for path in tmp_path.iterdir() if path.name.isdigit()] == ['3']


def test_it_is_to_be_beaten_after_a_resume(tmp_path):
    run(best_in(tmp_path), {1: 5.0})
    run(best_in(tmp_path), {2: 6.0})
    assert kept(tmp_path) == (1, 5.0)
    run(best_in(tmp_path), {3: 4.5})
    assert kept(tmp_path) == (3, 4.5)


def test_a_damaged_one_is_replaced_and_that_is_said(tmp_path, capsys):
    run(best_in(tmp_path), {1: 5.0})
    assert capsys.readouterr().err == ''
    (tmp_path / '1' / 'record' / 'metadata').write_bytes(b'{')
    run(best_in(tmp_path), {2: 6.0})
    assert kept(tmp_path) == (2, 6.0)
    assert f'the checkpoint in {tmp_path} is damaged' in capsys.readouterr().err


def test_a_step_that_is_found_better_again_takes_its_own_place(tmp_path):
    """As after a kill between the best checkpoint and the next one, where rounding differs."""
    run(best_in(tmp_path), {8: 5.0})
    run(best_in(tmp_path), {8: 4.999})
    assert kept(tmp_path) == (8, 4.999)


def test_a_damaged_record_is_begun_anew(tmp_path):
    run(best_in(tmp_path), {8: 5.0})
    for path in (tmp_path / '8' / 'record').rglob('*'):
        if path.is_file():
            path.write_text('torn')
    run(best_in(tmp_path), {8: 6.0})
    assert kept(tmp_path) == (8, 6.0)


def test_another_metric_begins_anew(tmp_path):
    run(best_in(tmp_path), {1: 5.0})
    run(best_in(tmp_path, 'kid1k_test'), {2: 6.0}, 'eval/kid1k_test')
    assert kept(tmp_path) == (2, 6.0)


def test_values_of_another_protocol_are_no_rivals_and_that_is_said(tmp_path, capsys):
    run(best_in(tmp_path, num=100), {1: 5.0})
    run(best_in(tmp_path, num=100), {2: 6.0})
    assert kept(tmp_path) == (1, 5.0) and capsys.readouterr().err == ''
    run(best_in(tmp_path, num=200), {3: 6.0})
    assert kept(tmp_path) == (3, 6.0)
    assert capsys.readouterr().err == (
        f'gan_jax: the checkpoint in {tmp_path} is the best by fd_digits, num 100; the best by '
        'fd_digits, num 200 is chosen from here on, and takes its place\n'
    )


def test_without_a_metric_the_best_so_far_stays(tmp_path, capsys):
    run(best_in(tmp_path), {1: 5.0})
    run(best_in(tmp_path, ''), {2: 1.0})
    assert kept(tmp_path) == (1, 5.0) and capsys.readouterr().err == ''


def test_what_a_best_value_depends_on():
    asked = {'metrics': 'modes,fd_digits', 'full': '', 'num': 70, 'weights': 'ema'}
    asked |= {'batch_norm': 'moving', 'unaugmented': 'x'}
    drawn = {'weights': 'ema', 'batch_norm': 'moving'}
    assert best_how({'evaluate': asked}) == {'num': 70, **drawn}
    named = asked | {'metrics': 'kid1k_test,fd_digits'}  # whose name says how many
    assert best_how({'evaluate': named}) == drawn
    assert best_how({'evaluate': asked | {'metrics': 'swd360_test'}}) == drawn


def test_nothing_is_kept_of_no_metric_or_rows_without_it(tmp_path):
    run(best_in(tmp_path / 'a', ''), {1: 5.0})
    run(best_in(tmp_path / 'b'), {1: 5.0}, 'd/adversarial/fake')
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_run_that_is_killed_between_two_checkpoints_keeps_its_best(tmp_path, monkeypatch):
    """The best one is written first: else the resumed run would not look at the step again."""

    class Killed(BaseException):
        pass

    def save(*arguments):
        raise Killed

    flags = [f'--config={TINY}:method=none', f'--workdir={tmp_path}', '--config.steps=3']
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(train.run.Run, 'save', save)
        train.main(flags)
    assert kept_step(tmp_path) in (0, 3)


def kept_step(folder):
    return checkpoint.newest_metadata(folder / 'best') and max(workdir.steps(folder / 'best'))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    flags = ['--config.steps=12', '--config.every.evaluate=3', '--config.every.checkpoint=6']
    flags += ['--config.evaluate.full=diversity', '--config.every.full=8']
    assert train.main([f'--config={TINY}:method=none', f'--workdir={folder}', *flags]) == 0
    return folder


def rows(folder):
    return [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]


@pytest.mark.slow
def test_the_best_can_be_evaluated_and_is_the_least_of_the_curve(trained):
    curve = {row['step']: row['eval/fd_digits'] for row in rows(trained) if 'eval/fd_digits' in row}
    step = min(curve, key=curve.get)
    assert [*curve] == [0, 3, 6, 8, 9, 12]  # at 8 the full protocol is due
    flags = [f'--workdir={trained}', '--step=best', '--metrics=fd_digits', '--allow=tests']
    assert evaluate.main(flags) == 0
    (path,) = (trained / 'results').glob(f'step_{step}_*.json')
    result = json.loads(path.read_text())
    assert result['metrics']['fd_digits'] == curve[step]
    assert result['checkpoint']['which'] == 'best'


@pytest.mark.slow
def test_the_full_protocol_has_its_own_interval(trained):
    assert [row['step'] for row in rows(trained) if 'eval/diversity' in row] == [8, 12]


def test_a_run_that_starts_afresh_forgets_what_was_never_trained(tmp_path):
    run(best_in(tmp_path / 'best'), {0: -1.0})
    flags = ['--config.steps=3', '--config.every.evaluate=3']
    assert train.main([f'--config={TINY}:method=none', f'--workdir={tmp_path}', *flags]) == 0
    assert checkpoint.newest_metadata(tmp_path / 'best')['best']['value'] > 0


def test_without_a_best_it_is_said_why(tmp_path):
    flags = ['--config.steps=2', '--config.evaluate.metrics=modes']
    assert train.main([f'--config={TINY}:method=none', f'--workdir={tmp_path}', *flags]) == 0
    with pytest.raises(
        UserError, match='no best checkpoint: its config.evaluate names no dist'
    ) as e:
        evaluate.main([f'--workdir={tmp_path}', '--step=best', '--allow=tests'])
    assert e.value.status == MISSING
    path = tmp_path / 'config.json'
    path.write_text(path.read_text().replace('"modes"', '"modes,fd_digits"'))
    with pytest.raises(UserError, match='fd_digits has not been measured yet'):
        evaluate.main([f'--workdir={tmp_path}', '--step=best', '--allow=tests'])


def test_the_full_protocol_has_the_other_metrics_in_it():
    def asked(metrics, full):
        return evaluations({'evaluate': {'metrics': metrics, 'full': full}})

    assert asked('a', 'b') == {'evaluate': 'a', 'full': 'a,b'}
    assert asked('', 'b') == {'full': 'b'}
    assert asked('a', '') == {'evaluate': 'a'}  # nothing more is due at its interval
    assert asked('', '') == {}


def test_a_block_of_metrics_is_an_evaluation_by_itself():
    blocks = {'often': {'metrics': 'c,d', 'every': 2}, 'mine': {'fn': 'x.y', 'every': 3}}
    evaluate = {'metrics': 'a', 'full': 'b', **blocks}
    every = dict(log=100, sample=100, evaluate=6, full=12, checkpoint=100)
    settings = {'steps': 50, 'every': every, 'evaluate': evaluate}
    assert [schedule.evaluations_at(step, settings) for step in (0, 1, 2, 3, 6, 12, 50)] == [
        ['a', 'c,d', 'mine'],
        [],
        ['c,d'],
        ['mine'],
        ['a', 'c,d', 'mine'],
        ['a,b', 'c,d', 'mine'],  # the full protocol has the other metrics in it
        ['a,b', 'c,d', 'mine'],
    ]
    assert schedule.everything(settings) == 'a,b,c,d,mine'
    evaluate['often']['metrics'] = 'kid1k_test'
    assert best_by(settings) == 'kid1k_test'


def test_the_first_distance_is_what_counts():
    def by(metrics, full=''):
        return best_by({'evaluate': {'metrics': metrics, 'full': full}})

    assert by('modes,kid1k_test,fd_digits', 'fid10k_test') == 'kid1k_test'
    assert by('modes', 'is50k,fid10k_test') == 'fid10k_test'
    assert by('swd360_test', 'fid10k_test') == 'swd360_test'
    assert by('modes,diversity') == by('') == ''
