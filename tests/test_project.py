"""Pictures in w, through the public command."""

import numpy as np
import pytest
from PIL import Image

from gan_jax import project, sample, train
from gan_jax.runtime.errors import DATA, MISSING, UNWRITABLE, UserError
from tests import styled

pytestmark = [pytest.mark.usefixtures('quick'), pytest.mark.slow]


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    return styled.trained(tmp_path_factory.mktemp('styled'), 2, truncation=0.5)


@pytest.fixture(scope='module')
def drawn(trained):
    out = trained.parent / 'drawn'
    assert sample.main([f'--workdir={trained}', f'--out={out}', '--num=2', '--allow=tests']) == 0
    return out


def run(workdir, images, out, *flags):
    steps = '--steps=50'
    arguments = [f'--workdir={workdir}', f'--images={images}', f'--out={out}', '--allow=tests']
    return project.main([*arguments, steps, *flags])


def test_pictures_come_back_beside_their_images(trained, drawn, tmp_path, capsys):
    assert run(trained, drawn, tmp_path / 'out') == 0
    found = np.load(tmp_path / 'out' / 'w.npz')
    assert found['names'].tolist() == ['0.png', '1.png']
    assert found['w'].shape == (2, 8) and found['w'].dtype == np.float32
    lines = capsys.readouterr().out.splitlines()
    for line, name, after in zip(lines, found['names'], found['distance'], strict=False):
        before = float(line.split()[2])
        assert line.startswith(f'{name}: distance ') and line.endswith(f'{after:.4g} from its own')
        assert after < before
    assert lines[-1] == f'2 of step 2 in {tmp_path / "out"}'
    pairs = np.asarray(Image.open(tmp_path / 'out' / 'pairs.png'))
    target = np.asarray(Image.open(drawn / '1.png')).repeat(6, 0).repeat(6, 1)
    assert pairs.shape == (48, 4 * 54 - 6)
    np.testing.assert_array_equal(pairs[:, 2 * 54 : 2 * 54 + 48], target)


def test_one_picture_of_another_size(trained, tmp_path):
    Image.new('L', (30, 20), 90).save(tmp_path / 'flat.png')
    assert run(trained, tmp_path / 'flat.png', tmp_path / 'out', '--label=3') == 0
    first = np.load(tmp_path / 'out' / 'w.npz')
    assert run(trained, tmp_path / 'flat.png', tmp_path / 'again', '--label=3') == 0
    np.testing.assert_array_equal(first['w'], np.load(tmp_path / 'again' / 'w.npz')['w'])
    assert run(trained, tmp_path / 'flat.png', tmp_path / 'other', '--label=4') == 0
    assert not np.array_equal(first['w'], np.load(tmp_path / 'other' / 'w.npz')['w'])


def test_what_is_found_before_a_failure_is_kept(trained, drawn, tmp_path, monkeypatch):
    made, truncations, names = project.make_project, [], []

    def failing(network, **options):
        truncations.append(network.truncation)
        one = made(network, **options)

        def project_one(*given):
            names.append(len(names))
            if len(names) == 2:
                raise KeyboardInterrupt
            return one(*given)

        return project_one

    monkeypatch.setattr(project, 'make_project', failing)
    monkeypatch.setattr(project, 'SHOWN', 1)
    with pytest.raises(KeyboardInterrupt):
        run(trained, drawn, tmp_path / 'out')
    assert truncations == [1.0]  # in place of 0.5: w itself is looked for
    assert np.load(tmp_path / 'out' / 'w.npz')['names'].tolist() == ['0.png']
    pairs = np.asarray(Image.open(tmp_path / 'out' / 'pairs.png'))
    assert pairs.shape == (48, 2 * 54 - 6)


def refused(trained, images, out):
    with pytest.raises(UserError) as caught:
        run(trained, images, out)
    return caught.value


def test_what_is_no_picture_is_said(trained, drawn, tmp_path):
    error = refused(trained, tmp_path / 'nothing', tmp_path / 'out')
    assert (str(error), error.status) == (
        f'{tmp_path / "nothing"} does not exist: check the path',
        MISSING,
    )
    (tmp_path / 'empty').mkdir()
    error = refused(trained, tmp_path / 'empty', tmp_path / 'out')
    assert 'holds 0 pictures: give from 1 to 1000' in str(error) and error.status == MISSING
    (tmp_path / 'bad.png').write_bytes(b'no picture')
    error = refused(trained, tmp_path / 'bad.png', tmp_path / 'out')
    assert str(error).startswith('bad.png') and error.status == DATA
    assert not (tmp_path / 'out').exists()
    error = refused(trained, drawn, drawn)
    assert str(error).startswith(f'--out={drawn} is a folder that holds 0.png and 1 more')
    (tmp_path / 'file').write_text('')
    error = refused(trained, drawn / '0.png', tmp_path / 'file')
    assert error.status == UNWRITABLE


def test_a_generator_without_w_is_refused(tmp_path, drawn):
    flags = [f'--config={styled.TINY}:method=none', '--config.steps=1']
    assert train.main([*flags, f'--workdir={tmp_path / "run"}']) == 0
    error = refused(tmp_path / 'run', drawn, tmp_path / 'out')
    assert 'is Generator, which has no w to look in: give the workdir of a StyleGAN2' in str(error)
