"""A state in parts along 'model' is the same state: the rule, the memory, the numbers."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from gan_jax import data, train
from gan_jax.experiment.program import make_program
from gan_jax.runtime import checkpoint, sharding
from gan_jax.runtime.errors import UserError
from gan_jax.state import Ema
from tests import small
from tests.shipped import BATCH, apart, norm, parts, program_on

ROOT = Path(__file__).parent.parent


def struct(*shape):
    return jax.ShapeDtypeStruct(shape, np.float32)


@pytest.mark.parametrize(
    ('shape', 'where'),
    [
        ((3, 3, 64, 128), PartitionSpec(None, None, None, 'model')),
        ((3, 3, 128, 64), PartitionSpec(None, None, 'model')),
        ((128, 128), PartitionSpec(None, 'model')),
        ((4, 4, 1023, 3), PartitionSpec(None, 'model')),  # of equal ones the last
        ((127, 129), PartitionSpec()),  # nothing divides
        ((127, 128), PartitionSpec()),  # small
        ((), PartitionSpec()),
    ],
)
def test_large_arrays_are_cut_at_their_longest_axis_that_divides(shape, where):
    mesh = sharding.make_mesh(-1, BATCH, model=2)
    assert dict(mesh.shape) == {'data': 2, 'model': 2}
    assert sharding.state_sharding(struct(*shape), mesh).spec == where


def test_without_the_axis_everything_is_whole():
    mesh = sharding.make_mesh(-1, BATCH)
    assert dict(mesh.shape) == {'data': 4}
    assert sharding.state_sharding(struct(512, 512), mesh).spec == PartitionSpec()


@pytest.mark.parametrize(
    ('asked', 'said'),
    [
        ({'count': 2, 'model': 4}, 'asks for 8 devices, there are 4'),
        ({'count': -1, 'model': 5}, 'asks for 5 devices, there are 4'),
        ({'count': 1, 'model': 3}, 'does not divide among 3 devices'),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(asked, said):
    with pytest.raises(UserError, match=said):
        sharding.make_mesh(batch_size=BATCH, **asked)


@pytest.mark.slow
def test_parts_take_the_step_of_the_whole():
    ends = []
    for count, model in ((4, 1), (2, 2)):
        program = program_on(count, model)
        ends.append(jax.device_get(program.update(small.start(program), 0, parts().hyper)))
    one, cut = ends
    for side in 'gd':
        gradient, other = (getattr(end, side).opt[0].trace for end in ends)
        assert apart(gradient, other) < 1e-6 * norm(gradient)
    assert small.distance((one.g, one.d, one.ema), (cut.g, cut.d, cut.ema)) < 1e-6
    assert small.distance(one.metrics, cut.metrics) < 1e-5


@pytest.mark.slow
def test_a_device_holds_its_part():
    state = small.start(program_on(1, 4))
    cut = {'g': state.g.params, 'd': state.d.params, 'g_opt': state.g.opt, 'ema': state.ema}
    for name, tree in cut.items():
        held = sum(x.addressable_shards[0].data.nbytes for x in jax.tree.leaves(tree))
        whole = sum(x.nbytes for x in jax.tree.leaves(tree))
        assert whole / 4 <= held < whole / 2, name


@pytest.mark.slow
def test_further_averages_are_cut_like_the_networks_that_they_average():
    mesh, experiment = sharding.make_mesh(1, BATCH, model=4), parts()
    gan = experiment.gan._replace(averages={'d': Ema(), 'long': Ema()})
    dataset = data.load('digits', size=16)
    made = make_program(
        experiment._replace(gan=gan), dataset, mesh, batch_size=BATCH, d_steps=1
    ).shapes
    for name, net in {'d': made.d, 'long': made.g}.items():
        found, expected = made.averages[name], net.variables
        assert found == expected, name
        assert any('model' in x.sharding.spec for x in jax.tree.leaves(found))


@pytest.mark.slow
def test_parts_of_a_state_are_saved_whole_and_taken_up_by_any_mesh(tmp_path):
    """Cut, whole, cut: each goes on from where the other was."""
    flags = ['--config=tests/smoke.py', f'--workdir={tmp_path}', '--config.batch_size=8']
    flags += ['--config.every.checkpoint=2', '--config.evaluate.metrics=']
    flags += [f'--config.{net}.width=0.25' for net in ('generator', 'discriminator')]
    for steps, count, model in ((2, 1, 4), (4, 4, 1), (6, 2, 2)):
        mesh = [f'--config.mesh.data={count}', f'--config.mesh.model={model}']
        assert train.main([*flags, *mesh, f'--config.steps={steps}']) == 0
    saved = checkpoint.newest_metadata(tmp_path / 'checkpoints')
    assert saved['config']['mesh'] == {'data': 2, 'model': 2}
    lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
    rows = [json.loads(line)['step'] for line in lines]
    assert rows == sorted(rows)


# Eight devices, in a process of their own ---------------------------------------------------------

# In float64: rounding in float32 grows to 3e-5 in ten steps, which could hide another's draws.
EIGHT = """
import jax, numpy as np, sys
jax.config.update('jax_platforms', 'cpu')
jax.config.update('jax_num_cpu_devices', 8)
from tests import small
from tests.shipped import apart, norm, parts, program_on
from tests.test_devices import SHOWN, agree, seen_on
for count in (2, 4, 8):
    one, other = seen_on(1, 32, SHOWN), seen_on(count, 32, SHOWN)
    assert len(one) == 2 + len(SHOWN) and agree(one, other), count
jax.config.update('jax_enable_x64', True)
seen, hyper = {}, small.cast(parts('float64').hyper, np.float64)
for count, model in ((1, 1), (2, 1), (4, 1), (8, 1), (4, 2)):
    program = program_on(count, model, 32, 'float64')
    state, states = small.cast(small.start(program), np.float64), []
    for step in range(10):
        state = program.update(state, step, hyper)
        if step in (0, 9):
            states.append(jax.device_get(state))
    seen[count, model] = states
first, last = seen[8, 1]
for mesh, (one, ten) in seen.items():
    for side in 'gd':
        a, b = (getattr(s, side).opt[0].trace for s in (one, first))
        assert apart(a, b) < 1e-14 * norm(b), (mesh, side)
    a, b = ((s.g.params, s.d.params, s.ema) for s in (ten, last))
    most = max(float(np.max(np.abs(x - y))) for x, y in zip(*map(jax.tree.leaves, (a, b))))
    assert most < 1e-13, (mesh, most)
"""


@pytest.mark.slow
def test_eight_devices_in_every_arrangement_take_the_same_ten_steps():
    done = subprocess.run(
        [sys.executable, '-c', EIGHT], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
