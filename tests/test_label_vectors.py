"""A run on images whose labels are vectors, from the first step to the exported generator."""

import jax
import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax import data, export, sample, train
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.experiment.config import load_config
from gan_jax.run.generators import restore_generator
from gan_jax.runtime import checkpoint
from gan_jax.runtime.errors import UserError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('quick')]
CONFIG = """
import runpy


def get_config(text=''):
    c = runpy.run_path('configs/digits_{name}.py')['get_config'](text)
    c.data.update(name={data!r}, size=16, held_out=0.2)
    for block in (c.generator, c.logit):
        block.update(num_classes=0, label_size=2)
    c.generator.update({small})
    c.averages = dict(short=dict(std=0.05), long=dict(std=0.1))
    c.batch_size, c.steps = 8, 4
    c.every.update(log=2, checkpoint=2, snapshot=2)
    c.evaluate.update(metrics='', full='')
    return c
"""
SMALL = {'stylegan2': 'units=8, base=64, most=4', 'r3gan': 'widths=(16, 8, 8), group_size=8'}


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """Digits with their mean, rounded, and whether they are above 4."""
    path = tmp_path_factory.mktemp('data') / 'digits.npz'
    digits = data.load('digits')
    images, digit = digits.images[:200], digits.labels[:200]
    mean = np.round(images.mean((1, 2, 3)) / 255, 2)
    np.savez(path, images=images, labels=np.stack([mean, digit > 4], 1))
    return path


@pytest.fixture(scope='module', params=SMALL)
def config(request, source, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param) / 'config.py'
    small = SMALL[request.param]
    path.write_text(CONFIG.format(name=request.param, data=str(source), small=small))
    return path


@pytest.fixture(scope='module')
def run(config):
    """A run that was interrupted after two of its four steps."""
    place = config.parent / 'run'
    first = gan_jax.train(load_config(str(config)), place, [lambda step, row: step == 2])
    assert (first.status['status'], first.checkpoints) == ('stopped', (2,))
    trained(config, place)
    return place


def trained(config, place, *flags):
    assert train.main([f'--config={config}', f'--workdir={place}', *flags]) == 0


def state_of(place):
    return checkpoint.restore_leaves(place / 'checkpoints', '').state


def pictures(folder):
    return np.stack([np.asarray(Image.open(f)) for f in sorted(folder.iterdir())])[..., None]


def tables(leaves):
    return {name: x for name, x in leaves.items() if 'label_vectors' in name}


def test_a_resumed_run_is_the_uninterrupted_one_and_no_vector_moves(config, run, source):
    trained(config, config.parent / 'whole')
    whole, resumed = state_of(config.parent / 'whole'), state_of(run)
    assert whole.keys() == resumed.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)
    expected = np.unique(np.load(source)['labels'].astype(np.float32), axis=0)
    found = tables(resumed)
    assert {name.split('/label_vectors')[0] for name in found} == {
        'g/stats',
        'd/stats',
        'ema',
        'averages/short',
        'averages/long',
    }
    for name, table in found.items():
        np.testing.assert_array_equal(table, expected, err_msg=name)
    made = restore_generator(run, 'last', None, weights='std:0.08').variables
    (table,) = jax.tree.leaves(made['label_vectors'])
    np.testing.assert_array_equal(table, expected)


def test_a_row_is_sampled_exported_and_loaded(run, tmp_path):
    options = [f'--workdir={run}', '--num=5']
    assert sample.main([*options, '--label=7', f'--out={tmp_path}/seven/']) == 0
    assert sample.main([*options, '--label=8', f'--out={tmp_path}/eight/']) == 0
    seven = pictures(tmp_path / 'seven')
    assert (seven != pictures(tmp_path / 'eight')).any()
    with pytest.raises(UserError, match="no row '200' in the .* label vectors of the data"):
        sample.main([*options, '--label=200', f'--out={tmp_path}/none/'])
    assert export.main([f'--workdir={run}', f'--out={tmp_path}/out', '--formats=stablehlo']) == 0
    found = gan_jax.load_generator(tmp_path / 'out')
    np.testing.assert_array_equal(found.generate(range(5), 7), seven)
    assert found.label_kind == 'row'
    assert 'label vectors of 2 numbers' in (tmp_path / 'out' / 'README.md').read_text()


def test_it_is_evaluated_by_what_needs_no_classes(run, capsys):
    options = [f'--workdir={run}', '--num=20']
    assert evaluate.main([*options, '--metrics=overfitting,effective_rank']) == 0
    assert 'logit_test' in capsys.readouterr().out
    with pytest.raises(UserError, match="'knn' needs classes and .* has label vectors of 2 num"):
        evaluate.main([*options, '--metrics=knn'])


def test_another_run_that_begins_with_it_keeps_its_own(config, run, source):
    found = np.load(source)
    other = source.with_name('other.npz')
    np.savez(other, images=found['images'], labels=found['labels'] + 1)
    flags = [f'--config.data.name={other}', f'--config.init.workdir={run}', '--config.steps=1']
    trained(config, config.parent / 'other', *flags)
    after = tables(state_of(config.parent / 'other'))
    assert after.keys() == tables(state_of(run)).keys()
    expected = np.unique((found['labels'] + 1).astype(np.float32), axis=0)
    for name, table in after.items():
        np.testing.assert_array_equal(table, expected, err_msg=name)


def test_what_has_classes_is_refused(config, tmp_path):
    with pytest.raises(UserError, match=r'num_classes is 10, and the data have 0 classes, but lab'):
        trained(config, tmp_path / 'run', '--config.generator.num_classes=10')
    with pytest.raises(UserError, match='config.generator: label_size is 3, .* of 2 numbers: chan'):
        trained(config, tmp_path / 'run', '--config.generator.label_size=3')
