"""Everything that training needs is in the state: give any leaf another value and it shows.

The equality that a resumed run must meet is `outcome`; the test walks the tree of the state, so a
leaf that somebody adds is covered the day it is added.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gan_jax.experiment import config
from gan_jax.experiment.setup import build_setup
from gan_jax.runtime import checkpoint, leaves

CONFIG = str(Path(__file__).parent / 'smoke.py')


@pytest.fixture(scope='module')
def resumed():
    """(state after 3 steps, outcome: state -> what the rest of the run leaves behind)."""
    setup = build_setup(json.loads(config.load_config(CONFIG).to_json()))
    program, hyper = setup.program, setup.experiment.hyper

    def steps(state, first, last):
        for step in range(first, last):
            state = program.update(state, step, hyper)
        return state

    def outcome(state):
        # The step donates what it is given: hand it a copy.
        state = jax.tree.map(jnp.copy, state)
        state = steps(state, 3, 5)
        row = {name: float(mean.compute()) for name, mean in state.metrics.items()}
        return row, leaves.digests(state)

    return steps(program.init(hyper), 0, 3), outcome


def with_another_value(state, wanted):
    def change(path, leaf):
        if leaves.leaf_name(path) != wanted:
            return leaf
        if jnp.issubdtype(leaf.dtype, jnp.integer):
            return leaf + 1
        return -leaf - 0.125  # the sign too: it is all that a vector of one, normalised, carries

    return jax.tree_util.tree_map_with_path(change, state)


@pytest.mark.slow
def test_the_outcome_itself_is_reproducible(resumed):
    state, outcome = resumed
    assert outcome(state) == outcome(state)


@pytest.mark.slow
def test_a_copy_through_a_checkpoint_has_the_same_outcome(resumed, tmp_path):
    state, outcome = resumed
    with checkpoint.manager(tmp_path / 'checkpoints') as manager:
        checkpoint.save(manager, state, {})
    restored = checkpoint.restore(tmp_path / 'checkpoints', state)
    assert outcome(restored.state) == outcome(state)


@pytest.mark.slow
def test_any_leaf_with_another_value_changes_the_outcome(resumed):
    state, outcome = resumed
    expected = outcome(state)
    silent = [
        name
        for name in leaves.named_leaves(state)
        if outcome(with_another_value(state, name)) == expected
    ]
    assert silent == []
