"""Numbers that change during a run."""

import functools
import json
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from gan_jax import schedules
from gan_jax.experiment import build, config
from gan_jax.experiment.numbers import data_of
from gan_jax.runtime.errors import PartError
from gan_jax.schedules import Schedule, values_at
from gan_jax.step import make_train_step
from gan_jax.sweeps.groups import group
from tests import small

ROOT = Path(__file__).parent.parent
LINEAR = {'fn': 'gan_jax.schedules.linear', 'start': 0.0, 'end': 8.0, 'over': 4.0}


def settings(**changed):
    """The config of the digits, with values by key in place of its own."""
    c = config.run_config_file(f'{ROOT}/configs/digits.py').unlock()
    for key, value in changed.items():
        *parents, last = key.split('.')
        functools.reduce(lambda block, part: block[part], parents, c)[last] = value
    return c


def built(**changed):
    resolved = json.loads(settings(**changed).to_json())
    return build.build_experiment(resolved, shape=(16, 16, 1), num_classes=10)


# The curves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(('count', 'line', 'wave'), [(0, 2, 2), (3, 2, 2), (5, 4, 4), (7, 6, 6)])
def test_curves_at_points_worked_by_hand(count, line, wave):
    given = {'start': 2.0, 'end': 6.0, 'over': 4.0, 'begin': 3.0}
    assert float(schedules.linear(**given)(count)) == line
    assert float(schedules.cosine(**given)(count)) == pytest.approx(wave, rel=1e-6)


def test_cosine_is_the_formula_of_r3gan():
    """v(t) = base + (1 - (1 + cos(pi t / T)) / 2) (final - base), constant after T."""
    for t in (0.0, 0.3, 2.0, 9.0, 11.0):
        share = min(t / 10, 1)
        value = 5 + (1 - (1 + np.cos(np.pi * share)) / 2) * (0.5 - 5)
        assert float(schedules.cosine(5.0, 0.5, over=10.0)(t)) == pytest.approx(value, rel=1e-6)


def test_inverse_root_is_the_formula_of_edm2():
    """With a line that ends before the fall begins, and as in R3GAN2 long after it."""
    early = schedules.inverse_root(3.0, ramp=2.0, over=4.0)
    assert [float(early(t)) for t in (0, 1, 2, 4, 16)] == [0, 1.5, 3, 3, 1.5]
    late = schedules.inverse_root(0.01, ramp=1e6, over=512e3)
    for t in (0, 3e5, 512e3, 8e5, 1e6, 2e7):
        value = 0.01 * min(t / 1e6, 1) / np.sqrt(max(t / (1000 * 512), 1))
        assert float(late(t)) == pytest.approx(value, rel=1e-6)


def test_cosine_root_goes_on_from_the_cosine():
    curve, wave = (
        schedules.cosine_root(0.01, 0.001, over=8.0),
        schedules.cosine(0.01, 0.001, over=8.0),
    )
    for t in (0.0, 3.0, 8.0):
        assert float(curve(t)) == pytest.approx(float(wave(t)), rel=1e-6)
    assert [float(curve(t)) for t in (32, 800)] == pytest.approx([0.0005, 0.0001], rel=1e-6)


def test_optax_cosine_is_the_same_curve():
    ours, theirs = schedules.cosine(2.0, 0.5, over=7.0), optax.cosine_decay_schedule(2.0, 7, 0.25)
    for t in range(10):
        assert float(ours(t)) == pytest.approx(float(theirs(t)), rel=1e-6)


@pytest.mark.parametrize(('unit', 'per_step'), [('steps', 1), ('images', 64), ('run', 1 / 1400)])
def test_units(unit, per_step):
    c = built(**{'augment.strength': {**LINEAR, 'unit': unit, 'end': 0.5}})
    made = c.hyper.strength['translation']
    assert made.per_step == np.float32(per_step)
    expected = 0.5 * min(3 * per_step / 4, 1)
    assert float(made.at(np.int32(3))) == pytest.approx(expected, rel=1e-6)


# In the step --------------------------------------------------------------------------------------


def stepped(numbers):
    """The states after each of four steps of a small game whose numbers `numbers(step)` gives."""
    gan, terms, _ = game()
    step = small.jit(make_train_step(gan, terms))
    state, seen = small.first_state(gan, terms), []
    for i in range(4):
        state, metrics = step(state, small.make_batch(seed=i), numbers(i))
        seen.append((jax.device_get(state), jax.device_get(metrics)))
    return seen


@functools.cache
def game():
    from gan_jax.terms.adversarial import hinge
    from gan_jax.terms.consistency import balanced

    terms = {'adversarial': hinge(), 'consistency': balanced()}
    return small.make_gan(terms), terms, small.make_hyper({'adversarial': 1, 'consistency': 1})


def line(start, end, name):
    numbers = {'start': np.float32(start), 'end': np.float32(end), 'over': np.float32(4)}
    return Schedule(numbers, np.float32(1), name, schedules.linear)


@pytest.mark.slow
def test_a_schedule_is_its_number_of_each_step():
    _, _, hyper = game()
    ends = {'weight': (0.0, 8.0), 'strength': (0.0, 0.4), 'rate': (0.1, 0.2), 'halflife': (4, 12)}

    def with_numbers(weight, strength, rate, halflife):
        return hyper._replace(
            weights={**hyper.weights, 'consistency': weight},
            strength={'translation': strength},
            learning_rate={'g': np.float32(0.1), 'd': rate},
            keywords={'ema': {'halflife_images': halflife}},
        )

    curves = with_numbers(**{name: line(*pair, name) for name, pair in ends.items()})
    by_schedule = stepped(lambda i: curves)
    by_hand = stepped(
        lambda i: with_numbers(
            **{name: np.float32(a + (b - a) * i / 4) for name, (a, b) in ends.items()}
        )
    )
    for i, ((state, metrics), (expected, others)) in enumerate(
        zip(by_schedule, by_hand, strict=True)
    ):
        assert small.distance(state, expected) < 1e-6
        for name, (a, b) in ends.items():
            assert metrics.pop(f'schedule/{name}') == pytest.approx(a + (b - a) * i / 4)
        assert metrics.keys() == others.keys()


def test_without_schedules_the_numbers_pass_unchanged():
    hyper = game()[2]
    same, reported = values_at(hyper, np.int32(5))
    assert reported == {}
    assert all(a is b for a, b in zip(*map(jax.tree.leaves, (same, hyper)), strict=True))


def test_a_scheduled_decay_of_adam_is_its_value_in_every_step():
    curve = {'fn': 'gan_jax.schedules.linear', 'start': 0.9, 'end': 0.99, 'over': 3.0}
    optimizer = built(**{'optim.d.b2': curve}).gan.optimizers['d']
    params = {'w': np.float32([1.0, 2.0])}
    state, mean, square = optimizer.init(params), np.zeros(2), np.zeros(2)
    for i in range(4):
        b2, grads = np.float32(0.9 + 0.03 * i), np.float32([1.0 + i, -2.0])
        moves, state = optimizer.update({'w': grads}, state, params, b2=b2)
        mean, square = 0.5 * mean + 0.5 * grads, b2 * square + (1 - b2) * grads**2
        expected = -mean / (1 - 0.5 ** (i + 1)) / (np.sqrt(square / (1 - b2 ** (i + 1))) + 1e-8)
        np.testing.assert_allclose(moves['w'], expected, rtol=1e-5)


def test_a_term_is_made_again_with_a_scheduled_keyword():
    curve = {'fn': 'gan_jax.schedules.linear', 'start': 0.1, 'end': 0.5}
    found = built(**{'terms.contrastive.temperature': curve})
    numbers = found.hyper.keywords['terms.contrastive']
    projections = np.random.default_rng(0).normal(size=(4, 4, 6)).astype(np.float32)
    views = ('real_1', 'real_2', 'fake_1', 'fake_2')
    out = {v: {'head': {'projection': p}} for v, p in zip(views, projections, strict=True)}

    @jax.jit
    def loss(temperature):
        return found.terms['contrastive'].remake(temperature=temperature).d.loss(out, {}, None)[0]

    for temperature in (0.1, 0.5):
        direct = built(**{'terms.contrastive.temperature': temperature}).terms['contrastive']
        expected = direct.d.loss(out, {}, None)[0]
        assert small.distance(loss(np.float32(temperature)), expected) < 1e-6
    assert numbers['temperature'].at(np.int32(1)) == pytest.approx(0.5)


# One program --------------------------------------------------------------------------------------


def test_schedules_that_differ_in_data_share_a_program():
    def of(**changed):
        read = built(**{'augment.strength': {**LINEAR, **changed}}).hyper
        resolved = json.loads(settings(**{'augment.strength': {**LINEAR, **changed}}).to_json())
        return jax.tree.structure(read), group(resolved)

    first = of(end=0.1)
    assert {of(end=end)[0] for end in (0.2, 0.3, 0.4)} == {first[0]}
    assert of(end=0.4, over=9.0, unit='run') == first
    assert of(fn='gan_jax.schedules.cosine', end=0.1) != first


def test_what_a_function_inspects_is_no_data():
    """Optax compares the length of its cosine with 0 in Python; integers are no data at all."""
    block = {'fn': 'optax.cosine_decay_schedule', 'init_value': 1, 'decay_steps': 5, 'alpha': 0.5}
    assert data_of(block) == ('init_value', 'alpha')
    block = {'fn': 'optax.exponential_decay', 'init_value': 1.0, 'transition_steps': 5}
    assert data_of({**block, 'decay_rate': 0.5}) == ('init_value',)


# Faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('key', 'block', 'words'),
    [
        ('augment.strength', {**LINEAR, 'slope': 1.0}, "takes no 'slope'"),
        ('augment.strength', {'fn': 'gan_jax.schedules.linear', 'start': 0.0}, "needs 'end'"),
        ('ema.halflife_images', {**LINEAR, 'over': 0.0}, 'over is 0.0: give a number from'),
        ('optim.g.learning_rate', {**LINEAR, 'unit': 'epochs'}, "unit is 'epochs': give 'steps'"),
        ('terms.consistency.weight', {**LINEAR, 'fn': 'gan_jax.schedules.ramp'}, "has no 'ramp'"),
        ('augment.view', LINEAR, "config has no use for 'augment.view.fn'"),
        ('optim.g.learning_rate', {**LINEAR, 'start': 'low'}, "start is 'low': give a number"),
    ],
)
def test_a_fault_names_its_key(key, block, words):
    found = config.faults(settings(**{key: block}))
    assert any(key in fault and words in fault for fault in found), found


def test_others_need_to_be_allowed():
    mine = settings(**{'augment.strength': {'fn': f'{__name__}.pair'}})
    (fault,) = config.faults(mine, allow=())
    assert 'config.augment.strength' in fault and 'add --allow=tests' in fault
    assert config.faults(mine, allow=('tests',)) == []


def pair():
    """A schedule of somebody's that gives two numbers."""
    return lambda count: np.zeros(2) + count


def test_a_value_that_is_no_number_names_its_key():
    with pytest.raises(PartError, match='config.augment.strength: its value at step 0'):
        built(**{'augment.strength': {'fn': f'{__name__}.pair'}})
