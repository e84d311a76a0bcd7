"""Configs of workdirs that earlier versions wrote: they lack keys, and mean what they meant."""

import copy

from gan_jax.experiment import config
from gan_jax.experiment.base import base
from gan_jax.experiment.earlier import ADDED, completed


def earlier():
    """The config of a run from before all keys that were added."""
    settings = base().to_dict()
    for key in ADDED:
        block, _, name = key.rpartition('.')
        del (settings[block] if block else settings)[name]
    return settings


def test_it_is_the_default_config_and_no_change_of_it():
    """A key was added with its default: the numbers of a run did not change with it."""
    old = earlier()
    before = copy.deepcopy(old)
    assert completed(old) == base().to_dict()
    assert old == before
    assert config.faults(completed(old)) == []
    assert config.differences(old, base().to_dict()) == []
    assert config.differences(base().to_dict(), old) == []


def test_what_is_there_stays():
    asked = {'averages': {'d': {'ramp': 0.5}}, 'seed': 3}
    others = {key: value for key, value in ADDED.items() if '.' not in key}
    assert completed(asked) == {**others, **asked}
    filled = completed({'init': {'workdir': 'runs/one'}})['init']
    assert filled == {'workdir': 'runs/one', 'nets': 'g,d,ema', 'match': ''}
    (found,) = config.differences(earlier(), {**base().to_dict(), 'seed': 3})
    assert found == 'seed: 0 -> 3'


def test_what_is_no_block_is_left_to_the_check_of_the_config():
    for value in ([1], 'text', None):
        assert completed(value) == value
    for key in ADDED:
        block = key.rpartition('.')[0]
        if block:
            assert completed({block: 7})[block] == 7
            assert block not in completed({})


def test_no_two_completed_configs_share_a_block():
    completed({})['averages']['d'] = 'mine'
    assert completed({})['averages'] == {}
