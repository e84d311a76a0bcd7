"""Each promise of a term, broken by a term that keeps the others up to it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.testing import check_term, in_step, small, terms
from gan_jax.testing.outputs import outputs, random
from gan_jax.testing.trees import distance
from gan_jax.views import View

REAL = {'real': View('real')}


def of(part, views=REAL, **options):
    """A term of the discriminator with the loss out -> part []."""

    def loss(out, state, key):
        return {'all': part(out)}, state, {}

    return Term(d=Objective(views, loss), **options)


def mean(out):
    return jnp.mean(out['real']['logit'])


def returning(result):
    return Term(d=Objective(REAL, lambda out, state, key: result(mean(out), state)))


BROKEN = [
    (terms.check_returns, of(lambda out: out['real']['logit']), 'the shape .4.: give a scalar'),
    (terms.check_returns, of(lambda out: jnp.mean(out['fake_aug']['logit'])), "fails.*'fake_aug'"),
    (
        terms.check_returns,
        of(lambda out: jnp.mean(out['real']['dx'])),
        "fails on the outputs.*'dx'",
    ),
    (terms.check_returns, returning(lambda x, state: ({}, state, {})), 'has no parts'),
    (
        terms.check_returns,
        returning(lambda x, state: ({'all': x}, {'n': x}, {})),
        'a state of anot',
    ),
    (terms.check_finite, of(lambda out: jnp.exp(mean(out))), "discriminator's loss is not finite"),
    (
        terms.check_finite,
        of(lambda out: jnp.linalg.norm(out['real']['logit'])),
        "the gradient of the discriminator's loss is not finite where all outputs are zero",
    ),
    (
        terms.check_declared,
        of(lambda out: sum(jnp.mean(record['image']) for record in out.values())),
        'reads more than the term declares',
    ),
    (terms.check_order, of(lambda out: out['real']['logit'][0]), "order of the images .* 'all'"),
    (
        terms.check_slope,
        of(lambda out: mean(out) + jax.lax.stop_gradient(mean(out))),
        r"not its slope, along out\['real'\]\['logit'\]",
    ),
    (
        terms.check_slope,
        of(mean, {**REAL, 'more': View('fake')}),
        "asks for the view 'more' and does not depend on it",
    ),
]


@pytest.mark.parametrize(('check', 'term', 'words'), BROKEN)
def test_a_loss_that_breaks_a_promise_is_found(check, term, words):
    with pytest.raises(AssertionError, match=words) as error:
        check(term, 'd')
    assert '\n' not in str(error.value)


PULLED = of(
    lambda out: jnp.mean((out['fake']['logit'] - jax.lax.stop_gradient(out['real']['logit'])) ** 2),
    {**REAL, 'fake': View('fake')},
)


def test_a_view_that_is_held_still_has_no_slope():
    terms.check_slope(PULLED, 'd', held=('real',))
    with pytest.raises(AssertionError, match='has a gradient in the view .real., which it is to'):
        terms.check_slope(of(mean), 'd', held=('real',))
    with pytest.raises(AssertionError, match=r"not its slope, along out\['real'\]\['logit'\]"):
        terms.check_slope(PULLED, 'd')


def numbered(key, sources, policy, strength):
    """The source, with the numbers of its images."""
    own = sources['own']
    return {**own, 'number': jnp.arange(len(own['image']), dtype=jnp.int32)}


def test_what_a_view_adds_to_its_record_is_in_the_outputs():
    """And a loss may not be asked for its slope in whole numbers."""

    def part(out):
        return jnp.mean(out['mine']['logit'] * out['mine']['number'].astype(float))

    term = of(part, {'mine': View('fake', numbered)})
    made = outputs(term, 'd', random('float32'))
    assert [*made['mine']['number']] == [0, 1, 2, 3] and 'number' not in made['fake']
    for check in (terms.check_returns, terms.check_slope):
        check(term, 'd')


@pytest.mark.parametrize('check', (terms.check_returns, *terms.ON_PARTS))
def test_a_term_is_put_to_every_check(check):
    """`check_term` reports the first broken promise, so each check is reached in its turn."""
    term, words = next((term, words) for one, term, words in BROKEN if one is check)
    with pytest.raises(AssertionError, match=words):
        check_term(term)


def test_both_objectives_are_checked():
    broken = of(lambda out: out['fake']['logit'][0], {'fake': View('fake')}).d
    with pytest.raises(AssertionError, match="the generator's loss depends on the order"):
        check_term(hinge()._replace(g=broken))


def test_what_is_no_term_is_refused():
    with pytest.raises(AssertionError, match=r'hinge .* no gan_jax\.terms\.Term: .* the factory'):
        check_term(hinge)
    with pytest.raises(AssertionError, match='no objective: give it d, g or both'):
        check_term(Term())


class Unlabelled(nn.Module):
    """A head without the argument for labels."""

    def __call__(self, features, *, train):
        return {'x': features}


class Untold(nn.Module):
    """A head of the time when none was told whether it trains."""

    def __call__(self, features, label):
        return {'x': features}


@pytest.mark.parametrize(
    ('term', 'words'),
    [
        (Term(d=mean), 'the field d of the term is .*: give an Objective or None'),
        (of(mean, head=Unlabelled()), r'the head fails on features .N, F. and labels .N.: Unlab'),
        (
            of(mean, head=Untold()),
            'head Untold of the term is not told whether it trains: give its',
        ),
        (of(mean, project=[]), "the field project of the term is .*: give a dict .'d' or 'g': fu"),
        (of(mean, project={'ema': abs}), 'the field project of the term is'),
        (
            of(mean, project={'d': 1}),
            r"the field project\['d'\] of the term is .*: give a function",
        ),
        (of(mean, mix={}), 'the field mix of the term is .*: give a function or None'),
        (of(mean, {'real': View('reel')}), "'real' reads the source 'reel', .* are real, fake$"),
    ],
)
def test_a_wrong_declaration_is_found(term, words):
    with pytest.raises(AssertionError, match=words) as error:
        check_term(term)
    assert '\n' not in str(error.value)


HALVED = jax.tree_util.Partial(jax.tree.map, lambda x: x / 2)


@pytest.mark.parametrize(
    ('project', 'words'),
    [
        (lambda params: {}, r"project\['d'\] returns a tree of another structure than it is given"),
        (
            lambda params: jax.tree.map(lambda x: x[None], params),
            r"project\['d'\] returns float32 \[1, .*\] at .* where float32 \[.*\] is wanted",
        ),
        (lambda params: params['none'], "KeyError: 'none'"),
        (
            lambda params: jax.tree.map(lambda x: x / jnp.max(jnp.abs(x)), params),
            r"project\['d'\] is not finite where all parameters are 0",
        ),
    ],
)
def test_a_constraint_that_breaks_a_promise_is_found(project, words):
    terms.check_project(Term(project=dict.fromkeys('dg', HALVED)))
    with pytest.raises(AssertionError, match=words) as error:
        check_term(Term(project={'d': project}))
    assert '\n' not in str(error.value)


def scaled(record, by):
    return {**record, 'image': by * record['image']}


@pytest.mark.parametrize(
    ('mix', 'words'),
    [
        (
            lambda key, sources, state: {},
            'mix returns a tree of another structure than it is given',
        ),
        (lambda key, sources, state: sources['none'], "KeyError: 'none'"),
        (
            lambda key, sources, state: {**sources, 'real': scaled(sources['real'], jnp.inf)},
            'mix returns numbers that are not finite',
        ),
    ],
)
def test_a_mix_that_breaks_a_promise_is_found(mix, words):
    terms.check_mix(Term(mix=lambda key, sources, state: sources))
    with pytest.raises(AssertionError, match=words) as error:
        check_term(Term(mix=mix))
    assert '\n' not in str(error.value)


# In the step -------------------------------------------------------------------------------------


def test_a_loss_that_stops_at_the_images_does_not_move_the_generator():
    term = Term(g=of(lambda out: jnp.mean(out['real']['logit'])).d)
    with pytest.raises(AssertionError, match='the term does not move the generator'):
        check_term(term)


def test_a_gradient_that_is_lost_on_the_way_is_found():
    """The loss has its slope in the outputs; the head holds one of its weights still."""

    class Head(nn.Module):
        @nn.compact
        def __call__(self, features, label, *, train):
            kernel = self.param('kernel', nn.initializers.normal(), (features.shape[-1], 3))
            return {'x': features @ (kernel + jax.lax.stop_gradient(kernel))}

    term = of(lambda out: jnp.mean(jnp.tanh(out['real']['head']['x'])), head=Head())
    with pytest.raises(
        AssertionError, match='the discriminator does not move by the slope.*kernel'
    ):
        check_term(term)


class Apart(nn.Module):
    """A head that sends nothing back into the discriminator."""

    @nn.compact
    def __call__(self, features, label, *, train):
        return {'x': nn.Dense(3)(jax.lax.stop_gradient(features))}


def unweighted(step):
    """A step that ignores the weight of the term."""
    return lambda state, batch, hyper: step(
        state, batch, hyper._replace(weights={**hyper.weights, 'mine': jnp.float32(1)})
    )


def misreporting(step):
    """A step that reports something else where the term takes part."""

    def run(state, batch, hyper):
        state, metrics = step(state, batch, hyper)
        return state, {**metrics, 'd/base/real': metrics['d/base/real'] + 1}

    return run


@pytest.mark.parametrize(
    ('term', 'fault', 'words'),
    [
        (of(mean), unweighted, 'changes the discriminator'),
        (
            of(lambda out: jnp.mean(out['real']['head']['x'] ** 2), head=Apart()),
            unweighted,
            "the term's own head moves",
        ),
        (of(mean), misreporting, 'changes what is reported of others'),
    ],
)
def test_a_term_that_acts_at_weight_zero_is_found(term, fault, words):
    """No term can break this by itself: the step is at fault."""
    with small.float64():
        step, state = in_step._step_with(term)
        with pytest.raises(AssertionError, match=f'at weight 0 (?:the term )?{words}'):
            in_step._check_weight_zero(fault(step), state)


def test_parts_that_are_stopped_on_purpose_are_named():
    with pytest.raises(AssertionError, match='stopped names other parts than d/all'):
        check_term(of(mean), stopped=['d/al'])


def test_a_term_with_all_its_parts_stopped_is_only_put_to_weight_zero():
    check_term(PULLED, stopped=['d/all'], held=['real'])
    with pytest.raises(AssertionError, match='does not move by the slope'):
        check_term(PULLED, held=['real'])


def test_the_game_that_a_term_joins_moves():
    with small.float64():
        step, state = in_step._step_without()
        after, _ = step(state, small.make_batch(), small.make_hyper({'base': 1}))
        assert distance(after.d.params, state.d.params) > 1e-3


# Of what a term is written for -------------------------------------------------------------------


def test_a_part_with_a_draw_for_each_image_is_named():
    def loss(out, state, key):
        logit = out['real']['logit']
        return {'all': jnp.mean(jax.random.uniform(key, logit.shape, logit.dtype) * logit)}, {}, {}

    term = Term(d=Objective(REAL, loss))
    terms.check_order(term, 'd', drawn=['d/all'])
    with pytest.raises(AssertionError, match='depends on the order of the images'):
        terms.check_order(term, 'd')
    with pytest.raises(AssertionError, match="drawn names 'd/all', which does not depend on"):
        terms.check_order(of(mean), 'd', drawn=['d/all'])


def both_players(side):
    """A term of both networks as functions, which uses 'w' where there is one."""

    def loss(out, state, key):
        players, fake = out['players'], out['fake']
        made = players.generate(fake['z'], fake['label'])
        if 'w' in fake:
            made = players.synthesize(fake['w'] + made['w'], fake['label'])
        logit = players.discriminate(made['image'], fake['label'])['logit']
        kernels = [x for x in jax.tree.leaves((players.d_params, players.g_params)) if x.ndim > 1]
        return {'all': jnp.mean(logit) + sum(jnp.sum(k**2) for k in kernels)}, state, {}

    return Term(**{side: Objective({}, loss, players=True)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ('side', 'generator'),
    [
        pytest.param('d', small.Generator(), marks=pytest.mark.slow),
        ('g', small.MappedGenerator()),
    ],
)
def test_a_term_is_handed_the_players_that_it_asks_for(side, generator):
    check_term(both_players(side), generator=generator)


def test_the_players_are_handed_to_nobody_else():
    term = both_players('g')
    term = term._replace(g=term.g._replace(players=False))
    with pytest.raises(AssertionError, match="fails on the outputs .* declare .*'players'"):
        check_term(term)


class TwoLogits(nn.Module):
    """A logit with a further output."""

    @nn.compact
    def __call__(self, features, label, *, train):
        both = nn.Dense(2)(features)
        return {'logit': both[:, 0], 'other': both[:, 1]}


@pytest.mark.slow
def test_the_further_outputs_of_a_logit_are_in_every_view():
    def both(out):
        return jnp.mean(out['real']['logit'] * out['real']['other'])

    check_term(of(both), logit=TwoLogits())
    with pytest.raises(AssertionError, match="fails on the outputs .*'other'"):
        check_term(of(both))
