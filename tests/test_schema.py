"""`tests.faults.schema` in small: configs changed by chance, and valid ones, from a fixed seed."""

import random
from pathlib import Path

import pytest

from gan_jax.experiment import config
from gan_jax.experiment.kinds import NETWORK, OPTIMIZER, TERM
from gan_jax.experiment.presets import METHODS
from gan_jax.runtime import load, ranges
from tests.faults import schema
from tests.faults.configs import Change, change


def test_mutants_are_refused_with_the_key_or_sound():
    found = schema.mutated(0, 60)
    assert found.lost == []
    assert found.counts['status 2'] > 40 and found.counts['traceback'] == 0


@pytest.mark.slow
def test_valid_configs_take_a_step():
    tiny = Path(__file__).parent / 'sweeps' / 'tiny.py'  # which is compiled soon
    found = schema.varied(0, 3, 1, [tiny])
    assert found.lost == []
    assert found.counts == {'programs': 1, 'took a step': 3}


def test_valid_configs_are_accepted():
    for seed in range(40):
        draw = random.Random(seed)
        settings = schema.numbers(schema.structure(draw), draw)
        assert config.faults(settings) == []


def test_a_loss_is_seen(monkeypatch):
    def broken(path):
        raise KeyError('x')

    monkeypatch.setattr(schema, 'checked', broken)
    assert len(schema.mutated(0, 5).lost) == 5
    assert not schema.names('config.steps is 0', Change('set', 'seed', '1'))
    assert not schema.names('config.steps is 0', Change('set', 'optim.g.b1', '0'))
    assert schema.names('config.optim.g: optax.adam takes no x', Change('add', 'optim.g.x', '3'))
    assert schema.names("config.data: no data set 'a'", Change('set', 'data.name', "'a'"))


def test_a_change_is_told_with_its_key_and_value():
    for seed in range(300):
        settings = {'a': {'b': 'old', 'c': {'d': 'old'}}, 'e': 'old'}
        before = config.flat(settings)
        done = change(settings, random.Random(seed))
        after = config.flat(settings)
        changed = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
        # A block that has lost its last key is a leaf.
        assert all(k.startswith(done.key) or done.key.startswith(k) for k in changed)


# What the schema covers --------------------------------------------------------------------------

PLAYERS = ('Generator', 'Trunk')
NETWORKS = {
    f'gan_jax.models.{name}'
    for name in (
        *(f'{net}.{part}' for net in ('sndcgan', 'resnet', 'biggan') for part in PLAYERS),
        *('critic.Logit', 'critic.ProjectionLogit', 'san.SanLogit', 'san.SanClassLogit'),
        *('bigan.Encoder', 'bigan.PairLogit', 'instances.InstanceLogit'),
        *(f'stylegan2.{part}' for part in ('generator.Generator', 'discriminator.Trunk')),
        *('stylegan2.discriminator.Logit', 'stylegan3.generator.Generator'),
    )
}
TERMS = {block['fn'] for _, blocks in METHODS.values() for block in blocks.values()}


@pytest.mark.parametrize(
    ('fn', 'kind'),
    [(fn, NETWORK) for fn in sorted(NETWORKS)] + [(fn, TERM) for fn in sorted(TERMS)],
)
def test_every_keyword_of_ours_has_a_range(fn, kind):
    said = load.keywords({'fn': fn}, kind, supplied=('shape', 'dtype'))
    assert [name for name, expected in said.items() if not ranges.of(expected)] == []
    unbounded = (ranges.of(int)[0], ranges.of(float)[0])
    assert [n for n, expected in said.items() if ranges.of(expected)[0] in unbounded] == []


@pytest.mark.parametrize('name', ['adam', 'adamw', 'sgd', 'rmsprop', 'adabelief', 'lion', 'radam'])
def test_no_number_of_an_optimiser_may_be_a_text_or_a_bool(name):
    said = load.keywords({'fn': f'optax.{name}'}, OPTIMIZER, supplied=OPTIMIZER.reserved)
    numbers = [n for n in said if n in OPTIMIZER.keywords and not n.endswith('dtype')]
    assert len(numbers) >= 1
    for key in numbers:
        for value in ('x', True, [], float('nan')):
            assert load.misfits({'fn': f'optax.{name}', key: value}, OPTIMIZER), (key, value)
