"""What a run writes behind the training loop's back, and what it says when."""

import json
import math
import threading
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from clu.metrics import Average
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_jax.data import DataSet, content_fault
from gan_jax.experiment import config
from gan_jax.run import evaluation, log, observe, run
from gan_jax.runtime import checkpoint, leaves, workdir
from gan_jax.runtime.errors import DISK, DIVERGED, Diverged, UserError
from tests.runtime.test_checkpoint import state_at

CONFIG = str(Path(__file__).parents[1] / 'smoke.py')
FACTS = {'config': {}, 'data': ''}
EVALUATOR = None  # nothing is evaluated
LONG = 60  # seconds, so that a test of what fails to wait ends


@pytest.fixture
def setup():
    """A run that trains nothing: a picture is due at 10, and nothing is evaluated."""
    settings = json.loads(config.load_config(CONFIG, ['--config.evaluate.metrics=']).to_json())
    images = np.zeros((observe.GRID, 4, 4, 1), np.uint8)
    real = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    return SimpleNamespace(
        settings=settings,
        dataset=DataSet(real, None, 0, 'mine', ('a', 'b')),
        subset=None,
        generate=lambda state, seed, indices: iter([images]),
    )


def opened(setup, folder, status=0):
    return run.opened(setup, EVALUATOR, folder, FACTS, None, lambda: status, shown=False)


def saved(folder):
    return workdir.steps(folder / 'checkpoints')


def picture(folder):
    return folder / 'samples' / '00000010.png'


def told(folder):
    return workdir.read_status(folder)['status']


def held(monkeypatch, where, name, gate, after=lambda: None):
    """A function that waits for the gate, works, and then calls `after`."""
    real = getattr(where, name)

    def waiting(*arguments):
        assert gate.wait(LONG)
        real(*arguments)
        after()

    monkeypatch.setattr(where, name, waiting)


def failing(monkeypatch, where, name, status):
    def fail(*arguments):
        raise UserError('as it happens', status)

    monkeypatch.setattr(where, name, fail)


def test_training_goes_on_while_the_disk_is_slow(setup, tmp_path, monkeypatch):
    gate = threading.Event()
    held(monkeypatch, observe, 'write_picture', gate)
    held(monkeypatch, checkpoint, 'save', gate)
    with opened(setup, tmp_path) as one:
        assert one.on_step(state_at(10), 10) is False
        one.save(state_at(10), 10)
        one.on_step(state_at(11), 11)
        assert not picture(tmp_path).exists() and not saved(tmp_path)
        gate.set()
    assert picture(tmp_path).exists() and saved(tmp_path) == {10}
    assert told(tmp_path) == 'done'


def test_the_first_picture_is_drawn_once_and_not_after_a_signal(setup, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(observe, 'write_picture', lambda folder, step, *_: written.append(step))
    with opened(setup, tmp_path, 143) as one:
        one.draw_first(state_at(0))
    assert written == []
    with opened(setup, tmp_path) as one:
        one.draw_first(state_at(0))
        one.on_step(state_at(0), 0)
        one.on_step(state_at(1), 1)
    assert written == [0, 1]


def test_a_second_save_waits_for_the_first(setup, tmp_path, monkeypatch):
    gate = threading.Event()
    held(monkeypatch, checkpoint, 'save', gate)
    with opened(setup, tmp_path) as one:
        one.save(state_at(10), 10)
        assert not saved(tmp_path)
        threading.Timer(0.2, gate.set).start()
        one.save(state_at(20), 20)
        assert 10 in saved(tmp_path)


@pytest.mark.parametrize(('status', 'word'), [(143, 'stopped'), (0, 'done')])
def test_it_says_that_a_step_is_saved_when_it_is(
    status, word, setup, tmp_path, monkeypatch, capsys
):
    gate, seen = threading.Event(), []
    held(monkeypatch, checkpoint, 'save', gate, lambda: seen.append(told(tmp_path)))
    with opened(setup, tmp_path, status) as one:
        one.on_step(state_at(10), 10)
        one.save(state_at(10), 10)
        threading.Timer(0.2, gate.set).start()
    assert seen == ['running'] and told(tmp_path) == word
    assert ('saved step 10' in capsys.readouterr().out) == (status != 0)


@pytest.mark.parametrize(('answers', 'word'), [((0, 143), 'done'), ((143, 0), 'stopped')])
def test_what_the_status_says_is_what_the_run_ends_with(answers, word, setup, tmp_path):
    """A signal that comes while it is said changes neither."""
    given = iter(answers)
    with run.opened(
        setup, EVALUATOR, tmp_path, FACTS, None, lambda: next(given), shown=False
    ) as one:
        pass
    assert (told(tmp_path), one.status) == (word, answers[0])


def test_before_the_first_step_nothing_is_said_to_be_saved(setup, tmp_path, capsys):
    with opened(setup, tmp_path, 143) as one:
        one.save(state_at(0), 0)
    assert not saved(tmp_path)
    assert capsys.readouterr().out.startswith(f'stopped at step 0 in {tmp_path}; ')


def test_a_run_that_is_asked_to_stop_looks_when_it_is_resumed(setup, tmp_path):
    with opened(setup, tmp_path, 143) as one:
        one.on_step(state_at(10), 10)
        one.save(state_at(10), 10)
    assert not picture(tmp_path).exists()
    kept = checkpoint.restore(tmp_path / 'checkpoints', state_at(0))
    with run.opened(setup, EVALUATOR, tmp_path, FACTS, kept, lambda: 0, shown=False) as one:
        one.on_step(kept.state, 10)
    assert picture(tmp_path).exists()


def test_a_checkpoint_that_says_seen_comes_after_the_picture(setup, tmp_path, monkeypatch):
    gate, seen = threading.Event(), []
    held(monkeypatch, observe, 'write_picture', gate)
    monkeypatch.setattr(
        checkpoint, 'save', lambda *a: seen.append((a[-1]['seen'], picture(tmp_path).exists()))
    )
    with opened(setup, tmp_path) as one:
        one.on_step(state_at(10), 10)
        one.save(state_at(10), 10)
        threading.Timer(0.2, gate.set).start()
    assert seen == [(True, True)]


def test_a_step_without_its_picture_is_not_saved(setup, tmp_path, monkeypatch):
    failing(monkeypatch, observe, 'write_picture', DISK)
    with pytest.raises(UserError, match='as it happens') as caught:
        with opened(setup, tmp_path) as one:
            one.on_step(state_at(10), 10)
            one.save(state_at(10), 10)
    assert caught.value.status == DISK and not saved(tmp_path)


def test_a_fault_of_the_files_is_noted(setup, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, 'No space left on device', 'a.png')

    monkeypatch.setattr(observe, 'write_picture', full)
    with pytest.raises(OSError, match='No space left'):
        with opened(setup, tmp_path) as one:
            one.on_step(state_at(10), 10)
    noted = workdir.read_status(tmp_path)
    assert (noted['status'], noted['exit']) == ('failed', DISK)
    assert noted['reason'] == (
        'No space left on device: a.png; make room and run the same command again'
    )


@pytest.mark.parametrize('status', [DISK, DIVERGED])
def test_a_save_that_fails_ends_the_run_at_the_next_look(status, setup, tmp_path, monkeypatch):
    with pytest.raises(UserError, match='as it happens') as caught:
        with opened(setup, tmp_path) as one:
            one.save(state_at(10), 10)
            one.finish()
            failing(monkeypatch, checkpoint, 'save', status)
            one.save(state_at(20), 20)
            with pytest.raises(UserError):
                one.finish()
            one.on_step(state_at(21), 21)
            raise AssertionError('it went on')
    assert caught.value.status == status
    reason = workdir.read_status(tmp_path)
    assert (reason['status'], reason['exit']) == ('failed', status)
    assert saved(tmp_path) == {10}


def test_a_run_that_diverges_names_its_last_checkpoint(setup, tmp_path, monkeypatch):
    """Also one that was on its way to the disk when the fault was seen."""
    gate = threading.Event()
    held(monkeypatch, checkpoint, 'save', gate)
    with pytest.raises(UserError, match='a is nan') as caught:
        with opened(setup, tmp_path) as one:
            one.save(state_at(10), 10)
            threading.Timer(0.2, gate.set).start()
            raise Diverged('a is nan')
    assert caught.value.status == DIVERGED
    assert str(caught.value).startswith(
        'a is nan; the checkpoint of step 10 is the last with finite numbers, for sample and '
        'evaluate. Begin another run with lower learning rates, such as '
        '--config.optim.g.learning_rate=0.0015 --config.optim.d.learning_rate=0.0015, by another '
        f"--workdir; --config.init.workdir={tmp_path} begins it with that checkpoint's networks"
    )
    status = workdir.read_status(tmp_path)
    assert (status['exit'], status['diverged']) == (DIVERGED, True)
    assert status['reason'] == str(caught.value)


def test_a_save_that_fails_in_the_end_is_no_success(setup, tmp_path, monkeypatch, capsys):
    failing(monkeypatch, checkpoint, 'save', DISK)
    with pytest.raises(UserError, match='as it happens'):
        with opened(setup, tmp_path, 143) as one:
            one.save(state_at(10), 10)
    assert told(tmp_path) == 'failed'
    assert 'saved' not in capsys.readouterr().out


@pytest.mark.parametrize('place', ['checkpoints', 'best'])
def test_what_is_saved_is_the_state_as_it_was(place, setup, tmp_path, monkeypatch):
    """The next step takes the memory of the state, and writes to it."""
    gate, state = threading.Event(), state_at(10, value=3.0)
    held(monkeypatch, checkpoint, 'save', gate)
    monkeypatch.setattr(evaluation, 'evaluate', lambda *_: {'fd_digits': 1.0})
    setup.settings['evaluate']['metrics'] = 'fd_digits'
    # A buffer may not be given away twice, and `state_at` uses some in several places.
    state = jax.tree.map(lambda x: jax.device_put(np.array(x)), state)
    expected = leaves.digests(state_at(10, value=3.0))
    step = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)
    with opened(setup, tmp_path) as one:
        if place == 'best':
            one.on_step(state, 10)
            one.save_best(state, 10)
        else:
            one.save(state, 10)
        state = step(step(state))
        jax.block_until_ready(state)
        gate.set()
    found = checkpoint._record(tmp_path / place, 10)
    assert found['leaves'] == expected
    assert checkpoint.restore(tmp_path / place, state).step == 10


def test_the_log_outlives_a_loss_of_power_before_the_checkpoint_says_so(
    setup, tmp_path, monkeypatch
):
    calls = []
    monkeypatch.setattr(log.Log, 'sync', lambda self: calls.append('synced'))
    monkeypatch.setattr(
        checkpoint, 'save', lambda *arguments: calls.append(arguments[-1]['log']['rows'])
    )
    setup.settings['every']['log'] = 5
    with opened(setup, tmp_path) as one:
        for step in (5, 10):
            one.on_step(state_at(step), step)
            one.save(state_at(step), step)
    assert calls == ['synced', 1, 'synced', 2]


@pytest.mark.parametrize(
    ('interval', 'stopped', 'expected'),
    [
        (10, 0, [('running', [5, 10]), ('done', [5, 10, 15, 20])]),
        (0, 0, [('done', [5, 10, 15, 20])]),
        (10, 143, []),
    ],
)
def test_a_report_is_due_at_its_interval_and_when_the_run_is_done(
    setup, tmp_path, interval, stopped, expected
):
    """It finds the row and the picture of its step on the disk; a run that stops writes none."""
    found = []

    def report(folder):
        rows = [row['step'] for row in log.read_rows(folder / log.NAME)]
        assert picture(folder).exists()
        found.append((told(folder), rows))

    setup.settings['steps'] = 20
    setup.settings['every'] |= {'log': 5, 'report': interval}
    with run.opened(
        *(setup, EVALUATOR, tmp_path, FACTS, None, lambda: stopped), shown=False, report=report
    ) as one:
        for step in (5, 10, 15, 20):
            one.on_step(state_at(step), step)
            one.finish()
    assert found == expected


def test_tensorboard_has_what_the_log_has_before_the_checkpoint_says_so(
    setup, tmp_path, monkeypatch
):
    """So that the two agree after a kill, from which the run goes on there."""
    found = []

    def save(*arguments):
        events = EventAccumulator(str(tmp_path / 'tensorboard'))
        events.Reload()
        found.append([event.step for event in events.Scalars('time/seconds_per_step')])

    monkeypatch.setattr(checkpoint, 'save', save)
    setup.settings['every']['log'] = 5
    with opened(setup, tmp_path) as one:
        one.on_step(state_at(3), 3)  # nothing is due; what precedes it is not measured
        for step in (5, 10):
            one.on_step(state_at(step), step)
            one.save(state_at(step), step)
            one.finish()
    assert found == [[5], [5, 10]]


def test_an_evaluation_that_fails_is_said_and_the_run_goes_on(setup, tmp_path, monkeypatch, capsys):
    setup.settings['evaluate']['metrics'] = 'fd_digits,modes'
    setup.settings['every'] |= {'log': 5, 'evaluate': 5}
    told = []

    def evaluated(setup, evaluator, metrics, state, seed, progress, failed):
        told.append(workdir.read_status(tmp_path).get('eval_failed'))
        if int(state.step) == 10:
            failed(['fd_digits'], ValueError('as it\nhappens'))
            return {'fd_digits': math.nan, 'modes': 7}
        return {'fd_digits': 3.0, 'modes': 8}

    monkeypatch.setattr(evaluation, 'evaluate', evaluated)
    with run.opened(setup, EVALUATOR, tmp_path, FACTS, None, lambda: 0) as one:
        for step in (5, 10, 15, 20):
            one.on_step(state_at(step), step)
            one.save_best(state_at(step), step)
            one.finish()
    rows = {row['step']: row for row in log.read_rows(tmp_path / log.NAME)}
    why = 'fd_digits failed at step 10: as it'
    assert (rows[10]['eval/fd_digits'], rows[10]['eval/modes']) == (None, 7)
    assert {step: row['eval_failed'] for step, row in rows.items() if 'eval_failed' in row} == {
        10: why
    }
    assert told == [None, None, why, None]  # until the next one has not failed
    assert why in capsys.readouterr().out.splitlines()
    assert workdir.steps(tmp_path / 'best') == {5}


def test_a_failure_is_told_until_that_metric_is_measured_again(setup, tmp_path, monkeypatch):
    often = {'metrics': 'diversity', 'every': 5}
    setup.settings['evaluate'] |= {'metrics': 'modes', 'often': often}
    setup.settings['every'] |= {'evaluate': 10}
    told = []

    def evaluated(setup, evaluator, metrics, state, seed, progress, failed):
        told.append((int(state.step), workdir.read_status(tmp_path).get('eval_failed')))
        if int(state.step) == 10:
            failed(['modes'], ValueError('as it happens'))
        return {'modes': 7}

    monkeypatch.setattr(evaluation, 'evaluate', evaluated)
    with opened(setup, tmp_path) as one:
        for step in (5, 10, 15, 20, 25):
            one.on_step(state_at(step), step)
    why = 'modes failed at step 10: as it happens'
    assert told == [(5, None), (10, None), (15, why), (20, why), (25, None)]


def test_the_status_names_the_newest_checkpoint_that_is_whole(setup, tmp_path, monkeypatch):
    seen = []

    def noted(*arguments):
        seen.append(workdir.read_status(tmp_path)['checkpoint'])
        real(*arguments)

    real = checkpoint.save
    monkeypatch.setattr(checkpoint, 'save', noted)
    with opened(setup, tmp_path) as one:
        for step in (10, 20):
            one.save(state_at(step), step)
    assert seen == [None, 10]
    assert workdir.read_status(tmp_path)['checkpoint'] == 20


# Warnings -----------------------------------------------------------------------------------------


def warned(folder):
    return workdir.read_status(folder).get('warnings', [])


def test_a_warning_is_said_once_kept_and_repeated_in_the_end(setup, tmp_path, capfd):
    with opened(setup, tmp_path) as one:
        for said in ('', 'this kind: at step 3', 'this kind: at step 4', 'that\x1b: at step 5'):
            one.warn(said)
        assert capfd.readouterr().err.splitlines() == [
            f'gan_jax: warning of {tmp_path}: this kind: at step 3',
            f'gan_jax: warning of {tmp_path}: that\\x1b: at step 5',
        ]
        assert (told(tmp_path), len(warned(tmp_path))) == ('running', 2)
    assert told(tmp_path) == 'done'
    assert warned(tmp_path) == ['this kind: at step 3', 'that\\x1b: at step 5']
    assert len(capfd.readouterr().err.splitlines()) == 2


def test_a_run_that_is_resumed_keeps_its_warnings_and_a_new_one_has_none(setup, tmp_path, capfd):
    with opened(setup, tmp_path, 143) as one:
        one.warn('this kind: at step 3')
        one.on_step(state_at(10), 10)
        one.save(state_at(10), 10)
    kept = checkpoint.restore(tmp_path / 'checkpoints', state_at(0))
    capfd.readouterr()
    with run.opened(setup, EVALUATOR, tmp_path, FACTS, kept, lambda: 0, shown=False) as one:
        assert warned(tmp_path) == ['this kind: at step 3']
        one.warn('this kind: at step 13')
        assert capfd.readouterr().err == ''
    assert warned(tmp_path) == ['this kind: at step 3']
    with opened(setup, tmp_path):
        assert warned(tmp_path) == []


def test_a_run_that_fails_keeps_its_warnings(setup, tmp_path):
    with opened(setup, tmp_path) as one:
        one.warn('this kind: at step 3')
        one.fail(UserError('as it happens', DIVERGED))
        one.warn('that kind: at step 3')
    assert (told(tmp_path), warned(tmp_path)) == ('failed', ['this kind: at step 3'])


def test_huge_losses_are_told_at_their_window_and_the_row_is_written(setup, tmp_path):
    setup.settings['every']['log'] = 5
    for step, value in ((5, 9e4), (10, 5e5)):
        mean = Average(np.float32(value), np.int32(1))
        with opened(setup, tmp_path) as one:
            one.on_step(state_at(step).replace(metrics={'d/adversarial/real': mean}), step)
        assert [row['d/adversarial/real'] for row in log.read_rows(tmp_path / log.NAME)] == [value]
        expected = ['large losses: d/adversarial/real is 5e+05 at step 10'] if step == 10 else []
        assert [one.partition(',')[0] for one in warned(tmp_path)] == expected


@pytest.mark.parametrize('step', [0, 249, 250])
def test_images_all_alike_are_told_of_a_generator_that_was_trained(step, setup, tmp_path):
    setup.settings['every']['sample'] = 1
    with opened(setup, tmp_path) as one:
        one.on_step(state_at(step), step)
    expected = ['equal images'] if step == 250 else []
    assert [one.partition(':')[0] for one in warned(tmp_path)] == expected
    assert (tmp_path / 'samples' / f'{step:08d}.png').exists()


def test_data_without_content_are_told_before_the_first_step(setup, tmp_path):
    setup.dataset = setup.dataset._replace(images=np.zeros((9, 4, 4, 1), np.uint8))
    with opened(setup, tmp_path):
        assert warned(tmp_path) == [f'no content: {content_fault(setup.dataset)}']


def test_what_ends_in_the_background_leaves_a_failed_run_failed(setup, tmp_path, monkeypatch):
    gate = threading.Event()
    held(monkeypatch, checkpoint, 'save', gate)
    with opened(setup, tmp_path) as one:
        one.save(state_at(10), 10)
        one.fail(UserError('as it happens', DIVERGED))
        gate.set()
    assert saved(tmp_path) == {10}
    assert told(tmp_path) == 'failed'
