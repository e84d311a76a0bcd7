"""The compiled step of a run: once for all numbers, once for each set of terms that is due."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import DataSet, sampler
from gan_jax.experiment import build, config
from gan_jax.experiment.program import make_program
from gan_jax.runtime import leaves, sharding
from gan_jax.state import Ema
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.views import View
from tests import small

pytestmark = pytest.mark.usefixtures('quick')

ROOT = Path(__file__).parents[2]
DATA = DataSet(
    images=np.random.default_rng(0).integers(0, 256, (10, *small.SHAPE), dtype=np.uint8),
    labels=None,
    num_classes=0,
    name='noise',
)


def make_small(terms, hyper, every=None, **options):
    """A program of the small game on one device, and a state that it may use up."""
    every = dict.fromkeys(terms, 1) | (every or {})
    gan = small.make_gan(terms, **options)
    program = make_program(
        build.Experiment(gan, terms, every, hyper),
        *(DATA, sharding.make_mesh(1, small.BATCH)),
        batch_size=small.BATCH,
        d_steps=1,
    )
    return gan, program, small.start(program)


@pytest.mark.slow
def test_the_first_generator_needs_no_discriminator_and_is_that_of_the_state():
    hyper = small.make_hyper({'adversarial': 1}, seed=3)
    averages = {'d': Ema(), 'long': Ema()}
    _, program, _ = make_small({'adversarial': hinge()}, hyper, averages=averages)
    generator = program.init_generator(hyper)
    assert jax.tree.leaves((generator.step, generator.d, generator.terms, generator.metrics)) == []
    alone, state = program.init(hyper), program.init(hyper, generator)
    assert leaves.digests(state) == leaves.digests(alone)
    assert state.g is generator.g and state.ema is generator.ema
    assert [*generator.averages] == ['long'] and sorted(state.averages) == ['d', 'long']
    assert state.averages['long'] is generator.averages['long']
    assert small.same(state.averages['d'], state.d.variables)
    assert jax.tree.structure(state) == jax.tree.structure(program.shapes)


def test_the_first_state_is_traced_once():
    traces = []

    def init():
        traces.append(1)
        return {}

    terms = {'adversarial': hinge()._replace(init=init)}
    hyper = small.make_hyper({'adversarial': 1})
    _, program, _ = make_small(terms, hyper)
    program.init(hyper)
    assert len(traces) == 1


@pytest.mark.slow
def test_sweeping_numbers_traces_the_step_once():
    traces = []

    def counted(out, state, key):
        traces.append(1)
        return balanced().d.loss(out, state, None)

    terms = {'adversarial': hinge(), 'consistency': Term(d=balanced().d._replace(loss=counted))}
    weights = {'adversarial': 1, 'consistency': 10}
    sweeps = [
        [small.make_hyper(weights | {'consistency': weight}) for weight in (0, 1, 5, 10, 100)],
        [small.make_hyper(weights, strength=strength) for strength in (0, 0.2, 0.4, 0.6, 0.8)],
        [small.make_hyper(weights, seed=seed) for seed in (0, 1)],
        [small.make_hyper(weights, d=rate) for rate in (0, 0.2)],
    ]
    _, program, state = make_small(terms, sweeps[0][0])
    assert len(traces) == 1  # the check of shapes, whose trace the program takes
    for hypers in sweeps:
        kernels = set()
        for hyper in hypers:
            after = program.update(jax.tree.map(jnp.copy, state), 0, hyper)
            kernels.add(np.asarray(after.d.params['trunk']['Conv_0']['kernel']).tobytes())
        assert len(kernels) == len(hypers)
    assert len(traces) == 1


@pytest.mark.slow
def test_a_lazy_term_acts_every_second_step():
    terms = {'adversarial': hinge(), 'consistency': balanced()}
    hyper = small.make_hyper({'adversarial': 1, 'consistency': 10})
    gan, program, state = make_small(terms, hyper, every={'consistency': 2})
    bare = small.compiled(gan, {'adversarial': terms['adversarial']})
    start = jax.device_get(state)
    for step in range(4):
        before = jax.device_get(state)
        state = program.update(state, step, hyper)
        rows = sampler.indices(0, step, small.BATCH, len(DATA.images))
        batch = {'image': DATA.images[rows][None], 'label': np.zeros((1, small.BATCH), np.int32)}
        away = small.distance(bare(before, batch, hyper)[0].d.params, state.d.params)
        assert (away < 1e-6) == (step % 2 == 1)
    counts = {name: int(mean.count) for name, mean in state.metrics.items()}
    assert counts == {
        **{f'd/adversarial/{part}': 4 for part in ('real', 'fake')},
        **{f'd/consistency/{part}': 2 for part in ('real', 'fake')},
        'g/adversarial/fake': 4,
        **{f'{side}/{norm}': 4 for side in 'dg' for norm in ('grad_norm', 'update_norm')},
    }
    assert small.same(program.reset(state.metrics), start.metrics)
    assert state.step == 4


def test_terms_that_do_not_fit_are_found_before_the_first_step():
    def loss(out, state, key):
        return {}, state, {}

    terms = {'lost': Term(d=Objective({'x': View('nowhere')}, loss))}
    with pytest.raises(ValueError, match="source 'nowhere'"):
        make_small(terms, small.make_hyper({'lost': 1}))


DIGEST = """
import hashlib, sys
from gan_jax import data
from gan_jax.experiment import build, config, program
from gan_jax.runtime import sharding
c = config.load_config(sys.argv[1]).to_dict()
images, mesh = data.load('digits', size=c['data']['size']), sharding.make_mesh(1, 8)
parts = build.build_experiment(c, shape=images.images.shape[1:], num_classes=10)
lowered = program.make_program(parts, images, mesh, batch_size=8, d_steps=1).lower()
print(hashlib.sha256(lowered.as_text().encode()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize('name', ['sweeps/tiny.py', 'smoke.py'])
def test_every_process_compiles_the_same_program(name):
    """Else no cache would ever hit, and a resumed run might round differently."""
    runs = [
        subprocess.Popen(
            [sys.executable, '-c', DIGEST, f'tests/{name}'],
            env={**os.environ, 'PYTHONHASHSEED': seed},  # what orders Python's sets
            **{'stdout': subprocess.PIPE, 'text': True, 'cwd': ROOT},
        )
        for seed in ('1', '2')
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert first == second and len(first.strip()) == 64


# A term from outside ------------------------------------------------------------------------------

TERM = """
import flax.linen as nn
import jax.numpy as jnp

from gan_jax.terms import Objective, Term
from gan_jax.views import View


class Guess(nn.Module):
    @nn.compact
    def __call__(self, features, label, *, train):
        return {'label': nn.Dense(10)(features)}


def mine(*, scale: float = 1.0) -> Term:
    def d(out, state, key):
        guess = out['real']['head']['label']
        right = jnp.take_along_axis(guess, out['real']['label'][:, None], axis=1)
        return {'real': -scale * jnp.mean(right)}, state, {}

    return Term(d=Objective({'real': View('real')}, d), head=Guess())
"""
CONFIG = f"""
import runpy


def get_config(text=''):
    c = runpy.run_path({str(ROOT / 'tests' / 'sweeps' / 'tiny.py')!r})['get_config'](text)
    c.terms.mine = dict(fn='my_term.mine', weight=1.0, scale=2.0)
    return c
"""


@pytest.mark.slow
def test_a_term_outside_the_package_trains_through_one_config_line(tmp_path, monkeypatch):
    (tmp_path / 'my_term.py').write_text(TERM)
    (tmp_path / 'my_config.py').write_text(CONFIG)
    monkeypatch.syspath_prepend(tmp_path)
    settings = config.load_config(f'{tmp_path}/my_config.py:method=none').to_dict()
    images = data.load('digits', size=8)
    parts = build.build_experiment(settings, shape=(8, 8, 1), num_classes=10)
    program = make_program(parts, images, sharding.make_mesh(1, 8), batch_size=8, d_steps=1)
    state = small.start(program)
    losses, head = [], jax.device_get(state.d.params['heads_mine'])
    for _ in range(3):
        state = program.update(state, 0, parts.hyper)  # on the same images
        losses.append(float(state.metrics['d/mine/real'].total))
        state = state.replace(metrics=program.reset(state.metrics))
    assert losses[2] < losses[1] < losses[0]
    assert small.distance(state.d.params['heads_mine'], head) > 1e-4
