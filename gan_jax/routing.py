"""Routing of views: the union of the views that terms read, and the outputs for each term."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from gan_jax import views
from gan_jax.terms import Logit, Objective, Term, logit_named
from gan_jax.views import RESERVED, Record, View

KEPT = RESERVED[:4]  # what is no output of the discriminator


class ViewRouting(NamedTuple):
    """The views that the terms read for one player.

    Attributes:
        objectives: the terms' objectives for this player, by term, with settled views.
        views: the union of their views; equal views may occur under several names.
        with_dx: the views whose input gradients terms read, and the logits that they follow there.
        targets: the union of the views that they read by the averaged discriminator.
        heads: for each head of a term the views on which it runs: the term's own, and where a
            penalty follows one of its outputs.
        target_heads: likewise by the averaged discriminator.
    """

    objectives: Mapping[str, Objective]
    views: tuple[View, ...]
    with_dx: Mapping[View, Collection[Logit]]
    targets: tuple[View, ...]
    heads: Mapping[str, Collection[View]]
    target_heads: Mapping[str, Collection[View]]


def route_views(terms: Mapping[str, Term], side: str, policy: str) -> ViewRouting:
    """The routing for one player.

    Args:
        terms: the acting terms, by name.
        side: the player, 'd' or 'g'.
        policy: augmentation policy of augmented views without their own.

    Raises:
        ValueError: two terms give one name to different views, a term reads the input gradient of
            a view that it does not declare, or a term with a head has a name in `RESERVED`.
    """
    objectives: dict[str, Objective] = {}
    first: dict[str, tuple[str, View]] = {}  # name of a view -> the term that has it first
    for name, term in terms.items():
        if term.head is not None and name in RESERVED:
            raise ValueError(f"a term with a head cannot be called '{name}': rename terms.{name}")
        objective = getattr(term, side)
        if objective is None:
            continue
        shown, targets = (
            {v: views.settle(view, policy) for v, view in named.items()}
            for named in (objective.views, objective.targets)
        )
        for v, view in (*shown.items(), *targets.items()):
            owner, other = first.setdefault(v, (name, view))
            if other != view:
                raise ValueError(
                    f"terms.{owner} and terms.{name} both name a view '{v}' and mean two, "
                    f"'{other}' and '{view}': rename one"
                )
        for v in objective.input_grads:
            if v not in shown:
                raise ValueError(
                    f"terms.{name} reads the input gradient of '{v}', which is none of its views"
                )
        objectives[name] = objective._replace(views=shown, targets=targets)
    seen = {view for o in objectives.values() for view in o.views.values()}
    looked_at = {view for o in objectives.values() for view in o.targets.values()}
    distinct = [view for _, view in first.values()]
    with_dx = _followed(objectives)
    with_head = {n: o for n, o in objectives.items() if terms[n].head is not None}
    heads = {name: {*o.views.values()} for name, o in with_head.items()}
    for view, logits in with_dx.items():
        for head in (head for head, _ in logits if head):
            heads.setdefault(head, set()).add(view)
    return ViewRouting(
        objectives,
        tuple(view for view in distinct if view in seen),
        with_dx,
        tuple(view for view in distinct if view in looked_at),
        heads,
        {name: {*o.targets.values()} for name, o in with_head.items()},
    )


def _followed(objectives: Mapping[str, Objective]) -> dict[View, set[Logit]]:
    """`ViewRouting.with_dx`."""
    with_dx: dict[View, set[Logit]] = {}
    for objective in objectives.values():
        for v in objective.input_grads:
            with_dx.setdefault(objective.views[v], set()).add(logit_named(objective.grad_of))
    return with_dx


def latents_of(terms: Mapping[str, Term]) -> dict[str, Callable]:
    """The further latents of all terms, name -> (key, z) -> z'.

    Raises:
        ValueError: two terms use one name, or a term uses a reserved name.
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
    routing: ViewRouting,
    outputs: Mapping[View, Record],
    sources: Mapping[str, Record],
    targets: Mapping[View, Record],
) -> dict[str, dict[str, Any]]:
    """The records that each term's loss may read: its own views, its head, and every source.

    Args:
        routing: the routing for this player.
        outputs: the records from `critique.discriminate`.
        sources: the records of every source.
        targets: likewise from the averaged discriminator, for `routing.targets`.

    Returns:
        {term: {view or source: record}}.
    """
    out: dict[str, dict[str, Any]] = {}
    for name, objective in routing.objectives.items():
        out[name] = dict(sources)
        for v, view in objective.views.items():
            out[name][v] = _of_term(name, outputs[view])
            if v in objective.input_grads:
                out[name][v]['dx'] = outputs[view]['dx'][logit_named(objective.grad_of)]
        for v, view in objective.targets.items():
            target = _of_term(name, targets[view])
            seen = out[name].get(v, {key: target[key] for key in KEPT if key in target})
            out[name][v] = {**seen, 'target': target}
    return out


def _of_term(name: str, record: Record) -> dict[str, Any]:
    """A record without the input gradients and without the heads of other terms."""
    mine = {k: x for k, x in record.items() if not isinstance(x, Mapping)}
    heads = {k: x for k, x in record.items() if k not in (*mine, 'dx')}
    return {**mine, 'head': heads[name]} if name in heads else mine
