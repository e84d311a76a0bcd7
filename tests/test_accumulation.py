"""Gradient accumulation: a batch in parts that run one after another."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import accumulation
from gan_jax.data import DataSet
from gan_jax.experiment import build
from gan_jax.experiment.program import make_program
from gan_jax.keys import named
from gan_jax.runtime import sharding
from gan_jax.step import make_d_gradient, make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from tests import small

PARTS = 2
SEED, STEP = 5, 7
TERMS = {'adversarial': hinge(), 'consistency': balanced()}
HYPER = small.make_hyper({'adversarial': 1, 'consistency': 10}, seed=SEED, g=1, d=1)


def counter():
    """A term that counts how often its losses are taken, and reports it."""

    def loss(out, state, key):
        return {'none': jnp.zeros(())}, state + 1, {'before': state}

    return Term(d=Objective({}, loss), g=Objective({}, loss), init=lambda: np.float32(0))


@pytest.fixture(scope='module')
def taken():
    """(game of whole batches, state, batch, state and metrics after a step in parts)."""
    with small.float64():
        sgd = {side: optax.sgd(lambda count: 1.0) for side in 'gd'}  # counts its moves
        gan = small.smooth_gan(TERMS, optimizers=sgd)
        terms = {**TERMS, 'counter': counter()}
        hyper = HYPER._replace(weights={**HYPER.weights, 'counter': np.float32(1)})
        state = small.first_state(gan, terms, dtype=np.float64).replace(step=np.int32(STEP))
        batch = small.make_batch(size=3 * PARTS)
        after = small.compiled(gan._replace(accumulate=PARTS), terms)(state, batch, hyper)
        return gan, state, batch, *after


def keys(side):
    root = named(jax.random.key(SEED), 'step', STEP, *side)
    return [named(root, 'part', i) for i in range(PARTS)]


def mean(trees):
    return jax.tree.map(lambda *xs: sum(xs) / len(xs), *trees)


def moved(before, after):
    return jax.tree.map(lambda a, b: a - np.asarray(b), before.params, after.params)


def test_d_moves_by_the_mean_of_the_gradients_of_its_parts(taken, x64):
    gan, state, batch, after, _ = taken
    gradient = small.jit(make_d_gradient(gan, TERMS))
    parts = [jax.tree.map(lambda x, i=i: x[0, i::PARTS], batch) for i in range(PARTS)]
    of_parts = [gradient(state, p, k, HYPER) for p, k in zip(parts, keys(('d', 0)), strict=True)]
    found = moved(state.d, after.d)
    assert small.distance(found, mean(of_parts)) < 1e-12
    assert small.distance(found, of_parts[0]) > 1e-3
    # What a step descends by is known for parts too.
    whole = jax.tree.map(lambda x: x[0], batch)
    cut = small.jit(make_d_gradient(gan._replace(accumulate=PARTS), TERMS))
    key = named(jax.random.key(SEED), 'step', STEP, 'd', 0)
    assert small.distance(cut(state, whole, key, HYPER), found) < 1e-12


def test_g_moves_by_the_mean_and_its_collections_with_every_part(taken, x64):
    gan, state, _, after, _ = taken

    def loss(params, stats, key):  # of the hinge: bCR adds nothing for G
        z = jax.random.normal(named(key, 'z'), (3, small.LATENT))
        label = jax.random.randint(named(key, 'label'), (3,), 0, small.CLASSES)
        variables = {'params': params, **stats}
        image, stats = gan.generator.apply(variables, z, label, train=True, mutable=['batch_stats'])
        d = {'params': after.d.params, **after.d.stats}
        return -jnp.mean(gan.critic.apply(d, image, label, train=False)['logit']), stats

    gradient, stats, of_parts = small.jit(jax.grad(loss, has_aux=True)), state.g.stats, []
    for key in keys('g'):
        found, stats = gradient(state.g.params, stats, key)
        of_parts.append(found)
    assert small.distance(moved(state.g, after.g), mean(of_parts)) < 1e-12
    assert small.distance(after.g.stats, stats) < 1e-12


def test_the_optimisers_move_once_and_the_terms_states_with_every_part(taken, x64):
    *_, state, metrics = taken
    assert [int(net.opt[1].count) for net in (state.g, state.d)] == [1, 1]
    assert state.terms['counter'] == 2 * PARTS
    # Means over the parts, of which D's found 0 and 1 counted, and G's 2 and 3.
    assert (metrics['d/counter/before'], metrics['g/counter/before']) == (0.5, 2.5)


@pytest.mark.slow
def test_scan_of_accelerators_equals_the_parts_written_out(taken, x64, monkeypatch):
    gan, state, batch, after, metrics = taken
    terms = {**TERMS, 'counter': counter()}
    hyper = HYPER._replace(weights={**HYPER.weights, 'counter': np.float32(1)})
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
    step = small.compiled(gan._replace(accumulate=PARTS), terms)
    assert small.distance(step(state, batch, hyper), (after, metrics)) < 1e-12


@pytest.mark.slow
def test_memory_falls_with_the_parts_where_they_are_scanned(monkeypatch):
    """As on accelerators. (On a CPU, where they are written out, it hardly does.)"""
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
    terms = {'adversarial': hinge()}
    needed = []
    for count in (1, 4):
        gan = small.make_gan(terms, accumulate=count)
        state = small.first_state(gan, terms)
        step = small.jit(make_train_step(gan, terms))
        lowered = step.lower(state, small.make_batch(size=256), HYPER)
        needed.append(lowered.compile().memory_analysis().temp_size_in_bytes)
    assert needed[1] < 0.4 * needed[0]


@pytest.mark.slow
def test_rows_stay_on_their_devices():
    """A part that took neighbouring rows would have to be sent around."""
    count = 4
    images = np.zeros((20, *small.SHAPE), np.uint8)
    terms = {'adversarial': hinge()}
    gan = small.make_gan(terms, accumulate=PARTS)
    program = make_program(
        build.Experiment(gan, terms, {'adversarial': 1}, HYPER),
        *(DataSet(images, None, 0, 'blank'), sharding.make_mesh(count, 16, PARTS)),
        **{'batch_size': 16, 'd_steps': 1},
    )
    compiled = (
        program.lower().compile(compiler_options={'xla_backend_optimization_level': 0}).as_text()
    )
    assert 'all-reduce(' in compiled
    for opcode in ('all-gather', 'all-to-all', 'collective-permute'):
        assert f'{opcode}(' not in compiled


def test_a_batch_that_does_not_divide_is_refused():
    gan = small.make_gan(TERMS, accumulate=3)
    state = small.first_state(gan, TERMS)
    with pytest.raises(ValueError, match='a batch of 4 does not divide into 3 parts'):
        jax.eval_shape(make_train_step(gan, TERMS), state, small.make_batch(), HYPER)


def test_parts_are_traced_once_where_they_are_written_out():
    traced = []

    def body(carry, row):
        traced.append(row)
        return carry + row, 2 * row

    total, rows = accumulation.repeat(body, jnp.float32(1), jnp.arange(50.0), 50, unroll=True)
    assert len(traced) == 1
    assert total == 1 + sum(range(50)) and rows.tolist() == [2 * i for i in range(50)]
