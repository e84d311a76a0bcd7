"""A member of a population is a run of its own, wherever and beside whom it trains."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.data import DataSet
from gan_jax.experiment import build
from gan_jax.experiment.program import make_program
from gan_jax.latents import normal
from gan_jax.models import conv
from gan_jax.models.critic import Critic
from gan_jax.runtime import checkpoint, sharding
from gan_jax.runtime.errors import UserError
from gan_jax.state import Ema
from gan_jax.sweeps import population
from gan_jax.sweeps.population import make_population
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.contrastive import cntr
from gan_jax.views import View
from tests import small

pytestmark = pytest.mark.usefixtures('quick')

DATA = DataSet(
    images=np.random.default_rng(0).integers(0, 256, (10, *small.SHAPE), dtype=np.uint8),
    labels=np.arange(10, dtype=np.int32) % small.CLASSES,
    num_classes=small.CLASSES,
    name='noise',
)
STEPS = 2


def anchored() -> Term:
    """A term with a state: the logits of reals are held to their own moving average."""

    def d(out, state, key):
        now = jnp.mean(out['real']['logit'])
        after = {'mean': 0.5 * state['mean'] + 0.5 * jax.lax.stop_gradient(now)}
        return {'real': (now - state['mean'] - 1) ** 2}, after, {}

    views = {'real': View('real')}
    return Term(d=Objective(views, d), init=lambda: {'mean': jnp.float32(0)})


class Trunk(nn.Module):
    """With a shipped convolution, on a map smaller than its kernel."""

    @nn.compact
    def __call__(self, image, *, train):
        x = small.Trunk()(image, train=train).reshape(-1, 2, 2, 3)
        return jnp.tanh(conv.Conv(3, (3, 3))(x)).reshape(-1, 12)


class Flat(nn.Module):
    """A generator or a trunk, [N, ...] -> [N, *shape], that is soon compiled."""

    shape: tuple[int, ...]
    norm: bool = True  # which no trunk of a joint pass may have

    @nn.compact
    def __call__(self, x, label=None, *, train):
        x = nn.Dense(math.prod(self.shape))(x.reshape(x.shape[0], -1))
        if self.norm:
            x = nn.BatchNorm(not train, momentum=0.9)(x)
        return nn.sigmoid(x).reshape(-1, *self.shape)


TERMS = {'adversarial': hinge(), 'anchored': anchored(), 'contrastive': cntr(0.5, hidden=6, size=5)}
LAZY = ('adversarial', 'anchored')  # of these the second acts every other step


@functools.cache
def parts(names):
    """SGD's momentum keeps the gradients of all steps."""
    terms = {name: TERMS[name] for name in names}
    sgd = optax.sgd(1.0, momentum=0.9)
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    options = {'optimizers': {'g': sgd, 'd': sgd}, 'critic': Critic(Trunk(), heads)}
    if names == LAZY:
        options |= {'averages': {'d': Ema(), 'long': Ema(40.0, math.inf)}}
        options |= {'generator': Flat(small.SHAPE), 'critic': Critic(Flat((6,), norm=False))}
    gan = small.make_gan(terms, **options)
    every = {name: 2 if names == LAZY and name == 'anchored' else 1 for name in names}
    return build.Experiment(gan, terms, every, hyper_of(0, names))


def hyper_of(i, names=tuple(TERMS)):
    """Numbers that no two members share."""
    weights = {
        'adversarial': {'real': 1.0, 'fake': 1 + i / 8},
        'contrastive': 0.5 + i / 8,
        'anchored': 0.1 / (i + 1),
    }
    weights = {name: weights[name] for name in names}
    return small.make_hyper(weights, seed=i, strength=0.1 + i / 20, g=0.02 + i / 500, d=0.01)


def make(members, count, names=tuple(TERMS), d_steps=1):
    return make_population(
        parts(names),
        DATA,
        [hyper_of(i, names) for i in members],
        batch_size=small.BATCH,
        d_steps=d_steps,
        devices=jax.devices()[:count],
    )


def start(made, members, names=tuple(TERMS)):
    return made.stack([small.start(single(names), seed=i) for i in members])


@functools.cache
def single(names=tuple(TERMS), d_steps=1):
    mesh = sharding.make_mesh(1, small.BATCH)
    return make_program(parts(names), DATA, mesh, batch_size=small.BATCH, d_steps=d_steps)


@functools.cache
def alone(i, names=tuple(TERMS), d_steps=1):
    """The states after each step of a run of its own."""
    program = single(names, d_steps)
    state, states = small.start(program, seed=i), []
    for step in range(STEPS):
        state = program.update(state, step, hyper_of(i, names))
        states.append(jax.device_get(state))
    return states


@functools.cache
def pair(members=(0, 1), devices=2):
    """Two members, a lazy term, two updates of D in a step: soon compiled."""
    return make(members, devices, LAZY, d_steps=2)


def start_pair(members=(0, 1)):
    return start(pair(members), members, LAZY)


def norm(tree):
    return math.sqrt(sum(np.sum(np.square(x, dtype=np.float64)) for x in jax.tree.leaves(tree)))


def assert_equal_to_rounding(state, own):
    for side in 'dg':
        gradient, other = (getattr(s, side).opt[0].trace for s in (own, state))
        assert norm(gradient) > 1e-2
        assert norm(jax.tree.map(np.subtract, gradient, other)) < 1e-6 * norm(gradient)
        assert small.distance(getattr(own, side).stats, getattr(state, side).stats) < 1e-6
    assert small.distance(own.terms, state.terms) < 1e-5
    assert small.distance(own, state) < 1e-4  # the metrics too, whose values are some hundreds


# Equal to runs of their own -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ('members', 'devices', 'each'),
    [
        pytest.param(4, 4, None, marks=pytest.mark.slow),
        pytest.param(8, 4, None, marks=pytest.mark.slow),
        # As on accelerators.
        pytest.param(2, 1, jax.vmap, marks=pytest.mark.slow),
    ],
)
def test_a_member_trains_as_a_run_of_its_own(members, devices, each, monkeypatch):
    if each:
        monkeypatch.setattr(population, '_each', lambda mesh: each)
    made = make(range(members), devices)
    state = start(made, range(members))
    for step in range(STEPS):
        state = made.update(state, step)
        for i in range(members):
            assert_equal_to_rounding(jax.device_get(made.member(state, i)), alone(i)[step])


@pytest.mark.slow
@pytest.mark.parametrize('devices', [1, 2])
def test_lazy_terms_and_several_updates_of_d(devices):
    made = pair(devices=devices)
    state = start(made, range(2), LAZY)
    for step in range(STEPS):
        state = made.update(state, step)
        for i in range(2):
            member = jax.device_get(made.member(state, i))
            assert_equal_to_rounding(member, alone(i, LAZY, d_steps=2)[step])
    np.testing.assert_array_equal(state.metrics['d/anchored/real'].count, [1, 1])
    np.testing.assert_array_equal(state.metrics['d/adversarial/real'].count, [2, 2])


CONDITIONED = normal()._replace(
    gives=lambda z: {'h': z[:, :1]},
    reals=lambda bits, rows: (
        (bits.random_raw(rows.size) % 10).reshape(rows.shape),
        {'h': np.float32(rows)[..., None]},
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    'options', [{'g_reals': 'own', 'paired_labels': True}, {'latent': CONDITIONED}]
)
def test_members_whose_reals_are_others(options):
    whole, sizes = parts(LAZY), {'batch_size': small.BATCH, 'd_steps': 1}
    own = whole._replace(gan=whole.gan._replace(**options))
    program = make_program(own, DATA, sharding.make_mesh(1, small.BATCH), **sizes)
    hypers = [hyper_of(i, LAZY) for i in range(2)]
    made = make_population(own, DATA, hypers, devices=jax.devices()[:2], **sizes)
    made.lower()
    starts = [small.start(program, seed=i) for i in range(2)]
    state = made.update(made.stack(starts), 0)
    for i in range(2):
        alone = jax.device_get(program.update(small.start(program, seed=i), 0, hypers[i]))
        assert_equal_to_rounding(jax.device_get(made.member(state, i)), alone)


@pytest.mark.slow
def test_members_start_from_their_own_seeds():
    state = pair().init()
    for i in range(2):
        own = single(LAZY).init(hyper_of(i, LAZY))
        assert small.same(jax.device_get(pair().member(state, i)), jax.device_get(own))


@pytest.mark.slow
def test_neighbours_do_not_matter():
    """Bit for bit: the same member beside others, and in another place."""
    here = pair().update(start_pair(), 0)
    there = pair((5, 0)).update(start_pair((5, 0)), 0)
    assert small.same(*map(jax.device_get, (pair().member(here, 0), pair().member(there, 1))))


@pytest.mark.slow
def test_other_members_in_the_same_program(caplog):
    """As many, with numbers of their own; nothing is compiled for them."""
    first = pair().update(start_pair(), 0)
    with jax.log_compiles():
        other = pair().vary([hyper_of(i, LAZY) for i in (5, 0)])
        state = other.update(start_pair((5, 0)), 0)
    assert not [r for r in caplog.records if 'Compiling jit(update)' in r.getMessage()]
    assert small.same(*map(jax.device_get, (pair().member(first, 0), other.member(state, 1))))
    again = pair().update(start_pair(), 0)
    assert small.same(jax.device_get(again), jax.device_get(first))


def test_others_are_as_many():
    with pytest.raises(ValueError, match="a population of 2 takes no 3 members' numbers"):
        pair().vary([hyper_of(i, LAZY) for i in range(3)])


@pytest.mark.slow
def test_members_lie_on_their_devices():
    made = make(range(4), 2)
    state = start(made, range(4))
    leaf = state.g.params['Dense_0']['kernel']
    shares = {s.device: s.data.shape[0] for s in leaf.addressable_shards}
    assert shares == dict.fromkeys(jax.devices()[:2], 2)
    for i in range(4):
        kernel = made.member(state, i).g.params['Dense_0']['kernel']
        assert kernel.devices() == {jax.devices()[i // 2]}
        np.testing.assert_array_equal(kernel, leaf[i])


# Saved and brought back ---------------------------------------------------------------------------


@pytest.mark.slow
def test_members_are_saved_and_restored_one_by_one(tmp_path, caplog):
    state = start_pair()
    for step in range(4):
        if step == 2:
            for i in range(2):
                with checkpoint.manager(tmp_path / str(i)) as checkpoints:
                    checkpoint.save(checkpoints, pair().member(state, i), {'member': i})
        state = pair().update(state, step)
    restored = [checkpoint.restore(tmp_path / str(i), pair().shapes) for i in range(2)]
    assert [(r.step, r.metadata) for r in restored] == [(2, {'member': i}) for i in range(2)]
    resumed = pair().stack([r.state for r in restored])
    with jax.log_compiles():
        for step in (2, 3):
            resumed = pair().update(resumed, step)
    assert not [r for r in caplog.records if 'Compiling jit(update)' in r.getMessage()]
    assert small.same(jax.device_get(resumed), jax.device_get(state))


@pytest.mark.slow
def test_a_member_goes_on_as_a_run_of_its_own():
    program = single(LAZY, d_steps=2)
    state = pair().update(start_pair(), 0)
    own = jax.device_put(
        jax.device_get(pair().member(state, 1)), jax.tree.map(lambda x: x.sharding, program.shapes)
    )
    own = jax.device_get(program.update(own, 1, hyper_of(1, LAZY)))
    assert_equal_to_rounding(own, alone(1, LAZY, d_steps=2)[1])


def test_metrics_start_again():
    state = pair().update(start_pair(), 0)
    fresh = pair().reset(state.metrics)
    assert small.same(jax.device_get(fresh), jax.device_get(start_pair().metrics))
    assert pair().update(state.replace(metrics=fresh), 1).step.tolist() == [2, 2]


def test_stack_takes_all_members():
    with pytest.raises(ValueError, match='a population of 2 takes no 3 states'):
        pair().stack([alone(0, LAZY, d_steps=2)[0]] * 3)


# What cannot be one population --------------------------------------------------------------------


def test_members_that_do_not_divide():
    with pytest.raises(UserError, match='6 members do not divide among 4 devices: use 3 of them'):
        make(range(6), 4)
    with pytest.raises(UserError, match='or 8 members'):
        make(range(5), 4)


def test_members_of_other_terms():
    weights = {n: w for n, w in hyper_of(1).weights.items() if n != 'anchored'}
    odd = hyper_of(1)._replace(weights=weights)
    with pytest.raises(UserError, match='member 1 .* differ in weights.anchored: members share'):
        make_population(parts(tuple(TERMS)), DATA, [hyper_of(0), odd], batch_size=4, d_steps=1)


@pytest.mark.slow
def test_a_data_set_that_is_streamed(tmp_path):
    path = tmp_path / 'images.npy'
    np.save(path, DATA.images)
    streamed = DATA._replace(images=np.load(path, mmap_mode='r'))
    with pytest.raises(UserError, match="'noise' is read from the disk .* members one by one"):
        make_population(parts(LAZY), streamed, [hyper_of(0, LAZY)], batch_size=4, d_steps=1)
