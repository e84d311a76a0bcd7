"""What is handed to each term: its own views and head, and no more."""

import pytest

from gan_jax.routing import RESERVED, latents_of, outputs_per_term, route_views
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import ProjectionHead
from gan_jax.views import View, augmented

REAL, SHIFTED = View('real'), View('real', augmented, 'translation')
SOURCES = {name: {'image': f'{name} image', 'label': f'{name} label'} for name in ('real', 'fake')}


def of_d(views, input_grads=()):
    return Term(d=Objective(views, lambda out, state, key: ({}, state, {}), input_grads))


TERMS = {
    'penalty': of_d({'real': REAL}, input_grads=('real',)),
    'mine': of_d({'real': REAL, 'aug': View('real', augmented)}),
    'headless': of_d({'real': REAL}),
    'generators': Term(g=Objective({}, lambda out, state, key: ({}, state, {}))),
}


def test_union_of_views():
    made = route_views(TERMS, 'd', 'translation')
    assert set(made.views) == {REAL, SHIFTED}
    assert made.with_dx == {REAL: {('', 'logit')}}
    assert {name: o.views for name, o in made.objectives.items()} == {
        'penalty': {'real': REAL},
        'mine': {'real': REAL, 'aug': SHIFTED},
        'headless': {'real': REAL},
    }


def test_each_term_gets_its_views_its_head_and_its_gradients():
    outputs = {'logit': 1, 'features': 2, 'penalty': {'p': 3}, 'mine': {'m': 4}}
    seen = {
        REAL: {**SOURCES['real'], **outputs, 'dx': {('', 'logit'): 5}},
        SHIFTED: {'image': 'shifted', 'label': 'real label', **outputs},
    }
    out = outputs_per_term(route_views(TERMS, 'd', 'translation'), seen, SOURCES, {})
    plain = {**SOURCES['real'], 'logit': 1, 'features': 2}
    assert out == {
        'penalty': {'real': {**plain, 'dx': 5, 'head': {'p': 3}}, 'fake': SOURCES['fake']},
        'mine': {
            'real': {**plain, 'head': {'m': 4}},
            'aug': {**plain, 'image': 'shifted', 'head': {'m': 4}},
            'fake': SOURCES['fake'],
        },
        'headless': {'real': plain, 'fake': SOURCES['fake']},
    }


def test_heads_run_on_the_views_of_their_terms_and_where_their_logits_are_followed():
    head = ProjectionHead()
    follows = TERMS['penalty'].d._replace(grad_of='mine/score')
    terms = {**TERMS, 'mine': TERMS['mine']._replace(head=head), 'follows': Term(d=follows)}
    terms['other'] = of_d({'aug': View('real', augmented)})._replace(head=head)
    made = route_views(terms, 'd', 'translation')
    assert made.heads == {'mine': {REAL, SHIFTED}, 'other': {SHIFTED}}
    assert made.with_dx == {REAL: {('', 'logit'), ('mine', 'score')}}
    del terms['mine']  # which does not act in this step
    assert route_views(terms, 'd', 'translation').heads == {'mine': {REAL}, 'other': {SHIFTED}}
    assert route_views(terms, 'g', 'translation').heads == {}


def test_each_term_gets_the_gradient_of_the_logit_that_it_follows():
    terms = {
        name: Term(d=TERMS['penalty'].d._replace(grad_of=of))
        for name, of in {'own': '', 'of_mine': 'mine', 'of_score': 'mine/score'}.items()
    }
    dx = {('', 'logit'): 1, ('mine', 'logit'): 2, ('mine', 'score'): 3}
    seen = {REAL: {**SOURCES['real'], 'logit': 0, 'mine': {'logit': 0, 'score': 0}, 'dx': dx}}
    out = outputs_per_term(route_views(terms, 'd', ''), seen, SOURCES, {})
    assert {name: out[name]['real']['dx'] for name in out} == {
        'own': 1,
        'of_mine': 2,
        'of_score': 3,
    }


def test_a_side_without_views_reads_the_sources():
    assert outputs_per_term(route_views(TERMS, 'g', ''), {}, SOURCES, {}) == {'generators': SOURCES}


def test_latents_of_all_terms():
    near, far = (lambda key, z: z), (lambda key, z: -z)
    terms = {'a': Term(latents={'near': near}), 'b': Term(latents={'far': far})}
    assert latents_of(terms) == {'near': near, 'far': far}


@pytest.mark.parametrize('name', RESERVED)
def test_a_term_with_a_head_may_not_take_the_name_of_a_records_entry(name):
    with pytest.raises(ValueError, match=f"cannot be called '{name}': rename terms.{name}"):
        route_views({name: TERMS['mine']._replace(head=ProjectionHead())}, 'd', '')
    route_views({name: TERMS['mine']}, 'd', '')  # without a head nothing clashes
