"""What every term promises, for every factory of the package: the loss as a function of outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import Objective, Term
from gan_jax.views import View
from tests import small
from tests.terms.family import (
    FACTORIES,
    FEATURES,
    OBJECTIVES,
    central_difference,
    directions,
    inner,
    make,
    on_floats,
    outputs,
    parts_of,
    random,
    summed,
)

every_objective = pytest.mark.parametrize(('path', 'side'), OBJECTIVES)


def test_the_search_finds_the_terms():
    names = {
        'adversarial': ('hinge', 'non_saturating', 'wasserstein', 'least_squares', 'relativistic'),
        'consistency': ('cr', 'balanced', 'latent', 'improved'),
        'contrastive': ('cntr', 'contrad'),
        'lecam': ('lecam',),
        'penalty': ('r1', 'r2', 'wgan_gp', 'dragan'),
        'rotation': ('rotation',),
    }
    shipped = {f'gan_jax.terms.{file}.{name}' for file in names for name in names[file]}
    assert FACTORIES.keys() >= shipped


EXTREMES = {
    'zero': lambda shape: np.zeros(shape, np.float32),
    'huge': lambda shape: np.full(shape, 1e4, np.float32),
    'opposite': lambda shape: -np.full(shape, 1e4, np.float32),
}


@every_objective
def test_loss_and_gradients_are_finite(path, side):
    term = make(path)

    @small.jit
    def parts_and_gradients(out):
        loss, floats = on_floats(summed(term, side), out)
        return parts_of(term, side, out), jax.grad(loss)(floats)

    for name, draw in {'random': random(np.float32), **EXTREMES}.items():
        parts, grads = parts_and_gradients(outputs(term, side, draw))
        assert parts and all(part.shape == () for part in parts.values())
        assert all(np.isfinite(x).all() for x in jax.tree.leaves((parts, grads))), name


def reads_no_more(term, side):
    """Whether the loss works on what is declared, and NaN beside it does not reach the loss."""
    exact = outputs(term, side, random(np.float32))
    poison = {
        key: np.full(shape, np.nan, np.float32)
        for key, shape in {
            'image': (small.BATCH, *small.SHAPE),
            'dx': (small.BATCH, *small.SHAPE),
            'logit': (small.BATCH,),
            'features': (small.BATCH, FEATURES),
        }.items()
    }
    poison['head'] = {'projection': poison['features'], 'logit': poison['logit']}
    others = ('real', 'fake', 'real_aug', 'fake_aug', 'real_1', 'fake_1', 'fake_near', 'mixed')
    more = {name: {**poison, **exact.get(name, {})} for name in (*exact, *others)}
    return small.same(parts_of(term, side, exact), parts_of(term, side, more))


@every_objective
def test_reads_only_what_it_declares(path, side):
    assert reads_no_more(make(path), side)


def test_a_term_that_reads_more_is_found_out():
    views = {'real': View('real')}

    def of_a_view(out, state):
        return {'all': jnp.mean(out['fake_aug']['logit'])}, state, {}

    def of_an_output(out, state):
        return {'all': jnp.mean(out['real']['dx'])}, state, {}

    def of_everything(out, state):
        return {'all': sum(jnp.mean(record['image']) for record in out.values())}, state, {}

    for loss in (of_a_view, of_an_output):
        with pytest.raises(KeyError):
            reads_no_more(Term(d=Objective(views, loss)), 'd')
    assert not reads_no_more(Term(d=Objective(views, of_everything)), 'd')


@every_objective
def test_order_of_the_batch_does_not_matter(path, side, x64):
    term = make(path)
    out = outputs(term, side, random(np.float64))
    order = np.array([2, 0, 3, 1])
    shuffled = jax.tree.map(lambda x: x[order], out)
    assert small.distance(parts_of(term, side, out), parts_of(term, side, shuffled)) < 1e-12


@every_objective
def test_gradient_in_the_outputs_is_the_slope(path, side, x64):
    term = make(path)
    loss, floats = on_floats(summed(term, side), outputs(term, side, random(np.float64)))
    loss, grads = small.jit(loss), small.jit(jax.grad(loss))(floats)
    for where, direction in directions(floats):
        slope = central_difference(loss, floats, direction, 1e-5)
        np.testing.assert_allclose(
            inner(grads, direction), slope, rtol=1e-6, atol=1e-9, err_msg=where
        )
    # Every view that the discriminator is made to look at teaches something.
    for name in getattr(term, side).views:
        assert any(np.any(x != 0) for x in jax.tree.leaves(grads[name])), name
