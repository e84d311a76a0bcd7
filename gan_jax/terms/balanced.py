"""Variants of balanced consistency, bCR: more views, a teacher's view, a constraint.

All are for the discriminator, of reals and of fakes alike. Differences of logits are squared and
averaged over the batch. `consistency.balanced` is bCR itself.
"""

from typing import Annotated

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Integer, Number, Scale
from gan_jax.terms import Objective, Term
from gan_jax.terms.consistency import balanced
from gan_jax.views import View, augmented

SOURCES = ('real', 'fake')
FewViews = Annotated[int, Integer(1, 64)]
NotNegative = Annotated[float, Number(0, 1e6)]


def bcr_k(count: FewViews = 4) -> Term:
    """bCR over several augmented views of each image (Zhao et al. 2020, arXiv 2006.02595).

    L = mean over k draws t of E (D(x) - D(t(x)))^2, for reals and for fakes, with bCR's weight 10.
    bCR is count = 1. Every view costs a pass of D; more draws give the same loss in expectation
    with less variance. This project's own.
    Parts: 'real', 'fake'.

    Args:
        count: k, draws for each image.
    """
    names = {s: [f'{s}_aug', *(f'{s}_aug_{k}' for k in range(1, count))] for s in SOURCES}
    views = {s: View(s) for s in SOURCES}
    for source in SOURCES:
        for k, name in enumerate(names[source]):
            views[name] = View(source, augmented, draw=k)

    def d(out, state, key):
        parts = {}
        for source in SOURCES:
            squares = [_square(out[source], out[name]) for name in names[source]]
            parts[source] = sum(squares) / count
        return parts, state, {}

    return Term(d=Objective(views, d))


def bcr_weak_strong(*, weak: str = 'flip|shift(0.125)', strong: str = '') -> Term:
    """bCR whose strongly augmented view learns from a weakly augmented one, with weight 10.

    L = E (D(s(x)) - sg(D(w(x))))^2, for reals and for fakes; no gradient flows through sg. The pair
    is FixMatch's (Sohn et al. 2020, arXiv 2001.07685), there with pseudo-labels, which a logit
    without classes does not have; the square is bCR's. This project's own.
    Parts: 'real', 'fake'.

    Args:
        weak: policy of the view that is learnt from, with a number in brackets for every op that
            takes one. FixMatch's flips and shifts.
        strong: policy of the view that learns; '' is the term's, else `augment.view`.
    """
    views = {}
    for source in SOURCES:
        views[f'{source}_weak'] = View(source, augmented, policy=weak)
        views[f'{source}_strong'] = View(source, augmented, policy=strong, draw=1)

    def d(out, state, key):
        parts = {}
        for source in SOURCES:
            weakly, strongly = (out[f'{source}_{how}']['logit'] for how in ('weak', 'strong'))
            parts[source] = jnp.mean((strongly - jax.lax.stop_gradient(weakly)) ** 2)
        return parts, state, {}

    return Term(d=Objective(views, d))


def bcr_dual(epsilon: NotNegative = 0.1, *, rate: Scale = 0.1, start: NotNegative = 0.0) -> Term:
    """bCR as a constraint, E (D(x) - D(t(x)))^2 <= epsilon, whose weight finds itself; weight 1.

    Dual ascent, as in invariance-constrained learning (Hounie et al. 2023, arXiv 2209.15031):
    L = sg(lambda) v with the violation v = E (D(x) - D(t(x)))^2 - epsilon, and then
    lambda <- max(0, lambda + rate v), once for reals and once for fakes. epsilon is in squares of
    the logit's units; no paper gives it or the rate for a GAN, whose bCR has lambda = 10. Metrics
    'lambda_real', 'violation_real', 'lambda_fake', 'violation_fake', with the lambda that the loss
    had. With `accumulate` every part of a batch counts as an update.
    Parts: 'real', 'fake'.

    Args:
        epsilon: the bound.
        rate: growth of lambda in an update, for a violation of 1.
        start: lambda at first.
    """

    def init():
        return {source: jnp.float32(start) for source in SOURCES}

    def d(out, state, key):
        parts, after, metrics = {}, {}, {}
        for source in SOURCES:
            violation = _square(out[source], out[f'{source}_aug']) - epsilon
            multiplier = state[source]  # of the updates before: a constant to the gradient
            parts[source] = multiplier * violation
            after[source] = jnp.maximum(multiplier + rate * violation, 0)
            metrics[f'lambda_{source}'], metrics[f'violation_{source}'] = multiplier, violation
        return parts, after, metrics

    views = balanced().d
    assert views is not None  # for the type checker
    return Term(d=Objective(views.views, d), init=init)


def _square(plain, view):
    return jnp.mean((plain['logit'] - view['logit']) ** 2)
