"""SS-GAN's loss: as numbers, on the quarter against compare_gan's layout, on all copies."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import views
from gan_jax.critique import discriminate
from gan_jax.models.critic import Critic
from gan_jax.routing import outputs_per_term, route_views
from gan_jax.terms.rotation import RotationHead, rotation
from gan_jax.views import View, rotated, rotated_quarter
from tests import small

CRITIC = Critic(small.Trunk(spectral=False), {'mine': RotationHead()}, small.PlainLogit())


def test_views():
    term = rotation()
    assert term.d.views == {'real_turned': View('real', rotated_quarter)}
    assert term.g.views == {'fake_turned': View('fake', rotated_quarter)}
    assert rotation(quarter=False).g.views == {
        'fake': View('fake'),
        **{f'fake_{90 * n}': View('fake', rotated, options=(('turns', n),)) for n in (1, 2, 3)},
    }


LOGITS = np.float32([[2, 0, 0, 0], [0, 0, 0, 0], [0, 0, -1, 0], [1, 1, 1, 1]])
# ln(e^2 + 3) - 2, ln 4, ln(3 + 1/e) + 1, ln 4.
ENTROPIES = np.array([0.340753, 1.386294, 2.214283, 1.386294])


def test_cross_entropy_by_hand():
    for turns in (np.arange(4), np.arange(4)[::-1]):
        out = {'real_turned': {'head': {'turns': LOGITS[turns]}, 'turns': turns}}
        assert rotation().d.loss(out, {}, None)[0] == {
            'real': pytest.approx(ENTROPIES.mean(), abs=1e-6)
        }
    names = ('fake', 'fake_90', 'fake_180', 'fake_270')
    out = {name: {'head': {'turns': LOGITS[i : i + 1]}} for i, name in enumerate(names)}
    parts = rotation(quarter=False).g.loss(out, {}, None)[0]
    assert parts == {'fake': pytest.approx(ENTROPIES.mean(), abs=1e-6)}


def make_sources(size):
    rng = np.random.default_rng(0)
    return {
        name: {'image': rng.random((size, *small.SHAPE)), 'label': np.zeros(size, np.int32)}
        for name in ('real', 'fake')
    }


@small.jit
def variables():
    x = jnp.zeros((4, *small.SHAPE)), jnp.zeros(4, jnp.int32)
    return CRITIC.init(jax.random.key(0), *x, train=True)


def loss_of(term, side, variables, sources):
    planned = route_views({'mine': term}, side, '')
    records = views.build_views(planned.views, jax.random.key(0), sources, {}, {})
    seen, _ = discriminate(CRITIC, variables, records)
    ((part, value),) = (
        planned.objectives['mine']
        .loss(outputs_per_term(planned, seen, sources, {})['mine'], {}, None)[0]
        .items()
    )
    assert part == {'d': 'real', 'g': 'fake'}[side]
    return value


def as_in_compare_gan(variables, images):
    """SSGAN.create_loss: images of one angle after the other, and what each of them is."""
    turned = jnp.concatenate([jnp.rot90(images, k, axes=(1, 2)) for k in range(4)])
    out, _ = CRITIC.apply(
        variables, turned, jnp.zeros(len(turned), jnp.int32), train=True, mutable=['batch_stats']
    )
    right = np.repeat(np.arange(4), len(images))
    return -jnp.mean(jnp.log(jax.nn.softmax(out['mine']['turns'])[np.arange(len(right)), right]))


@pytest.mark.parametrize('side', ['d', 'g'])
def test_quarter_is_compare_gans_and_all_copies_of_the_quarter(side, x64):
    source = {'d': 'real', 'g': 'fake'}[side]
    sources, wide = make_sources(8), small.cast(variables(), np.float64)

    def quarter(variables, images):
        given = {**sources, source: {**sources[source], 'image': images}}
        return loss_of(rotation(), side, variables, given)

    def copies(variables, images):
        last = {name: {k: x[3::4] for k, x in r.items()} for name, r in sources.items()}
        given = {**last, source: {**last[source], 'image': images[3::4]}}
        return loss_of(rotation(quarter=False), side, variables, given)

    def reference(variables, images):
        return as_in_compare_gan(variables, images[3::4])

    images = sources[source]['image']
    expected, *others = (
        small.jit(jax.value_and_grad(loss, argnums=(0, 1)))(wide, images)
        for loss in (reference, quarter, copies)
    )
    for other in others:
        assert small.distance(other, expected) < 1e-12
    # To the head, to the trunk, and to the images of the quarter alone.
    in_variables, in_images = expected[1]
    assert max(np.abs(g).max() for g in jax.tree.leaves(in_variables['params']['trunk'])) > 1e-4
    assert [bool(np.any(g)) for g in in_images] == [False, False, False, True] * 2


def test_head_has_spectral_norm_that_moves_only_where_it_may():
    features, label = np.eye(6, dtype=np.float32), np.zeros(6, np.int32)
    head = RotationHead()
    start = small.jit(functools.partial(head.init_with_output, train=True))
    out, state = start(jax.random.key(0), features, label)
    first = state['batch_stats']
    for _ in range(40):
        out, after = head.apply(state, features, label, train=True, mutable=['batch_stats'])
        state = {**state, **after}
    assert not small.same(state['batch_stats'], first)
    # On unit vectors and without a bias the outputs are the matrix itself.
    assert np.linalg.norm(out['turns'], ord=2) == pytest.approx(1, abs=1e-4)
    out, after = head.apply(state, features, label, train=False, mutable=['batch_stats'])
    assert out['turns'].shape == (6, 4) and small.same(after['batch_stats'], state['batch_stats'])
