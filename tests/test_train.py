"""The whole program, from its entry point, on the shipped data."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_jax import data, train
from gan_jax.evaluate import digit_metrics
from gan_jax.experiment import setup
from gan_jax.run import evaluation, resume
from gan_jax.runtime import checkpoint, cli, workdir
from gan_jax.runtime.errors import BUSY, DATA, DIVERGED, UNWRITABLE, UserError

pytestmark = pytest.mark.usefixtures('quick', 'compiled_once')

TESTS = Path(__file__).parent
CONFIG, TINY = (f'--config={TESTS / name}' for name in ('smoke.py', 'sweeps/tiny.py'))


def rows(folder):
    """metrics.jsonl without the wall times, floats as they are."""
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if not k.startswith('time/')} for line in lines
    ]


def record(folder, step):
    """(digest of every leaf, metadata) of a checkpoint, as it was saved."""
    return checkpoint._record(folder / 'checkpoints', step)


def run(folder, *flags, config=CONFIG):
    return train.main([config, f'--workdir={folder}', *flags])


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """The workdir of one uninterrupted run; tests only read it."""
    folder = tmp_path_factory.mktemp('finished')
    assert run(folder) == 0
    return folder


def test_a_run_is_summarised_before_it_begins(finished, tmp_path, capsys):
    """Over a finished run, which has nothing left to do; the numbers are the dry run's."""
    folder = shutil.copytree(finished, tmp_path / 'copy')
    assert run(folder) == 0
    said = capsys.readouterr().out.splitlines()
    assert train.main([CONFIG, '--dry_run']) == 0
    dry = dict(line.split(': ', 1) for line in capsys.readouterr().out.splitlines() if ': ' in line)
    assert said[0] == f'30 steps in {folder}'
    told = dict(re.split(r' {2,}', line.strip(), maxsplit=1) for line in said[1:7])
    for name in ('generator', 'discriminator', 'head of terms.contrastive'):
        assert told[name] == dry[name] and told[name].endswith(' parameters')
    assert told['images'] == '1,437 of digits, 16x16x1, 10 classes'
    assert told['devices'] == '1, cpu'
    flops = float(dry['one step'].split()[0]) / 1e9
    assert told['one step'] == f'{flops:.3g} GFLOPs, batch of 8, views: 6 for d, 1 for g'


def test_json_of_a_run_is_its_status_and_its_newest_scores(finished, tmp_path, monkeypatch, capsys):
    folder = shutil.copytree(finished, tmp_path / 'copy')
    monkeypatch.setattr(sys, 'argv', ['train', CONFIG, f'--workdir={folder}', '--json'])
    with pytest.raises(SystemExit) as end:
        cli.run(train.main, saves=True)
    found = json.loads(capsys.readouterr().out)
    assert end.value.code == found['exit_status'] == 0
    assert (found['workdir'], found['status'], found['step']) == (str(folder), 'done', 30)
    scores = {name: value for name, value in rows(finished)[-1].items() if name[:5] == 'eval/'}
    assert found['scores'] == scores and found['scored_at'] == 30


def test_the_run_leaves_the_files_that_the_docs_name(finished):
    names = {path.name for path in finished.iterdir()}
    assert names >= {'config.json', 'metrics.jsonl', 'samples', 'checkpoints', 'status.json'}
    assert (finished / 'report.html').read_bytes().startswith(b'<!doctype html>')
    assert json.loads((finished / 'status.json').read_text())['status'] == 'done'


def test_the_first_picture_waits_for_no_discriminator(tmp_path, monkeypatch):
    def without_rest(*arguments, **options):
        built = setup.build_setup(*arguments, **options)
        return built._replace(program=built.program._replace(init=fail))

    def fail(hyper, generator):
        raise UserError('no discriminator', DATA)

    monkeypatch.setattr(train, 'build_setup', without_rest)
    with pytest.raises(UserError, match='no discriminator'):
        run(tmp_path)
    assert {path.name for path in (tmp_path / 'samples').iterdir()} == {'00000000.png', 'real.png'}


def test_rows_come_once_a_step_in_order_with_the_documented_names(finished):
    table = rows(finished)
    # Logged every 4, evaluated every 10, and both at the end.
    assert [row['step'] for row in table] == [0, 4, 8, 10, 12, 16, 20, 24, 28, 30]
    assert list(table[0]) == [
        'step',
        'eval/fd_digits',
        'eval/fd_digits_floor',
        'eval/modes',
        'eval/modes_min_share',
        'eval/modes_kl',
    ]
    assert set(table[1]) == {
        'step',
        'd/adversarial/real',
        'd/adversarial/fake',
        'd/consistency/real',
        'd/consistency/fake',
        'd/contrastive/real',
        'd/contrastive/fake',
        'g/adversarial/fake',
        *('d/grad_norm', 'd/update_norm', 'g/grad_norm', 'g/update_norm'),
    }
    assert set(table[-1]) == set(table[0]) | set(table[1])


def test_pictures_at_zero_then_on_a_log_scale_then_at_the_interval(finished):
    *steps, real = sorted(path.stem for path in (finished / 'samples').glob('*.png'))
    assert [*map(int, steps)] == [0, 1, 2, 4, 8, 10, 20, 30] and real == 'real'
    picture = np.asarray(Image.open(finished / 'samples' / '00000030.png'))
    side = 3 * (8 * 17 - 1)  # 8 x 8 images of 16 px with a line between, enlarged to 48
    assert picture.shape == (side, side)


def test_the_newest_checkpoints_are_kept(finished):
    steps = sorted(int(path.name) for path in (finished / 'checkpoints').iterdir())
    assert steps == [21, 28, 30]


def test_tensorboard_reads_the_events(finished):
    events = EventAccumulator(str(finished / 'tensorboard'))
    events.Reload()
    logged = [row for row in rows(finished) if 'd/adversarial/real' in row]
    read = events.Scalars('d/adversarial/real')
    assert [event.step for event in read] == [row['step'] for row in logged]
    np.testing.assert_allclose(
        [event.value for event in read], [row['d/adversarial/real'] for row in logged], rtol=1e-6
    )
    assert 'samples' in ' '.join(events.Tags()['images'])


def test_a_finished_run_is_left_alone(finished, capsys):
    before = {p: p.read_bytes() for p in finished.glob('metrics.jsonl')}
    assert run(finished) == 0
    assert {p: p.read_bytes() for p in before} == before
    assert 'done: 30 steps' in capsys.readouterr().out


def alter(monkeypatch, change):
    """Lets `change` make another setup of the setup of every run."""
    build = train.build_setup
    monkeypatch.setattr(
        train, 'build_setup', lambda *args, **options: change(build(*args, **options))
    )


def interrupt_after(monkeypatch, stop):
    """A real SIGTERM to this process, when step `stop` has been started."""

    def interrupting(setup):
        def update(state, step, *rest):
            if step + 1 == stop:
                os.kill(os.getpid(), signal.SIGTERM)
            return setup.program.update(state, step, *rest)

        return setup._replace(program=setup.program._replace(update=update))

    alter(monkeypatch, interrupting)


# After the first step, at a log, at an evaluation, one before the end. (That the data goes on in
# mid-epoch and over an epoch's end is seen below.)
@pytest.mark.parametrize(
    'stop', [20, *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 8, 29))]
)
def test_a_run_stopped_by_sigterm_resumes_to_the_same_bits(
    stop, finished, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        interrupt_after(patch, stop)
        assert run(tmp_path) == 143
    told = workdir.read_status(tmp_path)
    assert (told['status'], told['step']) == ('stopped', stop)
    assert record(tmp_path, stop)['step'] == stop  # no step is lost
    assert record(tmp_path, stop)['seen'] is False  # nothing is begun that may take long
    # In programs of its own, as another process would.
    monkeypatch.setattr(train, 'build_setup', setup.build_setup)
    capsys.readouterr()
    assert run(tmp_path) == 0
    assert f'{tmp_path} goes on from step {stop} of 30\n' in capsys.readouterr().out
    assert rows(tmp_path) == rows(finished)
    assert record(tmp_path, 30)['leaves'] == record(finished, 30)['leaves']


def test_a_signal_before_there_is_anything_to_save_is_answered_too(tmp_path, monkeypatch, capsys):
    original = resume.resume

    def interrupting(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments)

    monkeypatch.setattr(resume, 'resume', interrupting)
    assert run(tmp_path) == 143
    said = f'stopped at step 0 in {tmp_path}; the same command goes on from there\n'
    assert capsys.readouterr().out.endswith(said)
    assert not (tmp_path / 'config.json').exists()


@pytest.mark.slow
def test_a_signal_after_the_last_word_leaves_the_run_done(tmp_path, monkeypatch):
    conclude = train.run.Run.conclude

    def interrupting(self):
        conclude(self)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(train.run.Run, 'conclude', interrupting)
    assert run(tmp_path, '--config.steps=1', config=TINY) == 0
    assert workdir.read_status(tmp_path)['status'] == 'done'


@pytest.mark.slow
def test_a_signal_in_the_middle_of_an_evaluation_leaves_no_number(finished, tmp_path, monkeypatch):
    def interrupting(setup):
        def interrupted(state, seed, indices):
            if len(indices) == 100 and 8 in [row['step'] for row in rows(tmp_path)]:
                os.kill(os.getpid(), signal.SIGTERM)
            return setup.generate(state, seed, indices)

        return setup._replace(generate=interrupted)

    with monkeypatch.context() as patch:
        alter(patch, interrupting)
        assert run(tmp_path) == 143
    assert rows(tmp_path)[-1]['step'] == 8
    assert record(tmp_path, 10)['seen'] is False
    assert run(tmp_path) == 0
    assert rows(tmp_path) == rows(finished)


@pytest.mark.slow
def test_resume_across_epochs(tmp_path, monkeypatch):
    """Batches of 700 in 1,437 images: step 2 ends an epoch, step 3 is in the middle of the next."""
    options = ['--config.batch_size=700', '--config.steps=5', '--config.every.evaluate=5']
    straight, broken = tmp_path / 'straight', tmp_path / 'broken'
    assert run(straight, *options) == 0
    for stop in (2, 3):
        with monkeypatch.context() as patch:
            interrupt_after(patch, stop)
            assert run(broken, *options) == 143
    assert run(broken, *options) == 0
    assert rows(broken) == rows(straight)
    assert record(broken, 5)['leaves'] == record(straight, 5)['leaves']


def test_rows_past_the_checkpoint_and_a_torn_line_are_written_again(finished, tmp_path):
    shutil.copytree(finished, tmp_path / 'run')
    shutil.rmtree(tmp_path / 'run' / 'checkpoints' / '30')
    with (tmp_path / 'run' / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 31, "d/adv')
    assert run(tmp_path / 'run') == 0
    assert rows(tmp_path / 'run') == rows(finished)


def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_it_used(finished, tmp_path, capsys):
    folder = tmp_path / 'run'
    shutil.copytree(finished, folder)
    (folder / 'checkpoints' / '30' / 'state' / 'manifest.ocdbt').unlink()
    assert run(folder) == 0
    assert 'step 30 is damaged' in capsys.readouterr().err
    assert (folder / 'quarantine' / '30').is_dir()
    assert rows(folder) == rows(finished)
    assert record(folder, 30)['leaves'] == record(finished, 30)['leaves']


def test_no_valid_checkpoint_is_an_error_and_never_a_fresh_start(finished, tmp_path):
    folder = tmp_path / 'run'
    shutil.copytree(finished, folder)
    for file in folder.glob('checkpoints/*/record/metadata'):
        file.write_bytes(b'{}')
    with pytest.raises(UserError, match='holds no sound checkpoint') as caught:
        run(folder)
    assert caught.value.status == DATA


@pytest.mark.slow
def test_another_config_in_the_same_workdir_is_refused_key_by_key(finished, capsys):
    with pytest.raises(UserError) as caught:
        run(finished, '--config.seed=1', '--config.generator.width=0.125')
    assert caught.value.status == 2
    assert 'seed: 0 -> 1' in str(caught.value)
    assert 'generator.width: 0.0625 -> 0.125' in str(caught.value)


def test_more_steps_and_other_intervals_are_the_same_experiment(finished, tmp_path):
    shutil.copytree(finished, tmp_path / 'run')
    assert run(tmp_path / 'run', '--config.steps=32', '--config.every.log=1') == 0
    assert [row['step'] for row in rows(tmp_path / 'run')][-3:] == [30, 31, 32]


@pytest.mark.slow
def test_a_metric_can_be_added_to_a_run(finished, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 15)
        assert run(tmp_path) == 143
    more = ['--config.evaluate.metrics=fd_digits,diversity', '--config.evaluate.num=120']
    assert run(tmp_path, *more) == 0
    measured = {row['step']: 'eval/diversity' in row for row in rows(tmp_path)}
    assert [step for step, one in measured.items() if one] == [20, 30]
    assert record(tmp_path, 30)['leaves'] == record(finished, 30)['leaves']
    # And the best is chosen anew.
    assert checkpoint.newest_metadata(tmp_path / 'best')['best']['num'] == 120
    assert json.loads((tmp_path / 'config.json').read_text())['evaluate']['num'] == 120


@pytest.mark.slow
def test_a_metric_that_fails_ends_neither_the_run_nor_what_resumes_it(
    finished, tmp_path, monkeypatch
):
    """All else is as it would be, bit for bit."""

    def fail(*arguments):
        raise RuntimeError('out of luck')

    with monkeypatch.context() as patch:
        patch.setitem(digit_metrics.METRICS, 'fd_digits', lambda *_: fail)
        patch.setattr(train, 'make_evaluator', evaluation.make_evaluator)
        interrupt_after(patch, 15)
        assert run(tmp_path) == 143
    failed = rows(tmp_path)[3]
    why = 'fd_digits, modes failed at step 10: RuntimeError: out of luck'
    assert failed == {
        'step': 10,
        'eval/fd_digits': None,
        'eval/modes': None,
        'eval_failed': why,
    }
    assert workdir.read_status(tmp_path)['eval_failed'] == why
    assert run(tmp_path) == 0
    assert rows(tmp_path)[4:] == rows(finished)[4:]
    assert rows(tmp_path)[3] == failed
    assert record(tmp_path, 30)['leaves'] == record(finished, 30)['leaves']
    assert 'eval_failed' not in workdir.read_status(tmp_path)


def test_fewer_steps_than_it_has_are_refused_before_anything_is_written(finished, tmp_path):
    folder = tmp_path / 'run'
    shutil.copytree(finished, folder)
    before = {p: p.read_bytes() for p in folder.rglob('*') if p.is_file() and p.name != '.lock'}
    with pytest.raises(UserError, match='gone to step 30, past config.steps 29: give') as caught:
        run(folder, '--config.steps=29')
    assert caught.value.status == 2
    assert {p: p.read_bytes() for p in before} == before
    assert not {p for p in folder.rglob('*') if p.is_file()} - {*before, folder / '.lock'}


@pytest.mark.slow
def test_other_images_under_the_same_name_are_refused(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / 'run')
    load = data.load

    def altered(*arguments, **options):
        dataset = load(*arguments, **options)
        return dataset._replace(images=255 - dataset.images)

    monkeypatch.setattr(data, 'load', altered)
    monkeypatch.setattr(train, 'build_setup', setup.build_setup)
    with pytest.raises(UserError, match='images of config.data are not those'):
        run(tmp_path / 'run')


def test_a_second_run_in_one_workdir_is_turned_away(tmp_path):
    with workdir.locked(tmp_path), pytest.raises(UserError, match='in use by process') as caught:
        run(tmp_path, config=TINY)
    assert caught.value.status == BUSY
    assert not (tmp_path / 'config.json').exists()


def test_a_workdir_that_is_a_file_is_refused(tmp_path):
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(UserError, match='choose another') as caught:
        run(tmp_path / 'file', config=TINY)
    assert caught.value.status == UNWRITABLE
    assert (tmp_path / 'file').read_text() == 'mine'


def test_a_run_that_diverges_stops_with_the_step_and_keeps_what_was_good(tmp_path):
    with pytest.raises(UserError, match=r'is (nan|inf|-inf) at step') as caught:
        rates = [f'--config.optim.{side}.learning_rate=1e38' for side in 'gd']
        run(tmp_path, *rates, config=TINY)
    assert caught.value.status == DIVERGED
    assert json.loads((tmp_path / 'status.json').read_text())['status'] == 'failed'
    said = str(caught.value)
    assert '; no checkpoint has been saved. ' in said and '--restart' in said
    lower = re.findall(r'--config\.optim\.[gd]\.learning_rate=5e\+37', said)
    assert len(lower) == 2
    better = [flag.replace('5e+37', '0.001') for flag in lower]
    assert run(tmp_path, *better, '--restart', config=TINY) == 0


def test_a_batch_larger_than_the_data_is_refused_before_anything_compiles(tmp_path):
    with pytest.raises(UserError, match='1437 images, fewer than config.batch_size 1438') as caught:
        run(tmp_path, '--config.batch_size=1438')
    assert caught.value.status == DATA


def test_a_batch_that_does_not_divide_among_the_devices_is_refused(tmp_path):
    with pytest.raises(UserError, match='6 does not divide among 4 devices'):
        run(tmp_path, '--config.batch_size=6', '--config.mesh.data=4')


def test_an_empty_name_is_no_workdir(tmp_path, monkeypatch):
    """As a variable of a shell that is not set gives it; as a path it would be this folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match='--workdir names nothing'):
        train.main([CONFIG, '--workdir='])
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize('flag', ['--cluster', '--data_dir'])
def test_an_empty_flag_is_not_the_flag_left_out(flag):
    with pytest.raises(UserError, match=f'{flag} names nothing'):
        train.main([CONFIG, f'{flag}=', '--dry_run'])


@pytest.mark.slow
def test_dry_run_describes_and_writes_nothing(tmp_path, capsys):
    assert train.main([CONFIG, '--dry_run', f'--workdir={tmp_path / "none"}']) == 0
    said = capsys.readouterr().out
    assert '"batch_size": 8' in said
    assert 'contrastive  weight 0.1' in said
    assert 'images: 16x16x1, 10 classes\n' in said
    assert 'views in one pass: 6 for d, 1 for g' in said
    assert re.search(r'generator: [\d,]+ parameters', said)
    assert re.search(r'one step: [\d.e+]+ FLOPs', said)
    assert not (tmp_path / 'none').exists()


@pytest.mark.slow
def test_training_on_digits_imports_no_heavy_package(tmp_path):
    script = (
        'import sys\n'
        'from gan_jax import train\n'
        f'train.main([{CONFIG!r}, "--workdir={tmp_path}", "--config.steps=1"])\n'
        'heavy = {"tensorflow", "tensorflow_datasets", "grain", "matplotlib", "torch"}\n'
        'print("imported:", sorted(heavy & sys.modules.keys()))\n'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == 'imported: []', done.stderr
