"""Fakes of unaugmented models, read from the folder of their runs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gan_jax import data, train
from gan_jax.evaluate.context import Unaugmented
from gan_jax.evaluate.leak import metric
from gan_jax.experiment import config
from gan_jax.experiment.setup import build_setup
from gan_jax.run import trained, unaugmented
from gan_jax.run.evaluation import make_evaluator
from gan_jax.run.unaugmented import fakes
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.errors import DATA, MISSING, UserError

pytestmark = pytest.mark.usefixtures('quick')

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
SHORT = ('--config.steps=16', '--config.every.checkpoint=8', '--config.evaluate.metrics=')
TRAIN = data.load('digits', size=8)
ALLOW = ('tests',)


@pytest.fixture(scope='module')
def arm(tmp_path_factory):
    folder = tmp_path_factory.mktemp('arm')
    for seed in (0, 1):
        flags = (f'--workdir={folder}/seed={seed}', f'--config.seed={seed}', *SHORT)
        assert train.main([f'--config={TINY}:method=none', *flags]) == 0
    return folder


def judged(*changes):
    flags = [f'--config.{change}' for change in ('seed=5', *changes)]
    return json.loads(config.load_config(str(TINY), flags).to_json())


def drawn(run, step, seed):
    found = trained.restore_run(run, step, ALLOW)
    return np.concatenate(list(found.setup.generate(found.checkpoint.state, seed, range(7))))


def told_of(folder, settings, images=TRAIN):
    return fakes(folder, 7, settings, images, allow=ALLOW)


@pytest.mark.slow
def test_every_checkpoint_of_every_run_is_drawn(arm):
    told = told_of(arm, judged())
    assert [[images.shape for images in model.images] for model in told] == [[(7, 8, 8, 1)] * 2] * 2
    np.testing.assert_array_equal(told[1].images[0], drawn(arm / 'seed=1', '8', 1))
    assert len({images.tobytes() for model in told for images in model.images}) == 4
    assert told[1].run == f'{arm}/seed=1'
    assert [one['step'] for one in told[1].checkpoints] == [8, 16]
    newest = trained.restore_run(arm / 'seed=1', 'last', ALLOW).checkpoint
    assert told[1].checkpoints[1]['digest'] == newest.digest


@pytest.mark.slow
def test_they_are_drawn_as_what_is_judged(arm):
    plain, raw = (told_of(arm, judged(*x)) for x in ((), ('evaluate.weights=raw',)))
    assert not np.array_equal(plain[0].images[1], raw[0].images[1])


@pytest.mark.slow
def test_nothing_calibrates_itself_and_nothing_that_is_not_finished(arm, tmp_path):
    itself = {**workdir.read_config(arm / 'seed=0'), 'steps': 99}
    assert [model.run for model in told_of(arm, itself)] == [f'{arm}/seed=1']
    shutil.copytree(arm / 'seed=0', tmp_path / 'a')
    shutil.copytree(arm / 'seed=1', tmp_path / 'b')
    workdir.write_status(tmp_path / 'b', 'running', 8)
    assert [model.run for model in told_of(tmp_path, judged())] == [f'{tmp_path}/a']


@pytest.mark.slow
def test_runs_that_were_set_aside_or_lie_far_below_are_not_looked_for(arm, tmp_path):
    shutil.copytree(arm / 'seed=1', tmp_path / 'seed=1')
    shutil.copytree(arm / 'seed=0', tmp_path / 'seed=1' / 'earlier' / 'run')
    shutil.copytree(arm / 'seed=0', tmp_path / 'a' / 'b' / 'c' / 'd')
    assert [model.run for model in told_of(tmp_path, judged())] == [f'{tmp_path}/seed=1']


def test_a_folder_without_runs_is_said(tmp_path):
    with pytest.raises(UserError, match='has no finished run') as caught:
        told_of(tmp_path, judged())
    assert caught.value.status == MISSING


def test_runs_on_other_images_are_refused(arm):
    other = TRAIN._replace(images=255 - TRAIN.images)
    with pytest.raises(UserError, match='seed=0 was trained on other images'):
        told_of(arm, judged(), other)


def test_of_no_images_the_runs_are_looked_at_and_nothing_is_drawn(arm, monkeypatch):
    monkeypatch.setattr(checkpoint, 'restore', _only_the_newest(checkpoint.restore))
    told = fakes(arm, 0, judged(), TRAIN, allow=ALLOW)
    assert [(model.run, model.images) for model in told] == [
        (f'{arm}/seed={seed}', []) for seed in (0, 1)
    ]


def _only_the_newest(restore):
    def restored(*arguments, step=None, **options):
        assert step is None
        return restore(*arguments, **options)

    return restored


# What is left of a checkpoint that somebody has begun to delete.
HALF = {
    'no state': ('state',),
    'no record': ('record',),
    'nothing': ('state', 'record', '_CHECKPOINT_METADATA'),
    'no arrays': ('state/d', 'state/ocdbt.process_0', 'state/manifest.ocdbt'),
}


@pytest.mark.slow
@pytest.mark.parametrize('step', [8, 16])
@pytest.mark.parametrize('half', HALF)
def test_a_half_deleted_checkpoint_is_left_out_and_that_is_said(half, step, arm, tmp_path, capfd):
    folder = shutil.copytree(arm / 'seed=1', tmp_path / 'runs' / 'seed=1')
    _remove(folder / 'checkpoints' / str(step), HALF[half])
    (model,) = told_of(tmp_path / 'runs', judged())
    assert [one['step'] for one in model.checkpoints] == [24 - step]
    assert len(model.images) == 1
    assert f'step {step} in {folder}/checkpoints is damaged and left out' in capfd.readouterr().err


def _remove(folder, names):
    for name in names:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


@pytest.mark.parametrize('count', [0, 7])
@pytest.mark.parametrize(
    ('loss', 'said', 'status'),
    [
        (('checkpoints/8/state', 'checkpoints/16/state'), 'checkpoints of steps 16, 8', DATA),
        (('checkpoints',), 'no checkpoint any more', DATA),
        (('config.json',), 'config.json does not exist', MISSING),
    ],
)
def test_a_model_that_cannot_be_read_is_named(count, loss, said, status, arm, tmp_path):
    folder = shutil.copytree(arm / 'seed=1', tmp_path / 'seed=1')
    _remove(folder, loss)
    with pytest.raises(UserError, match=said) as caught:
        fakes(tmp_path, count, judged(), TRAIN, allow=ALLOW)
    assert caught.value.status == status
    assert str(caught.value).startswith(f'the unaugmented model in {folder} cannot calibrate')


@pytest.mark.slow
@pytest.mark.parametrize('change', ['real_only', 'bcr', 'rotation'])
def test_a_run_that_was_shown_something_else_is_refused(change, arm, tmp_path):
    shutil.copytree(arm / 'seed=0', tmp_path / 'seed=0')
    flags = (f'--workdir={tmp_path}/run', *SHORT, '--config.steps=1')
    assert train.main([f'--config={TINY}:method={change}', *flags]) == 0
    with pytest.raises(UserError, match='run was trained with augmentation.*runs of method=none'):
        told_of(tmp_path, judged())


@pytest.mark.slow
def test_the_folder_of_the_config_reaches_the_meter(tmp_path, monkeypatch):
    asked = []

    def found(folder, count, settings, reference, *, allow, progress):
        asked.append((folder, count, settings['seed'], data.digest(reference)))
        rng = np.random.default_rng(0)
        noise = [rng.integers(0, 256, (count, 8, 8, 1), np.uint8) for _ in range(5)]
        return [Unaugmented(f'{i}', [{'step': 1}], [x]) for i, x in enumerate(noise)]

    monkeypatch.setattr(unaugmented, 'fakes', found)
    monkeypatch.setattr(metric, 'learn', lambda images, policy: lambda x: x.mean(axis=(1, 2, 3)))
    asking = build_setup(judged(f'evaluate.unaugmented={tmp_path}'))
    prepared = make_evaluator(asking).prepare('leak@translation(0.2)')
    # Looked at, and then drawn.
    assert asked == [(tmp_path, count, 5, data.digest(TRAIN)) for count in (0, 100)]
    assert prepared.num == 100
    without = build_setup(judged())
    with pytest.raises(UserError, match='name the folder of their runs'):
        make_evaluator(without).prepare('leak@translation(0.2)')
