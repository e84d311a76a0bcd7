"""All that can be one's own, in a package outside of gan_jax, by config alone: tests/a_fork."""

import json
from pathlib import Path

import numpy as np
import pytest

from gan_jax import train
from gan_jax.experiment import config, setup
from gan_jax.runtime import checkpoint
from gan_jax.testing import check_op, check_term
from tests import small
from tests.a_fork import operations, terms

ROOT = Path(__file__).parent.parent
CONFIG = '--config=tests/a_fork/config.py'


def rows_of(workdir):
    """The rows of the log by step, less what depends on the clock."""
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return {
        row['step']: {k: v for k, v in row.items() if 'second' not in k and k != 'time'}
        for row in rows
    }


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The workdirs of four steps in one go, and of two and two."""
    whole, halves = (tmp_path_factory.mktemp(name) for name in ('whole', 'halves'))
    for workdir, steps in ((whole, 4), (halves, 2), (halves, 4)):
        assert train.main([CONFIG, f'--workdir={workdir}', f'--config.steps={steps}']) == 0
    return whole, halves


def leaves_of(workdir):
    return checkpoint.restore_leaves(workdir / 'checkpoints', '').state


@pytest.mark.slow
def test_the_run_is_resumed_bit_for_bit(trained):
    whole, halves = (leaves_of(workdir) for workdir in trained)
    assert whole.keys() == halves.keys()
    assert all(np.array_equal(whole[name], halves[name]) for name in whole)
    assert rows_of(trained[0])[4] == rows_of(trained[1])[4]


@pytest.mark.slow
def test_each_metric_has_its_interval_and_the_state_of_its_step(trained):
    rows = rows_of(trained[0])
    assert [step for step in rows if 'eval/brightness' in rows[step]] == [0, 2, 4]
    assert [step for step in rows if 'eval/largest' in rows[step]] == [0, 1, 2, 3, 4]
    params = [x for name, x in leaves_of(trained[0]).items() if name.startswith('d/params')]
    assert rows[4]['eval/largest'] == pytest.approx(max(np.abs(x).max() for x in params))


@pytest.mark.slow
def test_the_writer_has_every_row_of_the_log_once(trained):
    for folder in trained:
        lines = (folder / 'rows.jsonl').read_text().splitlines()
        written = [
            {k: v for k, v in json.loads(line).items() if 'second' not in k} for line in lines
        ]
        assert written == [*rows_of(folder).values()]


@pytest.mark.slow
def test_the_number_falls_by_the_schedule(trained):
    rows = rows_of(trained[0])
    name = 'schedule/terms.novelty.temperature'
    assert (rows[2][name], rows[4][name]) == (2.0, 1.5)  # a step down after two steps


@pytest.mark.slow
def test_the_queue_holds_what_the_averaged_discriminator_said(trained):
    queue = leaves_of(trained[0])['terms/novelty/queue']
    assert queue.shape == (16, 4) and not np.any(np.all(queue == 1, axis=1))


@pytest.mark.slow
def test_the_generator_has_noise_and_w():
    settings = json.loads(config.load_config('tests/a_fork/config.py').to_json())
    made = setup.build_setup(settings)
    generator, g = made.experiment.gan.generator, made.program.init(made.experiment.hyper).ema
    z, label = np.zeros((2, 16), np.float32), np.zeros(2, np.int32)
    one, other = (
        generator.apply(g, z, label, train=False, rngs={'noise': small.new_key(i)}) for i in (0, 1)
    )
    assert np.array_equal(one['w'], other['w']) and np.any(one['image'] != other['image'])


@pytest.mark.slow
def test_its_parts_keep_the_contracts():
    check_op(operations.negative, shape=(16, 9, 12, 3), strength=0.4)
    check_term(terms.novelty())


def test_gan_jax_does_not_know_it():
    sources = (file.read_text() for file in (ROOT / 'gan_jax').rglob('*.py'))
    assert not any('a_fork' in text for text in sources)
