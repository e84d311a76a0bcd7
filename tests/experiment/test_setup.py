"""A config's parts put together: the data that it names, and parts that do not fit."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import DataSet
from gan_jax.experiment import config, setup
from gan_jax.runtime.errors import DATA, UserError

CONFIG = str(Path(__file__).parents[1] / 'smoke.py')


def settings(*overrides):
    return json.loads(config.load_config(CONFIG, [f'--config.{o}' for o in overrides]).to_json())


@pytest.mark.slow
def test_a_fraction_trains_on_a_part_and_compares_with_the_whole():
    """The part depends on its own seed, not on that of the run."""
    assembled = setup.build_setup(settings('data.fraction=0.1', 'data.subset_seed=3', 'seed=1'))
    whole = data.load('digits', size=16)
    part, rows = data.subset(whole, 0.1, 3)
    assert len(assembled.reference.images) == len(whole.images)
    np.testing.assert_array_equal(assembled.subset, rows)
    np.testing.assert_array_equal(assembled.dataset.images, part.images)


def test_fewer_images_than_the_batch_is_one_sentence():
    with pytest.raises(UserError, match='images, fewer than config.batch_size 200') as caught:
        setup.build_setup(settings('data.fraction=0.1', 'batch_size=200'))
    assert caught.value.status == DATA


def test_a_data_set_that_there_is_not_is_the_configs_fault():
    with pytest.raises(UserError, match="^config.data: there is no data set 'nothing'"):
        setup.build_setup(settings('data.name=nothing'))


def test_a_size_that_no_array_has_is_the_configs_fault(monkeypatch):
    monkeypatch.setattr(setup, 'make_program', lambda *_, **__: np.zeros(10**40))
    with pytest.raises(UserError, match='the config does not work: .*(too large|dimension)'):
        setup.build_setup(settings())


def test_parts_that_do_not_fit_are_the_configs_fault():
    with pytest.raises(
        UserError, match='config.generator: .*multiples of 8, not 12x12: change data.size'
    ):
        setup.build_setup(settings('data.size=12'))


def test_images_without_labels_are_all_of_one_class(monkeypatch):
    blank = DataSet(np.zeros((20, 16, 16, 1), np.uint8), None, 0, 'blank')
    monkeypatch.setattr(setup.data, 'load', lambda *_, **__: blank)
    assert setup.build_setup(settings('evaluate.metrics=')).experiment.gan.num_classes == 1


def test_a_conditional_network_must_count_the_classes_of_the_data():
    changed = settings()
    changed['logit'] = {'fn': 'gan_jax.models.critic.ProjectionLogit', 'num_classes': 7}
    with pytest.raises(UserError, match='config.logit.num_classes is 7, and the data have 10'):
        setup.build_setup(changed)
    changed['generator'] = {'fn': 'gan_jax.models.resnet.Generator', 'num_classes': 8}
    both = 'config.generator.num_classes is 8 and config.logit.num_classes is 7, and the data'
    with pytest.raises(UserError, match=both):
        setup.build_setup(changed)


def test_a_term_must_count_the_classes_of_the_data():
    changed = settings()
    mine = {'fn': 'gan_jax.terms.labels.acgan', 'num_classes': 9, 'weight': 1.0}
    changed['terms'] = {**changed['terms'], 'mine': mine}
    with pytest.raises(UserError, match='config.terms.mine.num_classes is 9, and the data have 10'):
        setup.build_setup(changed)


def test_a_variation_has_its_own_numbers_and_the_same_program():
    first = setup.build_setup(settings())
    assert first.subset is None
    other = setup.with_hyperparameters(
        first, settings('seed=5', 'augment.strength=0.3', 'terms.consistency.weight=2')
    )
    assert other.program is first.program and other.dataset is first.dataset
    assert other.settings['seed'] == 5
    hyper = other.experiment.hyper
    assert hyper.seed == 5 and hyper.weights['consistency'] == 2
    assert hyper.strength == {'translation': np.float32(0.3)}


def test_a_generator_may_have_a_list_among_its_options():
    """Flax cannot hash such a module; drawing images must not ask it to."""
    module = setup.build_experiment(settings(), shape=(16, 16, 1), num_classes=10).gan.generator
    listed = module.clone(shape=[16, 16, 1])
    with pytest.raises(TypeError, match='hash'):
        hash(listed)
    drawn = setup.make_generate(listed, latent_dim=16, class_counts=(1,) * 10)
    variables = jax.eval_shape(
        lambda: listed.init(jax.random.key(0), np.zeros((1, 16)), np.zeros(1, int), train=False)
    )
    blank = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), variables)
    assert next(drawn(blank, 0, range(2))).shape == (2, 16, 16, 1)


def test_an_outline_stands_in_for_data_that_are_missing_and_for_no_other_fault(tmp_path):
    away = [f'data.dir={tmp_path}', 'evaluate.metrics=']
    with pytest.raises(UserError, match="'kmnist' is not prepared"):
        setup.build_setup(settings('data.name=kmnist', *away))
    outlined = setup.build_setup(settings('data.name=kmnist', *away), outline=True)
    assert outlined.dataset.images.shape[1:] == (16, 16, 1)
    with pytest.raises(UserError, match="no data set 'kmnst'"):
        setup.build_setup(settings('data.name=kmnst', *away), outline=True)
