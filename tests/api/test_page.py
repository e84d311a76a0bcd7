"""The train step of docs/library.md trains, and its losses are the terms'."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / 'docs' / 'library.md'
MARKED = re.compile(r'test_page.py runs this block. -->\n```python\n(.*?)```', re.S)


@pytest.fixture(scope='module')
def step():
    """The names that the block defines."""
    found: dict = {}
    exec(compile(MARKED.search(PAGE.read_text())[1], str(PAGE), 'exec'), found)
    return found


def batch(seed):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.uniform(size=(8, 16, 16, 1)), jnp.float32)


def test_it_is_forty_lines_or_so():
    lines = [line for line in MARKED.search(PAGE.read_text())[1].splitlines() if line.strip()]
    assert len(lines) <= 45


@pytest.mark.slow
def test_it_trains_and_every_added_loss_acts(step):
    real, fake = batch(0), batch(1) / 2
    params = step['discriminator'].init(jax.random.key(0), real)
    state, before = step['optimizer'].init(params), params
    seen = []
    for i in range(12):
        params, state, loss = step['d_step'](params, state, real, fake, jax.random.key(i))
        seen.append(float(loss))
    assert np.all(np.isfinite(seen)) and np.mean(seen[-3:]) < np.mean(seen[:3])
    # Cntr's head is trained by Cntr alone: hinge and bCR do not reach it.
    head = before['params']['Dense_0']['kernel'], params['params']['Dense_0']['kernel']
    assert not np.array_equal(*head)
