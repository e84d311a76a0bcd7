"""What the terms of a step read: the union of their views, and what is handed to each."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gan_jax import views
from gan_jax.terms import Objective, Term
from gan_jax.views import Record, View

# What a view's record holds beside the outputs of heads, which stand there by their terms' names.
RESERVED = ('image', 'label', 'logit', 'features', 'dx')


class ViewRouting(NamedTuple):
    """What the terms read for one player.

    Attributes:
        objectives: of the terms that have one for this player, by term, with settled views.
        views: the union of their views; equal ones may occur under several names.
        with_dx: those of which a term reads the input gradient.
    """

    objectives: Mapping[str, Objective]
    views: tuple[View, ...]
    with_dx: frozenset[View]


def route_views(terms: Mapping[str, Term], side: str, policy: str) -> ViewRouting:
    """The plan for 'd' or 'g', where `policy` is what unnamed policies stand for.

    Raises:
        ValueError: two terms give one name to different views, a term reads the input gradient of
            a view that it does not declare, or a term with a head has a name of TAKEN.
    """
    objectives, first = {}, {}
    for name, term in terms.items():
        if term.head is not None and name in RESERVED:
            raise ValueError(f"a term with a head cannot be called '{name}': rename terms.{name}")
        objective = getattr(term, side)
        if objective is None:
            continue
        settled = {v: views.settle(view, policy) for v, view in objective.views.items()}
        for v, view in settled.items():
            owner, other = first.setdefault(v, (name, view))
            if other != view:
                raise ValueError(
                    f"terms.{owner} and terms.{name} both name a view '{v}' but mean different "
                    f'ones, {other} and {view}; rename one'
                )
        for v in objective.input_grads:
            if v not in settled:
                raise ValueError(
                    f"terms.{name} reads the input gradient of '{v}', which is none of its views"
                )
        objectives[name] = objective._replace(views=settled)
    with_dx = {o.views[v] for o in objectives.values() for v in o.input_grads}
    return ViewRouting(objectives, tuple(view for _, view in first.values()), frozenset(with_dx))


def latents_of(terms: Mapping[str, Term]) -> dict[str, Callable]:
    """The further latents of all terms, name -> (key, z) -> z'.

    Raises:
        ValueError: two terms want one name, or one that stands for something else.
    """
    latents = {}
    for name, term in terms.items():
        for latent, move in term.latents.items():
            if latent in ('real', 'fake', 'own') or latent in latents:
                raise ValueError(
                    f"terms.{name} names a latent '{latent}', which is taken; rename it"
                )
            latents[latent] = move
    return latents


def outputs_per_term(
    plan: ViewRouting, outputs: Mapping[View, Record], sources: Mapping[str, Record]
) -> dict[str, dict[str, Record]]:
    """For each term what its loss may read: its own views and head, and every source's record.

    Args:
        plan: of this player.
        outputs: what `critique` returned.
        sources: the records of every source.
    """
    out = {}
    for name, objective in plan.objectives.items():
        out[name] = dict(sources)
        for v, view in objective.views.items():
            hidden = () if v in objective.input_grads else ('dx',)
            out[name][v] = _of_term(name, outputs[view], hidden)
    return out


def _of_term(name: str, record: Record, hidden: tuple[str, ...]) -> Record:
    heads = {k: x for k, x in record.items() if isinstance(x, Mapping)}
    mine = {k: x for k, x in record.items() if k not in heads and k not in hidden}
    return {**mine, 'head': heads[name]} if name in heads else mine
