"""Several steps in one dispatch: which go together, and that they are the same steps."""

import json
import os
import signal
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax import train
from gan_jax.data import DataSet
from gan_jax.experiment import build, config, setup
from gan_jax.experiment.feed import make_feed
from gan_jax.experiment.program import make_program
from gan_jax.experiment.schedule import dispatch_length
from gan_jax.runtime import checkpoint, sharding
from gan_jax.terms import Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from tests import small

TINY = str(Path(__file__).parent / 'sweeps' / 'tiny.py')
NEVER = dict.fromkeys(('log', 'sample', 'evaluate', 'full', 'checkpoint'), 64)
DATA = DataSet(
    images=np.random.default_rng(0).integers(0, 256, (10, *small.SHAPE), dtype=np.uint8),
    labels=None,
    num_classes=0,
    name='noise',
)


def dispatches(most, first, last, settings, every):
    """[(step, count)] of a run."""
    made, step = [], first
    while step < last:
        made.append((step, dispatch_length(step, most, settings, every)))
        step += made[-1][1]
    return made


def blocks(found):
    return [step for step, count in found if count > 1]


# Pictures come at powers of two before the first interval, so at 1, 2, 4, 8, 16 and 32.
@pytest.mark.parametrize(
    ('most', 'first', 'last', 'due', 'every', 'expected'),
    [
        (1, 0, 8, {}, {}, []),
        (4, 0, 24, {}, {}, [4, 8, 12, 16, 20]),
        (4, 0, 23, {}, {}, [4, 8, 12, 16]),  # the last step lies inside [20, 24)
        (4, 6, 24, {}, {}, [8, 12, 16, 20]),  # a resumed run comes to the same multiples
        (4, 0, 24, {'log': 4}, {}, [4, 8, 12, 16, 20]),
        (4, 0, 24, {'log': 6}, {}, [8, 12, 20]),
        (4, 0, 24, {'checkpoint': 7}, {}, [8, 16]),  # 7, 14, 21
        (4, 0, 24, {'evaluate': 12, 'full': 9}, {}, [4, 12, 20]),
        (8, 0, 32, {}, {}, [8, 16, 24]),
        (8, 0, 64, {'log': 10}, {}, [32, 40]),
        (4, 0, 24, {}, {'r1': 8}, [4, 12, 20]),
        (4, 0, 24, {}, {'r1': 2}, []),
        (4, 0, 24, {}, {'r1': 3, 'hinge': 1}, []),
        (4, 0, 24, {}, {'r1': 5}, [16]),  # 0, 5, 10, 15, 20
    ],
)
def test_what_goes_together(most, first, last, due, every, expected):
    settings = {'steps': last, 'every': NEVER | due}
    found = dispatches(most, first, last, settings, every)
    assert blocks(found) == expected
    assert {count for _, count in found} <= {1, most}
    assert sum(count for _, count in found) == last - first  # none is overstepped
    # From any dispatch on, a resumed run makes the same ones.
    for i, (step, _) in enumerate(found):
        assert dispatches(most, step, last, settings, every) == found[i:]


def test_a_metric_with_an_interval_of_its_own_ends_a_dispatch():
    settings = {'steps': 24, 'every': NEVER, 'evaluate': {'norm': {'fn': 'a.b', 'every': 7}}}
    assert blocks(dispatches(4, 0, 24, settings, {})) == [8, 16]  # 7, 14, 21


def test_a_cpu_takes_one_step_at_a_time(monkeypatch):
    settings = config.load_config(TINY, ['--config.steps_per_dispatch=4']).to_dict()
    assert setup.build_setup(settings).steps_per_dispatch == 1
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
    assert setup.build_setup(settings).steps_per_dispatch == 4


def test_rows_of_several_steps_are_those_of_each(tmp_path):
    np.save(tmp_path / 'images.npy', DATA.images)
    mapped = np.load(tmp_path / 'images.npy', mmap_mode='r')
    mesh = sharding.make_mesh(2, small.BATCH)
    for images in (DATA.images, mapped):
        dataset = DATA._replace(images=images)
        feed = make_feed(dataset, mesh, batch_size=small.BATCH, rows=2)
        together, after = jax.device_get((feed.index_batch(3, 5, 3), feed.index_batch(3, 8)))
        alone = [jax.device_get(feed.index_batch(3, step)) for step in (5, 6, 7, 8)]
        assert small.same(together, jax.tree.map(lambda *xs: np.stack(xs), *alone[:3]))
        assert small.same(after, alone[3])
        for array in jax.tree.leaves(feed.index_batch(3, 5, 3)):
            assert array.sharding.spec[2] == 'data'


@pytest.fixture(scope='module')
def program():
    """(program with a lazy term, its numbers, how often D's loss was traced)."""
    traces = []

    def counted(out, state, key):
        traces.append(1)
        return hinge().d.loss(out, state, None)

    terms = {
        'adversarial': Term(d=hinge().d._replace(loss=counted), g=hinge().g),
        'consistency': balanced(),
    }
    hyper = small.make_hyper({'adversarial': 1, 'consistency': 10})
    gan = small.make_gan(terms)
    every = {'adversarial': 1, 'consistency': 12}
    mesh = sharding.make_mesh(2, small.BATCH)
    made = make_program(
        build.Experiment(gan, terms, every, hyper),
        *(DATA, mesh),
        **{'batch_size': small.BATCH, 'd_steps': 1},
    )
    return made, hyper, every, traces


@pytest.fixture
def quick():
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', False)


@pytest.mark.slow
def test_four_at_once_are_four_in_turn(program, quick):
    made, hyper, every, traces = program
    ends = []
    for most in (1, 4):
        state = small.start(made)
        for step, count in dispatches(most, 0, 12, {'steps': 12, 'every': NEVER}, every):
            assert count == (4 if most == 4 and step >= 4 else 1)
            state = made.update(state, step, hyper, count)
        ends.append(jax.device_get(state))
    one, four = ends
    assert one.step == four.step == 12
    assert small.distance(one.g.params, small.start(made).g.params) > 1e-3
    assert small.distance((one.g, one.d, one.ema), (four.g, four.d, four.ema)) < 1e-4
    assert small.distance(one.metrics, four.metrics) < 1e-4
    assert four.metrics['d/adversarial/real'].count == 12
    # With the lazy term and without it; neither the check of shapes nor the loop has its own.
    assert len(traces) == 2


def test_steps_with_other_terms_in_them_cannot_be_one_dispatch(program):
    made, hyper, *_ = program
    with pytest.raises(ValueError, match='3 steps from 10 on have not the same terms'):
        made.update(None, 10, hyper, 3)


# A run ------------------------------------------------------------------------------------------

FEW = ['log=8', 'sample=24', 'evaluate=24', 'full=24', 'checkpoint=24']
FLAGS = [
    f'--config={TINY}:method=none',
    '--config.steps=24',
    '--config.evaluate.metrics=',
    *(f'--config.every.{one}' for one in FEW),
]


@pytest.fixture
def as_on_an_accelerator(monkeypatch):
    """Four steps are tried at once; the dispatches that are made, and where a signal comes."""
    made, stop = [], []
    build_setup = train.build_setup

    def watched(*arguments, **options):
        found = build_setup(*arguments, **options)

        def update(state, step, hyper, count):
            made.append((step, count))
            if step in stop:
                stop.remove(step)
                os.kill(os.getpid(), signal.SIGTERM)
            return found.program.update(state, step, hyper, count)

        return found._replace(steps_per_dispatch=4, program=found.program._replace(update=update))

    monkeypatch.setattr(train, 'build_setup', watched)
    return made, stop


def outcome(folder):
    lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    rows = [{k: v for k, v in one.items() if not k.startswith('time/')} for one in lines]
    return rows, checkpoint._record(folder / 'checkpoints', 24)['leaves']


@pytest.mark.slow
def test_a_run_stopped_within_its_blocks_resumes_to_the_same_bits(as_on_an_accelerator, tmp_path):
    made, stop = as_on_an_accelerator
    straight, broken = tmp_path / 'straight', tmp_path / 'broken'
    assert train.main([*FLAGS, f'--workdir={straight}']) == 0
    alone, made[:] = made[:], []
    assert alone == [*((i, 1) for i in range(4)), *((i, 4) for i in range(4, 24, 4))]
    stop += [2, 12]
    assert [train.main([*FLAGS, f'--workdir={broken}']) for _ in range(3)] == [143, 143, 0]
    assert made == alone
    # The block that had begun is done when the run stops.
    assert {3, 16} <= {int(f.name) for f in (broken / 'checkpoints').iterdir()}
    assert outcome(broken) == outcome(straight)
    assert [row['step'] for row in outcome(straight)[0]] == [8, 16, 24]
