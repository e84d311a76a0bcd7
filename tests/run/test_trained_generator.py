"""A generator restored alone: the same images as with the whole run, and what it does without."""

import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from gan_jax import data, train
from gan_jax.data.autoencoder import PLAIN
from gan_jax.experiment import setup
from gan_jax.run import trained_generator
from gan_jax.run.generators import restore_generator
from gan_jax.run.trained import restore_run
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.sampling.generate import make_generate
from tests.sweeps import tiny

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
ALLOW = ('tests',)
HINGE = {'fn': 'gan_jax.terms.adversarial.hinge', 'weight': 1.0}
TERM = """
from gan_jax.terms.adversarial import hinge
from gan_jax.terms import Term

def mine() -> Term:
    return hinge()
"""
CONFIG = f"""
import importlib.util
spec = importlib.util.spec_from_file_location('tiny', {str(TINY)!r})
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)

def get_config():
    c = tiny.get_config('method=none').unlock()
    c.terms.mine = dict(fn='a_package_of_mine.mine', weight=0.5)
    c.averages = dict(long=dict(halflife_images=50.0))
    return c
"""


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A run with BatchNorm in its generator and a term of a package that is gone by now."""
    place = tmp_path_factory.mktemp('mine')
    (place / 'a_package_of_mine.py').write_text(TERM)
    (place / 'config.py').write_text(CONFIG)
    flags = ['generator.fn=tests.sweeps.tiny.Normed', 'data.size=16', 'steps=4']
    flags += ['latent.fn=gan_jax.latents.truncated', 'latent.threshold=0.5']
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        assert (
            train.main(
                [
                    f'--config={place}/config.py',
                    f'--workdir={place}/run',
                    *(f'--config.{flag}' for flag in flags),
                ]
            )
            == 0
        )
        whole = restore_run(place / 'run', 'last', (*ALLOW, 'a_package_of_mine'))
    sys.modules.pop('a_package_of_mine')
    importlib.invalidate_caches()
    return place / 'run', whole


def images(found, seed=3, count=120):
    generate = make_generate(
        found.network,
        latent_dim=found.latent_dim,
        class_counts=found.class_counts,
        latent=found.latent,
        batch_norm=found.batch_norm,
    )
    return np.concatenate(list(generate(found.variables, seed, range(count))))


def test_the_package_of_the_term_is_gone():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('a_package_of_mine')


@pytest.mark.slow
@pytest.mark.parametrize('weights', ['ema', 'raw', 'long'])
@pytest.mark.parametrize('batch_norm', ['moving', 'batch', 'standing(2)'])
def test_the_images_are_those_of_the_whole_run(run, weights, batch_norm):
    folder, whole = run
    settings = {**whole.setup.settings}
    settings['evaluate'] = {**settings['evaluate'], 'weights': weights, 'batch_norm': batch_norm}
    draw = setup.make_sampler(whole.setup.experiment, settings, PLAIN)
    expected = np.concatenate(list(draw(whole.checkpoint.state, 3, range(120))))
    found = restore_generator(folder, 'last', ALLOW, weights=weights, batch_norm=batch_norm)
    assert images(found).tobytes() == expected.tobytes()


def test_an_average_that_the_run_has_not_is_refused(run):
    with pytest.raises(UserError, match="--weights is 'short', and .* 'ema', 'raw' or 'long'"):
        restore_generator(run[0], 'last', ALLOW, weights='short')


def test_it_asks_for_no_data_and_no_step(run, monkeypatch):
    monkeypatch.setattr(data, 'load', lambda *_, **__: pytest.fail('data are loaded'))
    monkeypatch.setattr(setup, 'make_program', lambda *_, **__: pytest.fail('a step is built'))
    found = restore_generator(run[0], 'last', ALLOW)
    assert (found.step, found.latent_dim) == (4, 4)
    assert sum(found.class_counts) == 1437  # as often as in the data
    assert found.class_names == [f'{n}' for n in range(10)]


def test_only_its_own_leaves_are_read(run, monkeypatch):
    read = []
    verified = checkpoint._verified
    monkeypatch.setattr(
        checkpoint, '_verified', lambda *args: read.append({*args[-1]}) or verified(*args)
    )
    restore_generator(run[0], 'last', ALLOW)
    ((*names,),) = read
    assert names and all(name.startswith('ema/') for name in names)


@pytest.mark.parametrize('block', ['generator', 'latent'])
def test_a_block_that_names_foreign_code_is_refused(run, tmp_path, block):
    shutil.copytree(run[0], tmp_path / 'run')
    settings = workdir.read_config(tmp_path / 'run')
    settings[block] = {**settings[block], 'fn': 'os.system', 'command': 'x'}
    workdir.write_json(tmp_path / 'run' / 'config.json', settings)
    with pytest.raises(UserError, match=rf"config.json: config.{block}.fn: 'os.system' is code"):
        restore_generator(tmp_path / 'run', 'last', ALLOW)


@pytest.mark.parametrize('restore', [restore_generator, restore_run])
@pytest.mark.parametrize('step', ['last', '4'])
def test_an_edited_config_is_told_by_its_key_and_not_by_a_leaf(run, tmp_path, restore, step):
    shutil.copytree(run[0], tmp_path / 'run')
    settings = workdir.read_config(tmp_path / 'run')
    settings['latent']['dim'], settings['terms'] = 5, {'adversarial': HINGE}
    workdir.write_json(tmp_path / 'run' / 'config.json', settings)
    with pytest.raises(UserError, match='config.json is not the config .*: undo') as caught:
        restore(tmp_path / 'run', step, ALLOW)
    assert '\n  latent.dim: 4 -> 5' in str(caught.value)
    assert caught.value.status == DATA


def test_code_that_has_changed_since_is_told_by_the_leaf(run, monkeypatch):
    other = tiny.Generator(shape=(16, 16, 1), dtype='float32')
    monkeypatch.setattr(trained_generator, 'build_generator', lambda *_: other)
    with pytest.raises(UserError, match='does not fit this code: .* and absent here') as caught:
        restore_generator(run[0], 'last', ALLOW)
    assert caught.value.status == DATA


def test_a_checkpoint_of_an_earlier_version_is_refused(run, monkeypatch):
    record = checkpoint._record

    def earlier(folder, step):
        return {k: v for k, v in record(folder, step).items() if k != 'images'}

    monkeypatch.setattr(checkpoint, '_record', earlier)
    with pytest.raises(UserError, match='was saved by an earlier version, without the shape'):
        restore_generator(run[0], 'last', ALLOW)


@pytest.mark.slow
def test_a_name_with_a_slash_in_it_is_one_name(tmp_path):
    """The vector of spectral normalisation is called 'kernel/u'."""
    flags = ['generator.fn=tests.sweeps.tiny.Spectral', 'data.size=16', 'steps=2']
    command = [f'--config={TINY}:method=none', f'--workdir={tmp_path}/run']
    assert train.main([*command, *(f'--config.{flag}' for flag in flags)]) == 0
    whole = restore_run(tmp_path / 'run', 'last', ALLOW)
    draw = setup.make_sampler(whole.setup.experiment, whole.setup.settings, PLAIN)
    expected = np.concatenate(list(draw(whole.checkpoint.state, 3, range(4))))
    found = restore_generator(tmp_path / 'run', 'last', ALLOW)
    assert images(found, count=4).tobytes() == expected.tobytes()


# Latents that are made of the training images ----------------------------------------------------


@pytest.fixture(scope='module')
def conditioned(tmp_path_factory):
    """A run of IC-GAN with a part of the digits."""
    place = tmp_path_factory.mktemp('conditioned')
    flags = ['data.fraction=0.1', 'data.size=16', f'data.dir={place}', 'steps=2', 'latent.dim=70']
    flags += ['latent.fn=gan_jax.instances.instances', 'latent.neighbours=5']
    flags += ['logit.fn=gan_jax.models.instances.InstanceLogit']
    command = [f'--config={TINY}:method=none', f'--workdir={place}/run']
    assert train.main([*command, *(f'--config.{flag}' for flag in flags)]) == 0
    return place / 'run', place


@pytest.mark.slow
def test_they_are_made_anew_of_the_images_of_the_run(conditioned, tmp_path):
    folder, place = conditioned
    whole = restore_run(folder, 'last', ALLOW, data_dir=place)
    draw = setup.make_sampler(whole.setup.experiment, whole.setup.settings, PLAIN)
    expected = np.concatenate(list(draw(whole.checkpoint.state, 3, range(4))))
    found = restore_generator(folder, 'last', ALLOW, data_dir=tmp_path)
    assert images(found, count=4).tobytes() == expected.tobytes()
    assert [one.name for one in tmp_path.iterdir()] == ['references']


def test_what_they_are_made_of_is_kept_where_the_config_cannot_say(
    conditioned, tmp_path, monkeypatch
):
    folder, place = conditioned
    monkeypatch.setenv('GAN_JAX_DATA', str(tmp_path))
    before = {file: file.stat().st_mtime_ns for file in place.rglob('*')}
    restore_generator(folder, 'last', ALLOW)
    assert (tmp_path / 'references').is_dir()
    assert before == {file: file.stat().st_mtime_ns for file in place.rglob('*')}


def test_other_images_than_those_of_the_run_are_refused(conditioned, tmp_path, monkeypatch):
    load = data.load

    def other(*arguments, **options):
        found = load(*arguments, **options)
        images = found.images.copy()
        images[:, 0, 0] ^= 1
        return found._replace(images=images)

    monkeypatch.setattr(data, 'load', other)
    with pytest.raises(UserError, match="the images of 'digits' are not those that .* by --data_d"):
        restore_generator(conditioned[0], 'last', ALLOW, data_dir=tmp_path)


def test_a_data_block_with_faults_is_told_when_it_is_needed(run, conditioned, tmp_path):
    for folder, is_needed in ((run[0], False), (conditioned[0], True)):
        shutil.copytree(folder, tmp_path / folder.parent.name)
        settings = workdir.read_config(tmp_path / folder.parent.name)
        settings['data']['dir'] = 3
        workdir.write_json(tmp_path / folder.parent.name / 'config.json', settings)
        if is_needed:
            with pytest.raises(UserError, match='config.json: config.data.dir is 3: give a text'):
                restore_generator(tmp_path / folder.parent.name, 'last', ALLOW)
        else:
            restore_generator(tmp_path / folder.parent.name, 'last', ALLOW)
