"""The block `averages`: names, half-lives, and the weights that a config may choose."""

import json
import math

import jax
import numpy as np
import pytest

from gan_jax.experiment import averages, config
from gan_jax.experiment.build import build_experiment
from gan_jax.schedules import Schedule
from gan_jax.state import player_of
from gan_jax.sweeps.groups import group

LONG = {'halflife_images': 5e6}
CURVE = {'fn': 'gan_jax.schedules.linear', 'start': 1.0, 'end': 8.0, 'unit': 'run'}


def settings(blocks, weights='ema'):
    c = config.run_config_file('tests/smoke.py').unlock()
    c.averages, c.evaluate.weights = blocks, weights
    return json.loads(c.to_json())


def built(blocks):
    given = settings(blocks)
    assert config.faults(given) == []
    return build_experiment(given, shape=(16, 16, 1), num_classes=10)


def test_each_name_has_a_player():
    assert [player_of(name) for name in ('d', 'g', 'long')] == ['d', 'g', 'g']


def test_without_a_ramp_there_is_none():
    found = built({'long': LONG, 'd': {'halflife_images': 4.0, 'ramp': 0.5}}).gan.averages
    assert (found['long'].ramp, found['d'].ramp) == (math.inf, 0.5)


def test_a_std_is_an_exponent_by_the_published_rule():
    found = built({'short': {'std': 0.05}, 'd': {'std': 0.1}}).gan.averages
    assert {name: one.exponent for name, one in found.items()} == pytest.approx(
        {'short': 16.97, 'd': 6.94}, abs=0.005
    )


def test_half_lives_are_data_of_the_step():
    one, two = (
        built({'long': {'halflife_images': half}}).hyper.keywords['averages.long']
        for half in (8.0, CURVE)
    )
    assert one == {'halflife_images': np.float32(8)}
    assert isinstance(two['halflife_images'], Schedule)
    assert two['halflife_images'].at(np.int32(15)) == pytest.approx(4.5)  # of 30 steps
    pair = [{'long': {'halflife_images': half}} for half in (8.0, 9.0)]
    assert len({jax.tree.structure(built(one).hyper) for one in pair}) == 1
    assert len({group(settings(one)) for one in pair}) == 1


def test_an_average_of_g_may_be_evaluated():
    assert config.faults(settings({'long': LONG}, weights='long')) == []
    assert averages.weights(['d', 'long', 'g']).values == ('ema', 'raw', 'long', 'g')


def test_a_reader_of_the_generator_alone_refuses_wrong_averages_too():
    found = settings({'short': {'std': 'wide'}})
    (fault,) = config.part_faults(found, ('evaluate.weights',), ('generator',))
    assert fault.startswith("config.averages.short.std is 'wide': give a number")


@pytest.mark.parametrize(
    ('blocks', 'weights', 'words'),
    [
        ({'long': LONG}, 'short', "weights is 'short': give 'ema', 'raw' or 'long'"),
        ({'d': LONG}, 'd', "config.evaluate.weights is 'd': give 'ema' or 'raw'"),
        ({'long': {}}, 'ema', 'config.averages.long.halflife_images is missing: give a number'),
        ({'long': {'ramp': 0.5}}, 'ema', 'config.averages.long.halflife_images is missing'),
        ({'long': {**LONG, 'ramp': 0.0}}, 'ema', 'config.averages.long.ramp is 0.0: give a number'),
        ({'long': {'halflife_images': 0}}, 'ema', 'config.averages.long.halflife_images is 0'),
        ({'long': {**LONG, 'of': 'd'}}, 'ema', "config has no use for 'averages.long.of'"),
        ({'long': 5e6}, 'ema', 'config.averages.long is 5000000.0: give a block'),
        (
            {'long': {'std': 0.31}},
            'ema',
            'averages.long.std is 0.31: give a number from 0.001',
        ),
        ({'long': {'std': 0}}, 'ema', 'config.averages.long.std is 0: give a number from 0.001'),
        ({'long': {'std': 0.1, **LONG}}, 'ema', "no use for 'averages.long.halflife_images'"),
        ({'long': {'std': 0.1, 'ramp': 0.1}}, 'ema', "no use for 'averages.long.ramp'"),
        ({'long': {'std': 0.1}}, 'std:0.08', "config.evaluate.weights is 'std:0.08': give 'ema'"),
        ({'ema': LONG}, 'ema', "config.averages has a block 'ema': give a name other than 'ema'"),
        ({'a b': LONG}, 'ema', "config.averages has a block 'a b': give a name"),
        ({'long': {'halflife_images': {**CURVE, 'unit': 'epochs'}}}, 'ema', "unit is 'epochs'"),
    ],
)
def test_faults_name_their_key(blocks, weights, words):
    (found,) = config.faults(settings(blocks, weights))
    assert words in found
