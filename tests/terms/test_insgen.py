"""InsGen by hand, and its gradients against NumPy's, with errors planted there.

NumPy differentiates by a step along the imaginary axis, whose real part stays where a gradient is
stopped: f(x + ih) has the imaginary part h f'(x), to the last digit.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.gan import Augment
from gan_jax.keys import named
from gan_jax.models.critic import Critic
from gan_jax.players import Keys, d_gradient, g_gradient, make_losses
from gan_jax.terms.adversarial import wasserstein
from gan_jax.terms.insgen import ProjectionHeads, insgen
from gan_jax.views import View, augmented
from tests import small
from tests.terms.linear import Generator

TEMPERATURE, SIGMA, QUEUE = 0.3, 0.2, 5
PARTS = {'d': ('real', 'fake'), 'g': ('gen',)}


class Trunk(nn.Module):
    """tanh of a product."""

    @nn.compact
    def __call__(self, image, *, train):
        x = (2 * image - 1).reshape(len(image), -1)
        return jnp.tanh(nn.Dense(6, use_bias=False, name='w')(x))


def outputs(rows):
    """The outputs that a loss reads, of projections {'fake_1': (query or None, key or None)}."""
    out = {}
    for view, (query, key) in rows.items():
        heads = [{'real': x, 'fake': x} for x in (query, key)]
        out[view] = {'head': heads[0], 'target': {'head': heads[1]}}
    return out


def test_by_hand():
    """Queries on their keys, one negative at a right angle or on the query: log(1 + e^-2), log 2.

    Into the queue of reals goes the key, into that of fakes the average's view of the query.
    """
    x, y, far = (jnp.float32([row]) for row in ([2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]))
    out = outputs({'real_1': (x, None), 'real_2': (None, x), 'fake_1': (x, far)})
    out |= outputs({'nearby_1': (None, x)})
    state = {'real': y / 3, 'fake': x / 2}
    parts, after, metrics = insgen(0.5, queue=1, size=2).d.loss(out, state, None)
    assert float(parts['real']) == pytest.approx(np.log(1 + np.exp(-2)), rel=1e-6)
    assert float(parts['fake']) == pytest.approx(np.log(2), rel=1e-6)
    np.testing.assert_array_equal(after['real'], [[1, 0]])
    np.testing.assert_array_equal(after['fake'], [[-1, 0]])
    assert metrics == {}


def test_the_generators_part_by_hand_leaves_the_queues():
    """The query at a right angle to its key and on the negative: log(1 + e^2)."""
    x, y = jnp.float32([[1.0, 0.0]]), jnp.float32([[0.0, 1.0]])
    out, state = outputs({'fake_1': (x, x), 'fake_2': (None, y)}), {'real': y, 'fake': x}
    parts, after, _ = insgen(0.5, queue=1, size=2).g.loss(out, state, None)
    assert float(parts['gen']) == pytest.approx(np.log(1 + np.exp(2)), rel=1e-6)
    assert after is state


def test_views_are_drawn_apart_and_the_keys_are_the_averages():
    term = insgen()
    first, second = (View('fake', augmented, draw=draw) for draw in (0, 1))
    assert term.d.views == {'real_1': View('real', augmented), 'fake_1': first}
    assert term.d.targets == {
        'real_2': View('real', augmented, draw=1),
        'fake_1': first,
        'nearby_1': View('fake_nearby', augmented),
    }
    assert term.g.views == {'fake_1': first} and term.g.targets == {'fake_2': second}


def test_the_heads_are_two():
    features, label = jnp.ones((3, 4)), jnp.zeros(3, jnp.int32)
    variables = ProjectionHeads(5, 2).init(small.new_key(0), features, label, train=True)
    out = ProjectionHeads(5, 2).apply(variables, features, label, train=True)
    assert {k: x.shape for k, x in out.items()} == {'real': (3, 2), 'fake': (3, 2)}
    kernels = variables['params']
    assert {k: x['Dense_0']['kernel'].shape for k, x in kernels.items()} == dict.fromkeys(
        ('real', 'fake'), (4, 5)
    )
    assert np.any(np.asarray(out['real'] != out['fake']))


# In NumPy -----------------------------------------------------------------------------------------


def project(d, image, source):
    """Unit projections of images by D's trunk and one head."""
    x = np.tanh((2 * image - 1).reshape(len(image), -1) @ d['trunk']['w']['kernel'])
    first, last = (d['heads_insgen'][source][f'Dense_{i}'] for i in (0, 1))
    hidden = x @ first['kernel'] + first['bias']
    hidden = hidden * (hidden.real > 0)
    y = hidden @ last['kernel'] + last['bias']
    return y / np.sqrt((y * y).sum(1, keepdims=True))


def images(g, z):
    return ((np.tanh(z @ g['w']['kernel']) + 1) / 2).reshape(-1, *small.SHAPE)


def contrast(query, key, queue, sign=1, factor=1):
    total = 0.0
    for q, k in zip(query, key, strict=True):
        positive = np.exp(sign * (q @ k) / TEMPERATURE)
        total -= np.log(positive / (positive + factor * np.exp(queue @ q / TEMPERATURE).sum()))
    return total / len(query)


def formula(part, g, d, average, real, z, near, queues, stopped=True, **error):
    """A part of the loss from the players' parameters, which may be complex."""
    fake = images(g, z)
    source = 'real' if part == 'real' else 'fake'
    image, other = {'real': (real, real), 'fake': (fake, images(g, near)), 'gen': (fake, fake)}[
        part
    ]
    moving = jax.tree.map(lambda x, of_d: x + 1j * of_d.imag, average, d)  # the same numbers
    key = project(average, other, source).real if stopped else project(moving, other, source)
    return contrast(project(d, image, source), key, queues[source], **error)


@pytest.fixture(scope='module')
def game():
    """(losses, state, key, what `formula` takes): no augmentation, so that views are sources."""
    with small.float64():
        terms = {
            'base': wasserstein(),
            'insgen': insgen(TEMPERATURE, sigma=SIGMA, queue=QUEUE, hidden=7, size=4),
        }
        critic = Critic(Trunk(), {'insgen': terms['insgen'].head}, small.PlainLogit())
        gan = small.make_gan(terms, generator=Generator(), critic=critic, augment=Augment())
        state = small.first_state(gan, terms, dtype=np.float64)
        average = small.numbers(state.averages['d'], np.random.default_rng(5), np.float64)
        state = state.replace(averages={'d': average})
        key = jax.random.key(3)
        z = jax.random.normal(named(key, 'z'), (small.BATCH, small.LATENT))
        noise = jax.random.normal(named(key, 'latent', 'fake_nearby'), z.shape, z.dtype)
        numbers = {
            'g': state.g.params,
            'd': state.d.params,
            'average': average['params'],
            'real': small.make_batch()['image'][0] / 255,
            'z': np.asarray(z),
            'near': np.asarray(z + SIGMA * noise),
            'queues': jax.tree.map(np.asarray, state.terms['insgen']),
        }
        return make_losses(gan, terms), state, numbers


def found(game, side, part):
    """The part and its gradient in the player's parameters, by the update of the step."""
    losses, state, _ = game
    batch = {name: x[0] for name, x in small.make_batch().items()}
    every = [p for parts in PARTS.values() for p in parts]
    weights = {'base': 0, 'insgen': {p: float(p == part) for p in every}}
    key = small.new_key(3)
    gradient = {'d': d_gradient, 'g': g_gradient}[side]
    moved, grads, metrics = gradient(
        losses, state, batch, Keys(key, key), small.make_hyper(weights)
    )
    return float(metrics[f'{side}/insgen/{part}']), grads, moved.terms['insgen']


def along(tree, direction, step):
    return jax.tree.map(lambda x, v: x + step * v, tree, direction)


@pytest.mark.slow
@pytest.mark.parametrize(('side', 'part'), [(s, p) for s, parts in PARTS.items() for p in parts])
def test_is_the_formula_and_tells_it_from_three_errors(game, side, part):
    numbers, rng = game[2], np.random.default_rng(7)
    direction = jax.tree.map(lambda x: rng.standard_normal(x.shape), numbers[side])
    with small.float64():
        value, grads, _ = found(game, side, part)
    pairs = zip(jax.tree.leaves(grads), jax.tree.leaves(direction), strict=True)
    slope = sum(float(np.sum(np.asarray(a) * b)) for a, b in pairs)

    def right(**error):
        moved = along(numbers[side], direction, 1e-30j)
        at = formula(part, **{**numbers, side: moved}, **error)
        return np.array([at.real, at.imag / 1e-30])

    np.testing.assert_allclose([value, slope], right(), rtol=0, atol=1e-8)
    assert abs(slope) > 1e-2
    for error in ({'sign': -1}, {'factor': 2}, {'stopped': False}):
        assert np.abs(np.array([value, slope]) - right(**error)).max() > 1e-3, error


@pytest.mark.slow
def test_what_the_queues_keep_is_the_averages_view(game):
    """Of another view of the reals, and of the query's own fakes."""
    with small.float64():
        _, _, after = found(game, 'd', 'real')
    _, _, numbers = game
    fake = images(numbers['g'], numbers['z'])
    for source, image in {'real': numbers['real'], 'fake': fake}.items():
        kept = project(numbers['average'], image, source)
        np.testing.assert_allclose(after[source][: len(kept)], kept, rtol=0, atol=1e-8)
        np.testing.assert_array_equal(after[source][len(kept) :], numbers['queues'][source][:1])


def test_no_gradient_flows_from_the_queues_into_later_updates(x64):
    term = insgen(queue=QUEUE, hidden=7, size=4)
    rng = np.random.default_rng(0)
    names = ('real_1', 'real_2', 'fake_1', 'nearby_1')
    out = outputs({name: tuple(jnp.asarray(rng.normal(size=(2, 3, 4)))) for name in names})

    def kept(out):
        after = term.d.loss(out, term.init(), None)[1]
        return sum(jnp.sum(queue**3) for queue in after.values())

    assert not any(np.any(x) for x in jax.tree.leaves(jax.grad(kept)(out)))
