"""A run in the codes of an autoencoder: trained, resumed, sampled, evaluated."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from gan_jax import data, prepare, sample, train
from gan_jax.data import autoencoder, codes, prepared
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.run import evaluation, log
from gan_jax.run.observe import GRID
from gan_jax.run.trained import restore_run
from gan_jax.runtime import checkpoint
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.a_fork import autoencoders

pytestmark = pytest.mark.slow

CONFIG = '--config=tests/experiment/codes.py'
PATH = 'tests.a_fork.autoencoders.patches'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('codes')
    assert prepare.main(['--dataset=digits', f'--data_dir={folder}', f'--encode={PATH}']) == 0
    return folder


def run(root, workdir, *flags):
    return train.main([CONFIG, f'--workdir={workdir}', f'--config.data.dir={root}', *flags])


@pytest.fixture(scope='module')
def trained(root):
    """The workdir of four steps in one go."""
    assert run(root, root / 'whole') == 0
    return root / 'whole'


def leaves_of(workdir):
    return checkpoint.restore_leaves(workdir / 'checkpoints', '').state


def pixels(path):
    return np.asarray(Image.open(path))


def same(a, b):
    one, two = leaves_of(a), leaves_of(b)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    np.testing.assert_array_equal(*(pixels(x / 'samples/00000004.png') for x in (a, b)))


def test_a_run_resumes_bit_for_bit_and_codes_on_the_disk_give_the_same(root, trained, monkeypatch):
    monkeypatch.setattr(prepared, 'MEMORY', 1000)  # the codes are streamed
    halves = root / 'halves'
    assert run(root, halves, '--config.steps=2') == 0
    assert run(root, halves) == 0
    same(trained, halves)


def test_sample_draws_the_images_of_the_run_without_any_data(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [f'--workdir={trained}', f'--num={GRID}', '--out=x.png']
    with pytest.raises(UserError, match='--allow=tests'):
        sample.main(flags)
    monkeypatch.setattr(codes, 'attached', None)
    assert sample.main([*flags, '--allow=tests']) == 0
    drawn = pixels('x.png')
    np.testing.assert_array_equal(drawn, pixels(trained / 'samples/00000004.png'))
    assert drawn.std() > 5  # decoded: images of 16 pixels, three to one, and lines between them
    assert drawn.shape == (8 * (16 + 1) * 3 - 3,) * 2


def test_evaluate_finds_the_numbers_of_the_run_against_the_images(root, trained):
    flags = [f'--workdir={trained}', '--allow=tests', f'--data_dir={root}']
    assert evaluate.main([*flags, '--metrics=fd_digits']) == 0
    (file,) = (trained / 'results').glob('*.json')
    found = json.loads(file.read_text())
    row = log.read_rows(trained / 'metrics.jsonl')[-1]
    assert found['metrics']['fd_digits'] == row['eval/fd_digits']
    assert found['protocol']['reference_digest'] == data.digest(data.load('digits'))
    assert row['eval/gsnr'] > 0
    with pytest.raises(UserError, match="'overfitting' shows the discriminator images"):
        evaluate.main([*flags, '--metrics=overfitting'])


def test_truncated_images_and_paths_are_decoded(root, trained):
    run = restore_run(trained, 'last', ('tests',), data_dir=root)
    state = run.checkpoint.state
    cut = evaluate._truncated(run.setup, 'truncation', 2.0)
    assert next(cut.generate(state, 0, range(2))).shape == (2, 16, 16, 1)
    a, b = evaluation._pairs(run.setup).paths('z')(state, 0)
    assert a.shape == b.shape == (100, 16, 16, 1)
    assert 0 < float(abs(a - b).max()) < 0.01


def test_a_run_goes_on_with_its_own_codes_and_weights_alone(root, trained, tmp_path, monkeypatch):
    workdir, other = tmp_path / 'copy', tmp_path / 'other'
    shutil.copytree(trained, workdir)
    with pytest.raises(UserError, match='are not encoded') as caught:
        run(other, workdir, '--config.steps=5')
    assert caught.value.status == MISSING
    changed = autoencoders.patches()
    turned = {**changed.variables, 'basis': -changed.variables['basis']}

    def patches() -> autoencoder.Autoencoder:
        return changed._replace(variables=turned)

    monkeypatch.setattr(autoencoders, 'patches', patches)
    with pytest.raises(UserError, match='other weights than those') as caught:
        run(root, workdir, '--config.steps=5')
    assert caught.value.status == DATA
    with pytest.raises(UserError, match='other weights than those'):
        sample.main([f'--workdir={workdir}', f'--out={tmp_path}/x.png', '--allow=tests'])


def test_a_dry_run_says_what_the_networks_see(root, capsys):
    assert run(root, root / 'none', '--dry_run') == 0
    out = capsys.readouterr().out
    assert 'images: 16x16x1, 10 classes' in out
    assert f'codes that the networks see: 8x8x3 in float16, by {PATH}' in out
