"""A config with something left out, and images for one whose data are not here."""

from pathlib import Path

import numpy as np
import pytest

from gan_jax import data
from gan_jax.augment import policy
from gan_jax.benchmark import augmentations, workload
from gan_jax.experiment import config
from gan_jax.runtime.errors import UserError

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'


def read(arguments, *overrides):
    flags = [f'--config.{override}' for override in overrides]
    return config.load_config(f'{TINY}:{arguments}', flags).to_dict()


def weights(settings):
    return {name: block['weight'] for name, block in settings['terms'].items()}


def test_each_term_but_the_game_is_left_out():
    settings = read('method=bcr_cntr')
    fewer, alone = workload.left_out(settings)
    assert {name: weights(one) for name, one in fewer.items()} == {
        'terms.consistency': {'adversarial': 1.0, 'consistency': 0.0, 'contrastive': 0.1},
        'terms.contrastive': {'adversarial': 1.0, 'consistency': 5.0, 'contrastive': 0.0},
    }
    assert weights(alone) == {'adversarial': 1.0, 'consistency': 0.0, 'contrastive': 0.0}
    assert weights(settings)['consistency'] == 5.0  # the caller's is as it was


def test_a_weight_by_part_becomes_zero_in_every_part():
    fewer, _ = workload.left_out(read('method=zcr'))
    assert weights(fewer['terms.consistency'])['consistency'] == {'dis': 0.0, 'gen': 0.0}


def test_what_does_not_act_is_not_left_out():
    fewer, alone = workload.left_out(read('method=bcr', 'terms.consistency.weight=0.0'))
    assert fewer == {}
    assert weights(alone)['adversarial'] == 1.0


@pytest.mark.parametrize(('method', 'use'), [('real_only', 'real'), ('real_fake', 'critic')])
def test_the_augmentation_of_what_d_sees_is_left_out(method, use):
    settings = read(f'method={method}')
    fewer, alone = workload.left_out(settings)
    assert list(fewer) == [f'augment.{use}']
    assert fewer[f'augment.{use}'] == alone == {**settings, 'augment': alone['augment']}
    assert (settings['augment'][use], alone['augment'][use]) == ('translation', '')


def test_the_game_is_the_first_term_where_none_is_called_adversarial():
    settings = read('method=bcr')
    settings['terms'] = {'loss': settings['terms'].pop('adversarial'), **settings['terms']}
    assert workload.kept_term(settings) == 'loss'
    assert list(workload.left_out(settings)[0]) == ['terms.consistency']


def test_random_images_stand_for_data_that_are_not_prepared(tmp_path):
    settings = read('', 'data.name=cifar10', f'data.dir={tmp_path}', 'data.size=32')
    (images, labels, classes, name, *_), real = workload.images_of(settings)
    assert not real and (classes, name) == (10, 'cifar10')
    assert images.shape == (workload.RANDOM, 32, 32, 3) and images.dtype == np.uint8
    assert len(np.unique(images)) == 256
    assert labels.dtype == np.int32 and set(labels) == set(range(10))


def test_no_images_are_made_up_for_a_name_that_nobody_knows(tmp_path):
    with pytest.raises(UserError, match="no data set 'cifar11'"):
        workload.images_of(read('', 'data.name=cifar11', f'data.dir={tmp_path}'))


def test_every_term_acts_in_every_step():
    settings = read('method=bcr')
    settings['terms']['consistency']['every'] = 4
    dataset, real = workload.images_of(settings)
    assert real
    assert workload.make_workload(settings, dataset).experiment.every == {
        'adversarial': 1,
        'consistency': 1,
    }


def test_every_op_takes_the_strength_that_it_is_measured_with():
    for name, recipe in augmentations.ops().items():
        strengths = recipe.apply.strengths
        assert strengths is None or strengths.holds(recipe.strength), name


def test_the_policies_of_a_config_are_measured_with_their_strength():
    arguments = 'method=bcr_cntr,strength=0.2,cntr_augment=simclr,cntr_strength=0.3'
    found = augmentations.policies_of(read(arguments))
    assert {name: round(float(recipe.strength), 3) for name, recipe in found.items()} == {
        'translation': 0.2,
        'simclr': 0.3,
    }


@pytest.mark.slow
def test_calls_that_mix_images_of_several_devices_end():
    """Called all at once they would wait for each other, and XLA would end the process."""
    settings = read('', 'mesh.data=4', 'batch_size=8')
    images = np.zeros((8, 8, 8, 1), np.uint8)
    one = workload.make_workload(settings, data.DataSet(images, None, 0, 'black'))
    recipe = augmentations.Recipe(policy.OPS['mixup'], np.float32(0.5))
    found = augmentations.candidates(recipe, one)
    assert list(found) == ['forward', 'through']
    for take in found.values():
        take(300)
