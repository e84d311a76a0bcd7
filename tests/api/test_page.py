"""The blocks of docs/library.md run in order; its train step trains by the losses of the terms."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests import pages
from tests.pages import ROOT

PAGE = ROOT / 'docs' / 'library.md'
MARKED = re.compile(r'test_page.py runs this block. -->\n```python\n(.*?)```', re.S)


@pytest.fixture(scope='module')
def step():
    """The names that the block defines."""
    found: dict = {}
    exec(compile(MARKED.search(PAGE.read_text())[1], str(PAGE), 'exec'), found)
    return found


# The config of the first block, in some steps.
SHORT = f"""import runpy
def get_config(text):
    c = runpy.run_path({str(ROOT / 'configs' / 'digits.py')!r})['get_config'](text)
    c.steps, c.batch_size, c.mesh.data, c.evaluate.num = 2, 8, 1, 200
    c.generator.width = c.discriminator.width = 0.0625
    c.every.evaluate = 1
    return c
"""


@pytest.mark.slow
@pytest.mark.usefixtures('quick')
def test_all_blocks_run_as_they_stand_in_one_session(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'digits.py').write_text(SHORT)
    session: dict = {}
    blocks = pages.blocks(PAGE.read_text(), 'python')
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, str(PAGE), 'exec'), session)
    assert session['run'].status['status'] == 'done'
    assert session['steps'][-1] == 2 and np.isfinite(session['distance']).all()
    assert session['images'].shape == (64, 16, 16, 1) and session['images'].dtype == np.uint8
    assert session['z'].shape[0] == 2 and session['between'].shape == (1, 16, 16, 1)
    assert callable(session['d_step']) and capsys.readouterr() == ('', '')


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
