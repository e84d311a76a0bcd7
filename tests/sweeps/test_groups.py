"""What shares a compiled step, and how runs are dealt."""

import functools
import json
from collections import Counter
from pathlib import Path

import jax
import pytest

from gan_jax.experiment import build, config
from gan_jax.sweeps.grid import read_sweep
from gan_jax.sweeps.groups import group, members, shard
from gan_jax.sweeps.shared import population_factory, shared_setups
from tests.sweeps.made import write

ROOT = Path(__file__).parents[2]
STRENGTHS = {'method': ['none', 'bcr', 'cntr'], 'strength': [0.1, 0.2]}


def runs(folder, **asked):
    return read_sweep(write(folder, **asked)).runs


@pytest.mark.parametrize(
    ('key', 'values'),
    [
        ('strength', [0.1, 0.2]),
        ('steps', [1, 2]),
        ('every.evaluate', [1, 2]),
        ('terms.consistency.weight', [1.0, 10.0]),
        ('optim.d.learning_rate', [1e-4, 1e-3]),
    ],
)
def test_what_is_data_of_the_step_makes_no_other_group(tmp_path, key, values):
    found = runs(tmp_path, grid={'method': ['bcr'], key: values}, seeds=2)
    assert len(found) == 4 and len({group(run.settings) for run in found}) == 1


@pytest.mark.parametrize(
    ('key', 'values'),
    [
        ('method', ['bcr', 'bcr_cntr']),
        ('augment', ['translation', 'cutout']),
        ('augment', ['translation', 'translation(0.2)']),
        ('batch_size', [8, 16]),
        ('terms.consistency.weight', [0.0, 10.0]),  # a weight of 0 takes the term out
        ('optim.d.b1', [0.0, 0.5]),
        ('data.fraction', [0.5, 1.0]),
        ('latent.dim', [4, 8]),
        ('evaluate.num', [10, 20]),  # metrics are prepared once for a group
        ('evaluate.weights', ['ema', 'raw']),
    ],
)
def test_what_is_code_makes_another_group(tmp_path, key, values):
    grid = {'method': ['bcr'], key: values}
    assert len({group(run.settings) for run in runs(tmp_path, grid=grid)}) == 2


def test_who_writes_rows_down_makes_no_other_group_and_what_is_measured_does(tmp_path):
    settings = runs(tmp_path, grid={'method': ['bcr']})[0].settings
    written = settings | {'writers': {'mine': {'fn': 'a.b'}}}
    often = settings['evaluate'] | {'often': {'metrics': 'modes', 'every': 3}}
    assert group(written) == group(settings) != group(settings | {'evaluate': often})


CURVE = {'fn': 'gan_jax.schedules.linear', 'start': 0.0, 'end': 0.3}
TARGETS = (-0.2, 0.2, 0.4, 0.6, 0.8)
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


@pytest.mark.parametrize(
    'varied',
    [
        [{'augment.strength': {**CURVE, 'end': end}} for end in SHARES],
        [{'augment.probability': share} for share in SHARES],
        [{'terms.ada.target': target} for target in TARGETS],
    ],
    ids=['ends of a schedule', 'probabilities', 'targets of ADA'],
)
def test_five_values_share_one_compiled_step(varied):
    """One group, and hyper-parameters of one structure, which no trace tells apart."""
    structures, groups = set(), set()
    for values in varied:
        c = config.run_config_file(f'{ROOT}/configs/digits.py:method=bcr').unlock()
        c.augment.update(view='p(translation)', critic='translation')
        c.terms.ada = {'fn': 'gan_jax.terms.ada.ada', 'weight': 1.0, 'target': 0.6}
        for key, value in values.items():
            *parents, last = key.split('.')
            functools.reduce(lambda block, part: block[part], parents, c)[last] = value
        assert config.faults(c) == []
        settings = json.loads(c.to_json())
        hyper = build.build_experiment(settings, shape=(16, 16, 1), num_classes=10).hyper
        structures.add(jax.tree.structure(hyper))
        groups.add(group(settings))
    assert len(structures) == len(groups) == 1


def test_runs_of_a_group_share_their_program_and_keep_their_numbers(tmp_path):
    setup_of = shared_setups()
    *_, first, second = runs(tmp_path, grid={'method': ['bcr'], 'strength': [0.1, 0.2]}, seeds=2)
    (one, metrics), (two, others) = setup_of(first.settings), setup_of(second.settings)
    assert metrics is others
    assert one.program is two.program and one.dataset is two.dataset
    assert (one.settings, two.settings) == (first.settings, second.settings)
    hyper = two.experiment.hyper
    assert hyper.seed == 1 and hyper.strength['translation'] == pytest.approx(0.2)
    assert one.experiment.hyper.strength['translation'] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ('key', 'values', 'programs'),
    [
        ('method', ['none', 'bcr'], 1),
        ('evaluate.weights', ['ema', 'raw'], 2),
        ('evaluate.batch_norm', ['moving', 'batch'], 2),
        ('latent.dim', [4, 8], 2),
    ],
)
def test_groups_that_draw_alike_draw_by_one_program(tmp_path, key, values, programs):
    setup_of = shared_setups()
    found = runs(tmp_path, grid={'method': ['none'], key: values})
    assert len({setup_of(run.settings)[0].generate for run in found}) == programs


def test_populations_of_one_size_share_their_program(tmp_path):
    setup_of, population_of = shared_setups(), population_factory()
    found = [
        setup_of(run.settings)[0] for run in runs(tmp_path, grid={'method': ['none']}, seeds=5)
    ]
    one, two, larger = population_of(found[:2]), population_of(found[2:4]), population_of(found[2:])
    assert one.member is two.member is not larger.member


@pytest.mark.parametrize('count', [1, 2, 3, 5, 12, 20])
def test_every_run_is_in_one_shard_and_shards_are_even(tmp_path, count):
    all_runs = runs(tmp_path, grid=STRENGTHS, seeds=2)
    shards = [shard(all_runs, index, count) for index in range(count)]
    assert Counter(r.name for s in shards for r in s) == Counter(r.name for r in all_runs)
    sizes = [len(s) for s in shards]
    assert max(sizes) - min(sizes) <= 1


def test_a_group_stays_together_and_the_order_stays(tmp_path):
    all_runs = runs(tmp_path, grid=STRENGTHS, seeds=2)
    for index in range(3):
        mine = shard(all_runs, index, 3)
        assert len({group(run.settings) for run in mine}) == 1
        assert [run.seed for run in mine] == [0, 0, 1, 1]


def checkpoints(folder, run, *steps):
    for step in steps:
        (folder / run.name / 'checkpoints' / str(step)).mkdir(parents=True)


def test_members_are_the_next_of_a_group_up_to_their_number(tmp_path):
    todo = runs(tmp_path, grid=STRENGTHS, seeds=2)
    found = members(tmp_path, todo, 3)
    assert [run.name for run in found] == [
        'method=none,strength=0.1/seed=0',
        'method=none,strength=0.2/seed=0',
        'method=none,strength=0.1/seed=1',
    ]
    assert len(members(tmp_path, todo, 100)) == 4  # all that the group has
    assert members(tmp_path, todo, 1) == [todo[0]]


@pytest.mark.parametrize('key', ['steps', 'every.log', 'evaluate.num'])
def test_members_go_the_same_way(tmp_path, key):
    todo = runs(tmp_path, grid={'method': ['bcr'], key: [10, 20]})
    assert members(tmp_path, todo, 2) == [todo[0]]


@pytest.mark.parametrize(
    ('steps', 'chosen'),
    [
        (((), (), ()), [0, 1, 2]),
        (((5, 10), (), (10,)), [0, 2]),  # one has not begun
        (((), (5,), ()), [0, 2]),
        (((5, 10), (10, 15), (5,)), [0, 1]),  # each two have one, but not all
        (((5, 10, 15), (10, 15), (5, 10)), [0, 1, 2]),
    ],
)
def test_members_can_begin_at_one_step(tmp_path, steps, chosen):
    todo = runs(tmp_path, grid={'method': ['bcr']}, seeds=3)
    for run, saved in zip(todo, steps, strict=True):
        checkpoints(tmp_path, run, *saved)
    assert members(tmp_path, todo, 3) == [todo[i] for i in chosen]
