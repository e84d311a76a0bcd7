"""Data that lie elsewhere by now: found by --data_dir, in training, sampling and evaluation."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from gan_jax import data, sample, train
from gan_jax.data.sources import absolute
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.experiment import config
from gan_jax.run import resume
from gan_jax.run.place import refuse_among_images
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.sweeps.train_population import train_population
from tests.data.archives.maker import png

SMOKE = Path(__file__).parent / 'smoke.py'
ALLOW = '--allow=tests'
FLAGS = [f'--config={SMOKE}', '--config.evaluate.metrics=', '--config.every.checkpoint=1']


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with images in `old/pets`, in which the program stands."""
    digits = data.load('digits')
    for number in range(16):
        path = tmp_path / 'old' / 'pets' / 'ab'[number % 2] / f'{number:02}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(digits.images[number, :, :, 0]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(place, *flags, steps=1):
    """Trains to a step; what its checkpoint says of the data."""
    command = [*FLAGS, f'--workdir={place}/run', f'--config.steps={steps}', *flags]
    assert train.main(command) == 0
    return json.loads((place / 'run' / 'config.json').read_text())['data']


@pytest.mark.slow
def test_a_run_finds_its_images_wherever_they_and_the_program_are(place, monkeypatch, capsys):
    kept = trained(place, '--config.data.name=./old/pets')
    assert kept == {**kept, 'name': f'{place}/old/pets', 'dir': ''}
    assert json.loads((place / 'run' / 'classes.json').read_text()) == {'0': 'a', '1': 'b'}

    # From another folder.
    (place / 'elsewhere').mkdir()
    monkeypatch.chdir(place / 'elsewhere')
    draw = [f'--workdir={place}/run', ALLOW, '--num=2', f'--out={place}/grid.png']
    assert sample.main(draw) == 0
    assert '2 images of step 1' in capsys.readouterr().out

    # Moved, and the run with it.
    shutil.move(place / 'old', place / 'new')
    assert sample.main(draw) == 0  # a generator needs no images
    with pytest.raises(UserError) as caught:
        evaluate.main(draw[:2])
    assert caught.value.status == MISSING
    assert str(caught.value) == (
        f'{place}/old/pets does not exist: check the path, or where pets was moved give the folder '
        'that it lies in now by --data_dir=DIR'
    )
    asked = [f'--workdir={place}/run', ALLOW, '--metrics=kd8_train@digits']
    assert evaluate.main([*asked, f'--data_dir={place}/new']) == 0
    assert trained(place, '--config.data.name=../old/pets', '--data_dir=../new', steps=2) == {
        **kept,
        'dir': '../new',
    }

    # By another path, to the same images; and to others.
    trained(place, f'--config.data.name={place}/new/pets', steps=3)
    (place / 'new' / 'pets' / 'a' / '00.png').unlink()
    with pytest.raises(UserError, match='images of config.data are not those that'):
        trained(place, f'--config.data.name={place}/new/pets', steps=4)


@pytest.mark.slow
@pytest.mark.parametrize('below', ['', '/run', '/a/run'])
def test_a_run_does_not_draw_among_its_images(below, place):
    name, folder = '--config.data.name=./old/pets', place / f'old/pets{below}'
    files = sorted((place / 'old').rglob('*'))
    with pytest.raises(UserError, match=f'workdir={folder} lies in {place}/old/pets, whose images'):
        train.main([*FLAGS, name, f'--workdir={folder}'])
    assert sorted((place / 'old').rglob('*')) == files


def test_a_population_does_not_draw_among_its_images(place):
    asked = {'data': {'name': f'{place}/old/pets', 'dir': ''}}
    members = {'a': SimpleNamespace(settings=asked)}
    files = sorted((place / 'old').rglob('*'))
    with pytest.raises(UserError, match='lies in .*/old/pets, whose images'):
        train_population(place / 'old/pets/sweep', members, None, None)
    assert sorted((place / 'old').rglob('*')) == files


@pytest.mark.parametrize('own', ['old', 'old/pets-run', 'old/pets/.runs/1'])
def test_beside_the_images_and_where_none_is_looked_for_a_run_may_be(own, place):
    asked = {'name': f'{place}/old/pets', 'dir': ''}
    refuse_among_images(place / own, asked)
    refuse_among_images(place / own, {'name': 'digits', 'dir': ''})


def test_the_folder_that_it_lies_in_is_what_is_to_be_given(place):
    (place / 'new').mkdir()
    shutil.move(place / 'old' / 'pets', place / 'new' / 'pets')
    for given in (place / 'new' / 'pets', f'{place}/new/pets/'):
        with pytest.raises(UserError) as caught:
            data.load('./old/pets', given)
        assert str(caught.value).startswith(f'{place}/old/pets does not exist, nor does {place}')
        assert f'give --data_dir={place}/new, the folder that it lies in' in str(caught.value)
    assert len(data.load('./old/pets', 'new').images) == 16
    assert len(data.load(f'{place}/none/pets/', f'{place}/new').images) == 16


def test_what_lies_in_data_dir_comes_first_and_else_the_path_counts(place):
    shutil.copytree(place / 'old' / 'pets', place / 'new' / 'pets')
    (place / 'new' / 'pets' / 'a' / '00.png').unlink()
    assert len(data.load('old/pets', place / 'new').images) == 15
    assert len(data.load('old/pets', place / 'elsewhere').images) == 16
    assert len(data.load('old/pets', '').images) == 16


@pytest.mark.parametrize(
    ('name', 'kept'),
    [
        ('digits', 'digits'),
        ('photos', 'photos'),
        ('./photos', '{0}/photos'),
        ('../photos/', '{1}/photos'),
        ('PHOTOS.ZIP', '{0}/PHOTOS.ZIP'),
        ('/a/b', '/a/b'),
        ('', ''),
    ],
)
def test_a_path_is_kept_whole_and_a_name_as_it_is(name, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = kept.format(tmp_path, tmp_path.parent)
    assert absolute(name) == kept
    assert config.load_config(str(SMOKE), [f'--config.data.name={name}']).data.name == kept


def test_a_home_is_that_of_who_runs_it(monkeypatch):
    monkeypatch.setenv('HOME', '/mine')
    assert absolute('~/photos') == '/mine/photos'


def test_only_the_path_of_images_may_change():
    def other(name, **more):
        return {'data': {'name': name, 'size': 8}, 'seed': 0, **more}

    assert resume.differences(other('/a/x'), other('b/x')) == []
    assert resume.differences(other('/a/x'), other('/b/x', seed=1)) == ['seed: 0 -> 1']
    assert resume.differences(other('digits'), other('/b/x')) == ["data.name: 'digits' -> '/b/x'"]
    assert resume.differences(other(5), other('/b/x')) == ["data.name: 5 -> '/b/x'"]
