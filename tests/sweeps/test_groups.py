"""What shares a compiled step, and how runs are dealt."""

from collections import Counter

import pytest

from gan_jax.sweeps import plan
from gan_jax.sweeps.groups import group, shard
from gan_jax.sweeps.programs import sharing
from tests.sweeps.made import write

STRENGTHS = {'method': ['none', 'bcr', 'cntr'], 'strength': [0.1, 0.2]}


def runs(folder, **asked):
    return plan.read(write(folder, **asked)).runs


@pytest.mark.parametrize(
    ('key', 'values'),
    [
        ('strength', [0.1, 0.2]),
        ('steps', [1, 2]),
        ('every.evaluate', [1, 2]),
        ('evaluate.num', [10, 20]),
        ('evaluate.metrics', ['', 'modes']),
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
    ],
)
def test_what_is_code_makes_another_group(tmp_path, key, values):
    grid = {'method': ['bcr'], key: values}
    assert len({group(run.settings) for run in runs(tmp_path, grid=grid)}) == 2


def test_runs_of_a_group_share_their_program_and_keep_their_numbers(tmp_path):
    assembled = sharing()
    *_, first, second = runs(tmp_path, grid={'method': ['bcr'], 'strength': [0.1, 0.2]}, seeds=2)
    one, two = assembled(first.settings), assembled(second.settings)
    assert one.program is two.program and one.dataset is two.dataset
    assert (one.settings, two.settings) == (first.settings, second.settings)
    hyper = two.experiment.hyper
    assert hyper.seed == 1 and hyper.strength['translation'] == pytest.approx(0.2)
    assert one.experiment.hyper.strength['translation'] == pytest.approx(0.1)


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
