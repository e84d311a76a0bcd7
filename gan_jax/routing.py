"""Routing of views: the union of the views that terms read, and the outputs for each term."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gan_jax import views
from gan_jax.terms import Objective, Term
from gan_jax.views import Record, View

# Keys of a view's record. The outputs of heads are in the same record, by the names of their terms.
RESERVED = ('image', 'label', 'index', 'z', 'logit', 'features', 'dx', 'target')
KEPT = RESERVED[:4]  # what is no output of the discriminator


class ViewRouting(NamedTuple):
    """The views that the terms read for one player.

    Attributes:
        objectives: the terms' objectives for this player, by term, with settled views.
        views: the union of their views; equal views may occur under several names.
        with_dx: the views with an input gradient that a term reads.
        targets: the union of the views that they read by the averaged discriminator.
        heads: for each term with a head, the views that it reads.
        target_heads: likewise by the averaged discriminator.
    """

    objectives: Mapping[str, Objective]
    views: tuple[View, ...]
    with_dx: frozenset[View]
    targets: tuple[View, ...]
    heads: Mapping[str, frozenset[View]]
    target_heads: Mapping[str, frozenset[View]]


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
    with_dx = {o.views[v] for o in objectives.values() for v in o.input_grads}
    seen = {view for o in objectives.values() for view in o.views.values()}
    looked_at = {view for o in objectives.values() for view in o.targets.values()}
    distinct = [view for _, view in first.values()]
    with_head = {n: o for n, o in objectives.items() if terms[n].head is not None}
    return ViewRouting(
        objectives,
        tuple(view for view in distinct if view in seen),
        frozenset(with_dx),
        tuple(view for view in distinct if view in looked_at),
        {name: frozenset(o.views.values()) for name, o in with_head.items()},
        {name: frozenset(o.targets.values()) for name, o in with_head.items()},
    )


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
            hidden = () if v in objective.input_grads else ('dx',)
            out[name][v] = _of_term(name, outputs[view], hidden)
        for v, view in objective.targets.items():
            target = _of_term(name, targets[view], ())
            seen = out[name].get(v, {key: target[key] for key in KEPT if key in target})
            out[name][v] = {**seen, 'target': target}
    return out


def _of_term(name: str, record: Record, hidden: tuple[str, ...]) -> dict[str, Any]:
    heads = {k: x for k, x in record.items() if isinstance(x, Mapping)}
    mine = {k: x for k, x in record.items() if k not in heads and k not in hidden}
    return {**mine, 'head': heads[name]} if name in heads else mine
