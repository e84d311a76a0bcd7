"""A dry run refuses what training would, in its words, and says what it could not look at."""

import re
from pathlib import Path

import numpy as np
import pytest

from gan_jax import train
from gan_jax.evaluate import weights
from gan_jax.experiment import summary
from gan_jax.runtime.errors import MISSING, UNAVAILABLE, USAGE, UserError

TINY = f'--config={Path(__file__).parents[1] / "sweeps" / "tiny.py"}:method=none'

REFUSED = {
    'evaluate.metrics=fd_digit': (USAGE, "no metric 'fd_digit'"),
    'evaluate.full=pr3_test@digits': (USAGE, "'pr3_test@digits' is of too few images"),
    'evaluate.full=intra_kd100_train@digits': (USAGE, 'the generator takes none'),
    'evaluate.full=leak@flip': (USAGE, 'name the folder of their runs'),
    'evaluate.full=fid2048_test': (UNAVAILABLE, 'none.pth, which is no file'),
    'evaluate.num=63': (USAGE, '63 images in 64 features'),
    'data.name=./nowhere': (MISSING, 'nowhere'),
    'data.name=digts': (USAGE, "no data set 'digts'"),
}


@pytest.mark.slow
@pytest.mark.parametrize('override', REFUSED)
def test_what_training_refuses(override, tmp_path, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, 'none.pth')
    monkeypatch.chdir(tmp_path)
    flags, told = [TINY, f'--config.{override}'], []
    for more in ('--dry_run', f'--workdir={tmp_path}/run'):
        with pytest.raises(UserError) as caught:
            train.main([*flags, more])
        told.append((caught.value.status, str(caught.value)))
    assert told[0] == told[1]
    status, said = REFUSED[override]
    assert told[0][0] == status and re.search(said, told[0][1])
    assert not (tmp_path / 'run').exists()


def test_all_metrics_are_checked_before_any_is_prepared(tmp_path, monkeypatch):
    """Those of the full protocol too, whose preparation comes last."""
    prepared = []
    monkeypatch.setattr('gan_jax.evaluate.digit_metrics.prepare', lambda *_: prepared.append(1))
    with pytest.raises(UserError, match='name the folder of their runs'):
        train.main([TINY, '--config.evaluate.full=leak@flip', f'--workdir={tmp_path}'])
    assert not prepared


def test_it_says_that_the_metrics_have_what_they_need(capsys):
    assert train.main([TINY, '--dry_run']) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == 'metrics: fd_digits,modes; what they need is there'
    assert train.main([TINY, '--config.evaluate.metrics=', '--dry_run']) == 0
    assert capsys.readouterr().out.splitlines()[-1] == 'metrics: none'


@pytest.mark.slow
def test_it_warns_of_data_without_content_that_are_here(tmp_path, capsys):
    np.savez(tmp_path / 'black.npz', images=np.zeros((40, 16, 16, 1), np.uint8))
    black = f'--config.data.name={tmp_path}/black.npz'
    asked = [TINY, '--config.evaluate.metrics=', '--dry_run']
    assert train.main([*asked, black]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith('warning: ')]
    assert len(said) == 1 and 'are all black' in said[0]
    for away in ('digits', 'kmnist'):
        more = [f'--config.data.name={away}', f'--config.data.dir={tmp_path}']
        assert train.main([*asked, *more]) == 0
        assert 'black' not in capsys.readouterr().out


def test_of_data_that_are_not_here_it_says_what_was_not_checked(tmp_path, capsys):
    away = ['--config.data.name=kmnist', f'--config.data.dir={tmp_path}']
    assert train.main([TINY, *away, '--config.evaluate.metrics=knn', '--dry_run']) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "metrics: knn; not checked are splits, labels and numbers of images, since 'kmnist' is "
        'not here'
    )
    with pytest.raises(UserError, match="means nothing on 'kmnist'"):
        train.main([TINY, *away, '--dry_run'])


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        ({}, '40 of mine, 8x8x3, no labels'),
        ({'classes': 2, 'held_out': 1}, '40 of mine, 8x8x3, 2 classes; 1 other is held out'),
        ({'classes': 2, 'held_out': 12}, '40 of mine, 8x8x3, 2 classes; 12 others are held out'),
        ({'label_size': 5}, '40 of mine, 8x8x3, label vectors of 5 numbers'),
    ],
)
def test_images_in_words(more, said):
    images = {'name': 'mine', 'count': 40, 'shape': [8, 8, 3], 'classes': 0, **more}
    rest = {'devices': {'kind': 'cpu', 'count': 1}, 'parameters': {}, 'flops': None}
    found = {**rest, 'images': images, 'batch_size': 4, 'views': {'d': 1, 'g': 1}}
    assert f'images    {said}' in summary.in_words(found).splitlines()[1]
