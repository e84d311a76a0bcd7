"""NT-Xent against the papers' formula and SimCLR's published form; Cntr's views and head."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import contrastive
from gan_jax.terms.adversarial import non_saturating
from gan_jax.views import View, augmented
from tests import small
from tests.singular import normalised

nt_xent = small.jit(contrastive.nt_xent)


def pairs(seed=0, count=5, size=7):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((2, count, size))


def by_definition(a, b, temperature):
    """Chen et al. 2020, eq. 1: one anchor after another."""
    rows = np.concatenate([a, b])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    losses = []
    for i in range(len(rows)):
        j = (i + len(a)) % len(rows)
        others = [np.exp(rows[i] @ rows[k] / temperature) for k in range(len(rows)) if k != i]
        losses.append(-np.log(np.exp(rows[i] @ rows[j] / temperature) / sum(others)))
    return np.mean(losses)


def as_published(a, b, temperature):
    """SimCLR's own form: a cross entropy over [ab, aa] and one over [ba, bb], added up."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    itself, rows = 1e9 * np.eye(len(a)), np.arange(len(a))

    def cross_entropy(x, y):
        logits = np.concatenate([x @ y.T, x @ x.T - itself], axis=1) / temperature
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[rows, rows])

    return cross_entropy(a, b) + cross_entropy(b, a)


def test_nt_xent_by_hand():
    a = jnp.float32([[1, 0], [0, 1]])
    # Pairs that agree and are orthogonal to each other: ln((e + 1 + 1) / e) for every anchor.
    assert nt_xent(a, 2 * a, 1.0) == pytest.approx(0.551445, abs=1e-6)
    # Cosines: 0.6 within the pairs; across them 0, -0.8, 0.8, 0. With t = 0.5 two anchors have
    # ln(e^1.2 + e^0 + e^-1.6) - 1.2 = 0.308957, two ln(e^1.2 + e^0 + e^1.6) - 1.2 = 1.027123.
    b = jnp.float32([[3, 4], [-4, 3]])
    assert nt_xent(a, b, 0.5) == pytest.approx((0.308957 + 1.027123) / 2, abs=1e-6)


def test_nt_xent_is_the_mean_over_anchors_and_half_of_what_simclr_publishes(x64):
    for temperature in (0.1, 0.5, 2.0):
        a, b = pairs()
        value = nt_xent(jnp.asarray(a), jnp.asarray(b), temperature)
        assert value == pytest.approx(by_definition(a, b, temperature), rel=1e-12)
        assert value == pytest.approx(as_published(a, b, temperature) / 2, rel=1e-12)


def test_nt_xent_symmetries(x64):
    a, b = jnp.asarray(pairs())
    value = float(nt_xent(a, b, 0.1))
    assert nt_xent(b, a, 0.1) == pytest.approx(value, rel=1e-12)
    scale = jnp.linspace(0.1, 30, len(a))[:, None]
    assert nt_xent(scale * a, b / scale, 0.1) == pytest.approx(value, rel=1e-12)
    # Which rows are pairs does matter.
    assert abs(nt_xent(a, jnp.roll(b, 1, axis=0), 0.1) - value) > 0.1


def test_nt_xent_of_one_pair_is_nothing():
    a, b = pairs(count=1)
    assert nt_xent(jnp.float32(a), jnp.float32(b), 0.1) == pytest.approx(0, abs=1e-6)


def test_nt_xent_has_a_finite_gradient_at_a_zero_row():
    a, b = jnp.float32(pairs())
    grads = small.jit(jax.grad(contrastive.nt_xent, argnums=(0, 1)))(a.at[1].set(0), b, 0.1)
    assert all(jnp.isfinite(g).all() for g in grads)


@pytest.mark.parametrize(
    ('a', 'b'), [((4, 3), (4, 2)), ((4, 3), (5, 3)), ((4,), (4,)), ((4, 3, 1), (4, 3, 1))]
)
def test_nt_xent_refuses_other_shapes(a, b):
    with pytest.raises(ValueError, match=r'nt_xent needs two \[N, F\] of one shape, got'):
        contrastive.nt_xent(jnp.ones(a), jnp.ones(b), 0.1)


def test_projection():
    features, label = pairs()[0].astype(np.float32), np.zeros(5, np.int32)
    head = contrastive.ProjectionHead(hidden=11, size=4)
    start = small.jit(functools.partial(head.init_with_output, train=True))
    out, variables = start(jax.random.key(0), features, label)
    params = jax.tree.map(np.asarray, variables['params'])
    first, second = params['Dense_0'], params['Dense_1']
    hidden = np.maximum(features @ first['kernel'] + first['bias'], 0)
    assert hidden.shape == (5, 11) and (hidden == 0).any()
    np.testing.assert_allclose(
        out['projection'], hidden @ second['kernel'] + second['bias'], rtol=1e-5, atol=1e-6
    )


def test_cntr_by_hand():
    a, b = jnp.float32([[1, 0], [0, 1]]), jnp.float32([[3, 4], [-4, 3]])
    heads = {'real_1': a, 'real_2': b, 'fake_1': a, 'fake_2': 2 * a}
    out = {name: {'head': {'projection': h}} for name, h in heads.items()}
    # The numbers of test_nt_xent_by_hand; reals are never contrasted with fakes.
    parts, *_ = contrastive.cntr(temperature=0.5).d.loss(out, {}, None)
    assert parts['real'] == pytest.approx((0.308957 + 1.027123) / 2, abs=1e-6)
    assert parts['fake'] == pytest.approx(np.log(1 + 2 * np.exp(-2)), abs=1e-6)


def test_cntr_is_the_discriminators_alone():
    term = contrastive.cntr()
    assert term.g is None and term.init() == {}
    assert term.head == contrastive.ProjectionHead(hidden=128, size=128)
    assert term.d.views == {
        'real_1': View('real', augmented),
        'real_2': View('real', augmented, draw=1),
        'fake_1': View('fake', augmented),
        'fake_2': View('fake', augmented, draw=1),
    }
    narrow = contrastive.cntr(hidden=3, size=2).head
    assert narrow == contrastive.ProjectionHead(hidden=3, size=2)


@pytest.mark.slow
def test_cntr_has_simclrs_temperature():
    a, b = jnp.float32(pairs())
    heads = {'real_1': a, 'real_2': b, 'fake_1': b, 'fake_2': a}
    out = {name: {'head': {'projection': h}} for name, h in heads.items()}
    parts, *_ = contrastive.cntr().d.loss(out, {}, None)
    assert parts['real'] == pytest.approx(float(nt_xent(a, b, 0.1)), rel=1e-6)


# ContraD ------------------------------------------------------------------------------------------


def sup_con_by_definition(anchors, others, temperature):
    """Khosla et al. 2020, L_out, for anchors of one class: one anchor, one positive at a time."""
    anchors, others = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (anchors, others))
    losses = []
    for i, anchor in enumerate(anchors):
        rest = [row for j, row in enumerate(anchors) if j != i]
        total = sum(np.exp(anchor @ row / temperature) for row in (*rest, *others))
        losses.append(
            np.mean([-np.log(np.exp(anchor @ row / temperature) / total) for row in rest])
        )
    return np.mean(losses)


@pytest.mark.parametrize('temperature', [0.1, 2.0])
def test_sup_con(temperature, x64):
    anchors, others = pairs()[0], pairs(seed=1, count=8)[0]
    value = small.jit(contrastive.sup_con)(anchors, others, temperature)
    assert value == pytest.approx(sup_con_by_definition(anchors, others, temperature), rel=1e-12)


@pytest.mark.parametrize(('anchors', 'others'), [((1, 3), (2, 3)), ((4, 3), (4, 2))])
def test_sup_con_refuses_other_shapes(anchors, others):
    with pytest.raises(ValueError, match=r'sup_con needs \[N > 1, F\], \[M, F\], got'):
        contrastive.sup_con(jnp.ones(anchors), jnp.ones(others), 0.1)


@pytest.mark.slow
def test_contrad_is_made_of_its_parts(x64):
    rng = np.random.default_rng(0)

    def head():
        vectors = {name: rng.standard_normal((4, 7)) for name in ('real', 'fake')}
        return vectors | {name: rng.standard_normal(4) for name in ('logit', 'detached')}

    out = {name: {'head': head()} for name in ('real_1', 'real_2', 'fake_1')}
    one, two, fake = (out[name]['head'] for name in out)
    term = contrastive.contrad(0.3)
    parts = term.d.loss(out, {}, None)[0]
    negatives = np.concatenate([one['fake'], two['fake']])
    assert parts['nt_xent'] == pytest.approx(by_definition(one['real'], two['real'], 0.3))
    assert parts['sup_con'] == pytest.approx(sup_con_by_definition(fake['fake'], negatives, 0.3))
    gan = {'real': {'logit': one['detached']}, 'fake': {'logit': fake['detached']}}
    for name, value in non_saturating().d.loss(gan, {}, None)[0].items():
        assert parts[name] == pytest.approx(float(value))
    gan = {'fake': {'logit': fake['logit']}}
    assert term.g.loss(out, {}, None)[0] == non_saturating().g.loss(gan, {}, None)[0]


def test_contrad_sees_augmented_images_only():
    term = contrastive.contrad()
    fake = {'fake_1': View('fake', augmented)}
    reals = {'real_1': View('real', augmented), 'real_2': View('real', augmented, draw=1)}
    assert term.d.views == {**reals, **fake} and term.g.views == fake
    assert term.head == contrastive.ContraDHeads(hidden=512, size=128)


def test_contrasts():
    """Two layers each, their kernels over their singular values."""
    features, label = pairs()[0].astype(np.float32), np.zeros(5, np.int32)
    head = contrastive.ContraDHeads(hidden=11, size=4)
    start = small.jit(functools.partial(head.init, train=True))
    variables = start(jax.random.key(0), features, label)
    out = small.jit(functools.partial(head.apply, train=False))(variables, features, label)

    def layer(name, x):
        return x @ normalised(variables, name) + np.asarray(variables['params'][name]['bias'])

    for name, size in (('real', 4), ('fake', 4), ('logit', 1)):
        hidden = layer(f'{name}_0', features)
        expected = layer(f'{name}_1', np.where(hidden > 0, hidden, 0.1 * hidden))
        assert hidden.shape == (5, 11) and expected.shape == (5, size)
        np.testing.assert_allclose(out[name].reshape(5, size), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(out['detached'], out['logit'])


@pytest.mark.slow
def test_contrads_game_stops_at_the_features(x64):
    """In D's step it moves its own perceptron alone; in G's it passes through the trunk."""
    terms = {'game': contrastive.contrad(hidden=8, size=4)}
    gan = small.make_gan(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    weights = {'game': {'nt_xent': 0, 'sup_con': 0, 'real': 1, 'fake': 1}}
    hyper = small.make_hyper(weights, d=1, g=1)
    after, _ = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    moved = {
        f'{part}/{name}'
        for part, before in state.d.params.items()
        for name in before
        if small.distance(before[name], after.d.params[part][name]) > 0
    }
    assert moved == {'heads_game/logit_0', 'heads_game/logit_1'}
    assert small.distance(after.g.params, state.g.params) > 1e-3
