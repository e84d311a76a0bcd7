"""Gradient penalties against finite differences, and in closed form on a linear discriminator."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.critique import discriminate
from gan_jax.models.critic import Critic
from gan_jax.terms import Objective, Term, logit_named, penalty
from gan_jax.terms.tangent import tangent
from gan_jax.views import View, mixed, perturbed
from tests import small


def test_numbers():
    dx = np.zeros((2, 2, 2, 1), np.float32)
    dx[0, 0, 0, 0], dx[0, 1, 1, 0], dx[1, 0, 1, 0] = 3, 4, 2  # norms 5 and 2
    for factory, name, value in (
        (penalty.r1, 'real', (25 + 4) / 2 / 2),
        (penalty.r2, 'fake', (25 + 4) / 2 / 2),
        (penalty.wgan_gp, 'mixed', (16 + 1) / 2),
        (penalty.dragan, 'perturbed', (16 + 1) / 2),
    ):
        assert factory().d.loss({name: {'dx': dx}}, {}, None)[0] == {name: pytest.approx(value)}


def test_where_they_look():
    for factory, name, view in (
        (penalty.r1, 'real', View('real')),
        (penalty.r2, 'fake', View('fake')),
        (penalty.wgan_gp, 'mixed', View('real', mixed)),
        (penalty.dragan, 'perturbed', View('real', perturbed)),
    ):
        term = factory()
        assert term.d.views == {name: view} and term.d.input_grads == (name,)
        assert term.g is None and term.head is None and term.init() == {}


@pytest.mark.parametrize(('factory', 'source'), [(penalty.r1, 'real'), (penalty.r2, 'fake')])
def test_r1_and_r2_are_half_the_squared_slopes(factory, source, x64):
    """The slope of the logit in every pixel in turn, by central differences in [-1, 1]."""
    critic = Critic(small.Trunk(spectral=False), {}, small.PlainLogit())
    rng = np.random.default_rng(0)
    image, label = rng.random((3, *small.SHAPE)), np.zeros(3, np.int32)
    shapes = jax.eval_shape(lambda: critic.init(jax.random.key(0), image, label, train=True))
    variables = small.numbers(shapes, rng, np.float64)
    pixels, step = np.eye(image[0].size).reshape(-1, 1, *small.SHAPE), 1e-5  # [P, 1, H, W, C]

    @small.jit
    def slopes(wide):
        def logits(wide):
            return critic.apply(variables, (wide + 1) / 2, label, train=True)['logit']

        up, down = (
            jax.lax.map(lambda pixel, s=s: logits(wide + s * pixel), pixels) for s in (step, -step)
        )
        return (up - down) / (2 * step)  # [P, 3]

    term = factory()
    (view,) = term.d.views.values()
    record = {'image': image, 'label': label}
    seen, _ = small.jit(
        lambda r: discriminate(critic, variables, {view: r}, with_dx={view: {('', 'logit')}})
    )(record)
    record = {**seen[view], 'dx': seen[view]['dx'][('', 'logit')]}
    parts = term.d.loss({source: record}, {}, None)[0]
    expected = np.mean(np.sum(np.asarray(slopes(2 * image - 1)) ** 2, axis=0)) / 2
    assert parts[source] == pytest.approx(expected, rel=1e-7)


class Pixels(nn.Module):
    """Images -> their pixels: with `PlainLogit`, D is linear."""

    @nn.compact
    def __call__(self, image, *, train):
        return image.reshape(len(image), -1)


@pytest.mark.parametrize(
    ('factory', 'part'), [(penalty.wgan_gp, 'mixed'), (penalty.dragan, 'perturbed')]
)
def test_closed_form_on_a_linear_discriminator(factory, part, x64):
    """D = w x + b: wherever one looks the gradient is w, and w / 2 in [-1, 1]."""
    terms = {'penalty': factory()}
    gan = small.make_gan(terms, critic=Critic(Pixels(), {}, small.PlainLogit()))
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper({'penalty': 10}, d=1, g=0)
    after, metrics = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    w, moved = (np.asarray(s.d.params['logit']['Dense_0']['kernel'])[:, 0] for s in (state, after))
    norm = np.linalg.norm(w)
    assert metrics[f'd/penalty/{part}'] == pytest.approx((norm / 2 - 1) ** 2, rel=1e-12)
    np.testing.assert_allclose(w - moved, 10 * (norm / 2 - 1) * w / norm, rtol=1e-10)


def test_two_penalties_at_reals_each_of_its_own_logit(x64):
    """D = w x and a head's v x: R1 of each is |w / 2|^2 / 2, and moves its own weights alone."""
    head = small.PlainLogit()
    game = Term(
        d=Objective({'fake': View('fake')}, lambda out, state, key: ({}, state, {})), head=head
    )
    terms = {'game': game, 'own': penalty.r1(), 'others': penalty.r1(of='game')}
    gan = small.make_gan(terms, critic=Critic(Pixels(), {'game': head}, small.PlainLogit()))
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper({'game': 1, 'own': 10, 'others': 3}, d=1, g=0)
    after, metrics = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    for name, scope, weight in (('own', 'logit', 10), ('others', 'heads_game', 3)):
        w, moved = (
            np.asarray(s.d.params[scope]['Dense_0']['kernel'])[:, 0] for s in (state, after)
        )
        assert metrics[f'd/{name}/real'] == pytest.approx(np.sum(w**2) / 8, rel=1e-12)
        np.testing.assert_allclose(w - moved, weight * w / 4, rtol=1e-10)


@pytest.mark.parametrize(
    'factory', [penalty.r1, penalty.r2, penalty.wgan_gp, penalty.dragan, tangent]
)
def test_whose_logit(factory):
    assert factory().d.grad_of == '' and factory(of='game/x').d.grad_of == 'game/x'
    assert (logit_named(''), logit_named('game')) == (('', 'logit'), ('game', 'logit'))
    assert (logit_named('/x'), logit_named('game/x')) == (('', 'x'), ('game', 'x'))


def test_norm_is_exact_and_has_a_finite_gradient_at_zero():
    def value(dx):
        return penalty.wgan_gp().d.loss({'mixed': {'dx': dx}}, {}, None)[0]['mixed']

    at = np.zeros((1, 1, 1, 2), np.float32)
    np.testing.assert_array_equal(jax.grad(value)(at), np.zeros_like(at))
    assert value(at) == pytest.approx(1, abs=1e-5)
    # A tenth of a thousandth: compare_gan's 1e-4 under the root would give 0.98.
    assert value(at + np.float32([1e-4, 0])) == pytest.approx((1e-4 - 1) ** 2, rel=1e-6)
