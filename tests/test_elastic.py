"""A run that is saved on some devices and resumed on others takes the step that it would have."""

import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax import train
from gan_jax.experiment import program, setup
from gan_jax.run.evaluation import make_evaluator
from gan_jax.runtime import checkpoint, leaves
from tests.shipped import apart, norm, settings

ROOT = Path(__file__).parent.parent
MOVES = {1: 8, 2: 4, 4: 2, 8: 1}
SAVED, NEXT = 3, 4  # steps


# In a process of its own, which has eight devices -------------------------------------------------


def main(folder):
    """Trains in `folder`/N on N devices, and goes on there and, in `folder`/N-M, on M."""
    jax.config.update('jax_platforms', 'cpu')
    jax.config.update('jax_num_cpu_devices', 8)
    fed = watch()
    options = ('batch_size=32', 'evaluate.metrics=')
    on = {n: setup.build_setup(settings(f'mesh.data={n}', *options)) for n in MOVES}
    for n in MOVES:
        trained(on[n], folder / f'{n}', SAVED, fed)
    for n, m in MOVES.items():
        shutil.copytree(folder / f'{n}', folder / f'{n}-{m}')
        trained(on[n], folder / f'{n}', NEXT, fed)
        trained(on[m], folder / f'{n}-{m}', NEXT, fed)


def watch():
    """A list to which every feed of this process adds what a step gets."""
    fed, make_feed = [], program.make_feed

    def watched(*arguments, **options):
        feed = make_feed(*arguments, **options)

        def rows(seed, step, count=1):
            given = feed.index_batch(seed, step, count)
            on = np.int32(len(given['index'].sharding.device_set))
            fed.append({'devices': on, **feed.gather(feed.resident(), given)})
            return given

        return feed._replace(index_batch=rows)

    program.make_feed = watched
    return fed


def trained(run, folder, steps, fed):
    """Trains until so many steps, and keeps the state as saved and what the new steps got."""
    fed.clear()
    longer = run._replace(settings={**run.settings, 'steps': steps})
    assert train.train(longer, make_evaluator(longer), folder) == 0
    saved = checkpoint.restore(folder / 'checkpoints', run.program.shapes, step=steps)
    np.savez(folder / f'{steps}.npz', **leaves.named_leaves(saved.state))
    names = fed[0].keys()
    np.savez(folder / f'fed-{steps}.npz', **{n: np.stack([step[n] for step in fed]) for n in names})


# What it leaves -----------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp('elastic')
    command = [sys.executable, '-m', 'tests.test_elastic', str(where)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return where


def loaded(path):
    with np.load(path) as file:
        return dict(file)


def player(leaves, side, what):
    return {name: x for name, x in leaves.items() if name.startswith(f'{side}/{what}/')}


@pytest.mark.slow
@pytest.mark.parametrize(('n', 'm'), MOVES.items())
def test_the_next_step_on_other_devices_is_that_of_the_same_ones(folder, n, m):
    before = loaded(folder / f'{n}' / f'{SAVED}.npz')
    stayed, moved = (loaded(folder / name / f'{NEXT}.npz') for name in (f'{n}', f'{n}-{m}'))
    assert stayed.keys() == moved.keys() == before.keys()
    for side in 'gd':
        gradient, other = (player(leaves, side, 'opt') for leaves in (stayed, moved))
        assert norm(gradient) > 1e-2
        assert apart(gradient, other) < 1e-6 * norm(gradient)
        start, one, two = (player(leaves, side, 'params') for leaves in (before, stayed, moved))
        # Their last bit is 1e-4 of the update: a few of the sums are rounded to another one.
        assert apart(one, two) < 1e-5 * apart(one, start)


@pytest.mark.slow
@pytest.mark.parametrize(('n', 'm'), MOVES.items())
def test_the_order_of_the_data_is_the_same_bit_for_bit(folder, n, m):
    first = loaded(folder / '1' / f'fed-{SAVED}.npz')
    before = loaded(folder / f'{n}' / f'fed-{SAVED}.npz')
    assert before.keys() == {'devices', 'index', 'image', 'label'}
    assert before['index'].shape == (SAVED, 1, 32)  # steps, updates of D, the batch
    stayed, moved = (loaded(folder / name / f'fed-{NEXT}.npz') for name in (f'{n}', f'{n}-{m}'))
    assert moved['index'].shape == (NEXT - SAVED, 1, 32)
    assert [set(one['devices']) for one in (before, stayed, moved)] == [{n}, {n}, {m}]
    assert not np.array_equal(stayed['index'][0], before['index'][-1])
    for name in ('index', 'image', 'label'):
        np.testing.assert_array_equal(before[name], first[name], strict=True)
        np.testing.assert_array_equal(stayed[name], moved[name], strict=True)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
