"""Fakes of unaugmented models, read from the folder of their runs."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from gan_jax import train, trained
from gan_jax.errors import MISSING, UserError
from gan_jax.unaugmented import fakes

SMOKE = Path(__file__).parent / 'smoke.py'
SHORT = ('--config.steps=16', '--config.every.checkpoint=8', '--config.evaluate.metrics=')


@pytest.fixture(scope='module')
def arm(tmp_path_factory):
    folder = tmp_path_factory.mktemp('arm')
    for seed in (0, 1):
        flags = (f'--workdir={folder}/seed={seed}', f'--config.seed={seed}', *SHORT)
        assert train.main([f'--config={SMOKE}:method=none', *flags]) == 0
    return folder


def test_every_checkpoint_of_every_run_is_drawn(arm):
    told = fakes(arm, 7)
    assert [[images.shape for images in model] for model in told] == [[(7, 16, 16, 1)] * 2] * 2
    run = trained.read(arm / 'seed=1', '8', ())
    expected = np.concatenate(list(run.parts.generate(run.checkpoint.state, 1, range(7))))
    np.testing.assert_array_equal(told[1][0], expected)
    assert len({images.tobytes() for model in told for images in model}) == 4


def test_a_folder_without_runs_is_said(tmp_path):
    with pytest.raises(UserError, match='has no runs in it') as caught:
        fakes(tmp_path, 7)
    assert caught.value.status == MISSING


@pytest.mark.parametrize('change', ['method=real_only', 'method=bcr', 'method=rotation'])
def test_a_run_that_was_shown_something_else_is_refused(change, arm, tmp_path):
    shutil.copytree(arm / 'seed=0', tmp_path / 'seed=0')
    flags = (f'--workdir={tmp_path}/run', *SHORT, '--config.steps=1')
    assert train.main([f'--config={SMOKE}:{change}', *flags]) == 0
    with pytest.raises(UserError, match='run was trained with augmentation.*give runs of method='):
        fakes(tmp_path, 7)
