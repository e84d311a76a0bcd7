"""Terms that do not fit together: the sentence that says so, before anything is compiled."""

import jax
import jax.numpy as jnp
import pytest

from gan_jax.gan import Augment
from gan_jax.step import make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.terms.penalty import r1
from gan_jax.views import View, augmented
from tests import small


def mean_logit(*names):
    """A loss that reads the logits of these views."""

    def loss(out, state, key):
        return {name: jnp.mean(out[name]['logit']) for name in names}, state, {}

    return loss


def of_d(views, **options):
    """A term of the discriminator that reads all of these views."""
    return Term(d=Objective(views, mean_logit(*views), **options))


def trace(terms, weights=None, **options):
    """Shapes only: what the config's check runs."""
    gan = small.make_gan(terms, **options)
    hyper = small.make_hyper(weights or dict.fromkeys(terms, 1.0))
    step = make_train_step(gan, terms)
    return jax.eval_shape(step, small.first_state(gan, terms), small.make_batch(), hyper)


def test_terms_that_fit_are_traced():
    trace({'adversarial': hinge(), 'consistency': balanced()})


def test_one_name_for_different_views():
    flipped = View('fake', augmented, 'flip', draw=1)
    terms = {'a': of_d({'x': View('real')}), 'b': of_d({'x': flipped})}
    with pytest.raises(ValueError, match='both name') as caught:
        trace(terms)
    assert str(caught.value) == (
        "terms.a and terms.b both name a view 'x' and mean two, 'real' and 'augmented fake flip "
        "#1': rename one"
    )


def test_one_name_for_views_that_settle_to_the_same():
    """An augmented view that names the config's policy is the one that leaves it to the config."""
    named = View('real', augmented, 'translation')
    _, metrics = trace({'a': of_d({'x': View('real', augmented)}), 'b': of_d({'x': named})})
    norms = {f'{side}/{norm}' for side in 'dg' for norm in ('grad_norm', 'update_norm')}
    assert metrics.keys() == {'d/a/x', 'd/b/x', *norms}


def test_one_name_on_both_sides_may_differ():
    x = {'d': View('real'), 'g': View('fake')}
    trace({'a': Term(**{s: Objective({'x': v}, mean_logit('x')) for s, v in x.items()})})


@pytest.mark.parametrize('name', ['real', 'fake', 'own'])
def test_latent_with_a_name_of_the_program(name):
    terms = {'a': hinge()._replace(latents={name: lambda key, z: z})}
    with pytest.raises(ValueError, match=rf"terms\.a names a latent '{name}', which is taken"):
        trace(terms)


def test_latent_with_the_name_of_another():
    terms = {name: Term(latents={'near': lambda key, z: z}) for name in 'ab'}
    with pytest.raises(ValueError, match=r"terms\.b names a latent 'near', which is taken"):
        trace(terms)


def test_input_gradient_of_a_view_that_is_not_declared():
    terms = {'a': of_d({'x': View('real')}, input_grads=('y',))}
    with pytest.raises(
        ValueError, match=r"terms\.a reads the input gradient of 'y', which is none"
    ):
        trace(terms)


def test_input_gradient_of_a_head_that_there_is_not():
    steep = r1(of='game/logit')
    for game in ({}, {'game': hinge()}):  # no such term; one without a head
        with pytest.raises(
            ValueError,
            match=r"terms\.steep .* 'game/logit', and there is no terms\.game with a head",
        ):
            trace({'steep': steep, **game})


def test_unknown_source():
    with pytest.raises(ValueError, match=r"source 'fake_near', .* there are real, fake"):
        trace({'a': of_d({'x': View('fake_near')})})


@pytest.mark.parametrize('use', ['real', 'critic', 'view'])
def test_policy_without_a_strength(use):
    with pytest.raises(ValueError, match="'cutout' takes a strength and the config gives none"):
        trace({'a': hinge(), 'b': balanced()}, augment=Augment(**{use: 'cutout'}))


def test_weights_that_miss_a_part():
    weights = {'a': {'real': 1.0, 'fakes': 1.0}}
    with pytest.raises(
        ValueError, match=r"terms\.a\.weight names the parts fakes, real but .* 'fake'"
    ):
        trace({'a': hinge()}, weights)


def test_views_of_different_shapes():
    def cropped(key, sources, policy, strength):
        return {**sources['own'], 'image': sources['own']['image'][:, 1:]}

    with pytest.raises(ValueError, match='views of one step must have one shape'):
        trace({'a': of_d({'x': View('real'), 'y': View('real', cropped)})})


def test_head_with_the_name_of_an_output():
    terms = {'features': hinge()._replace(head=small.PlainLogit())}
    with pytest.raises(ValueError, match="a head cannot be called 'features'"):
        trace(terms)


def test_a_penalty_where_the_critics_images_are_mixed():
    """A logit that depends on two images has no gradient in 'its' image."""
    terms = {'adversarial': hinge(), 'penalty': r1()}
    trace(terms, augment=Augment(critic='translation(0.1)'))
    trace({'adversarial': hinge()}, augment=Augment(critic='cutmix(0.1)'))
    with pytest.raises(ValueError, match=r"augment\.critic='flip\|cutmix\(0\.1\)' mixes images"):
        trace(terms, augment=Augment(critic='flip|cutmix(0.1)'))
