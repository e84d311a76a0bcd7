"""The discriminator's outputs for a set of views: one joint pass, and input gradients."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import networks, views
from gan_jax.models.critic import scope_of
from gan_jax.runtime.errors import of_part
from gan_jax.terms import Logit
from gan_jax.views import Record, View

Places = Mapping[str, Sequence[int]]  # head -> numbers of the views of a pass on which it runs


def discriminate(
    critic: nn.Module,
    variables: Mapping[str, Any],
    records: Mapping[View, Record],
    *,
    augment: Callable[[View, jax.Array], jax.Array] = lambda view, image: image,
    with_dx: Mapping[View, Collection[Logit]] = MappingProxyType({}),
    heads: Mapping[str, Collection[View]] | None = None,
    joint: bool = True,
    rngs: Mapping[str, jax.Array] = MappingProxyType({}),
) -> tuple[dict[View, Record], dict[str, Any]]:
    """The discriminator's outputs for each view, added to the view's record.

    Args:
        critic: as `models.critic.Critic`; what it `reads` beside the image, such as 'z', it takes
            from the records.
        variables: the critic's parameters and other collections.
        records: for each view {'image': [B, H, W, C] in [0, 1], 'label': [B]}.
        augment: (view, image) -> image, the augmentation of all inputs of the critic.
        with_dx: views that also get 'dx', the gradient [B, H, W, C] of each of these logits with
            respect to the image before `augment`, scaled to the range [-1, 1].
        heads: the views of each head that runs; other views lack its outputs. None: every head runs
            on all.
        joint: True: one pass for all views, and one for each set of logits whose gradients some
            need. False: one pass per view.
        rngs: random streams of the critic, by name, see `keys.streams`; every pass has the
            same.

    Returns:
        {view: record and outputs}, and the critic's other collections after the pass. Every pass
        starts from the same collections; the collections after the first pass are returned, a
        head's after the first pass that runs the head.

    Raises:
        ValueError: one of the logits in `with_dx` does not exist or is no number an image, a record
            lacks what the critic reads, or two have it in other shapes.
    """
    collections = {name: tree for name, tree in variables.items() if name != 'params'}

    def forward(group: Sequence[View], images: Sequence[jax.Array]) -> tuple[list[Any], Any]:
        image = views.join([augment(v, image) for v, image in zip(group, images, strict=True)])
        label = views.join([records[v]['label'] for v in group])
        places = _places(group, heads or {})
        out, after = critic.apply(
            variables,
            image,
            label,
            **_further(critic, {v: records[v] for v in group}),
            train=True,
            rows=None if heads is None else _rows(len(group), places),
            mutable=list(collections),
            rngs=dict(rngs),
        )
        outs = [_of_view(i, len(group), out, places) for i in range(len(group))]
        return outs, {**collections, **after}

    def forward_with_input_grads(group, images, logits):
        def followed(images):
            outs, after = forward(group, images)
            pairs = [*zip(outs, labels, strict=True)]
            values = {of: [_followed(out, of, label) for out, label in pairs] for of in logits}
            return values, (outs, after)

        labels = [records[v]['label'] for v in group]
        values, pull, (outs, after) = jax.vjp(followed, images, has_aux=True)
        dx = {}
        for of in logits:
            # No logit depends on another image, so pulling back ones gives each its own gradient.
            ones = {o: [jnp.full_like(x, o == of) for x in xs] for o, xs in values.items()}
            # x = (x' + 1) / 2 for x' in [-1, 1], the range that the papers' penalties assume.
            dx[of] = [g / 2 for g in pull(ones)[0]]
        return [{**out, 'dx': {of: dx[of][i] for of in dx}} for i, out in enumerate(outs)], after

    outputs: dict[View, Record] = {}
    moved = []
    for group, logits in passes(records, with_dx, joint):
        images = [records[v]['image'] for v in group]
        run = functools.partial(forward_with_input_grads, logits=logits) if logits else forward
        outs, after = run(group, images)
        outputs |= {v: {**records[v], **out} for v, out in zip(group, outs, strict=True)}
        moved.append(({*_places(group, heads or {})}, after))
    return outputs, _after(moved) if moved else collections


def passes(
    seen: Iterable[View], with_dx: Mapping[View, Collection[Logit]], joint: bool
) -> list[tuple[list[View], tuple[Logit, ...]]]:
    """The passes of `discriminate`: the views of each, and the logits that it differentiates."""
    groups: dict[tuple[Logit, ...], list[View]] = {(): []}  # without gradients first
    for view in seen:
        groups.setdefault(tuple(sorted(with_dx.get(view, ()))), []).append(view)
    return [
        (chunk, logits)
        for logits, group in groups.items()
        for chunk in ([group] if group and joint else [[view] for view in group])
    ]


def _followed(out: Mapping[str, Any], of: Logit, label: jax.Array) -> jax.Array:
    """The logit [B] of the outputs of a view, see `terms.logit_named`."""
    head, name = of
    own = out.get(head, {}) if head else out
    logit = own.get(name)
    if logit is None or isinstance(logit, Mapping) or logit.ndim > 2:
        there = [f"'{k}' {list(x.shape)}" for k, x in own.items() if not isinstance(x, Mapping)]
        whose = f'the head of terms.{head}' if head else 'the discriminator'
        raise ValueError(
            f"a term reads the input gradient of '{name}' of {whose}, which has "
            f'{", ".join(there) or "no outputs"}: an output [B] or [B, K] is wanted'
        )
    if logit.ndim == 1:
        return logit
    return jnp.sum(jax.nn.one_hot(label, logit.shape[1], dtype=logit.dtype) * logit, axis=1)


def _further(critic: nn.Module, records: Mapping[View, Record]) -> dict[str, Any]:
    """The entries that the critic reads beside images and labels, joined over views."""
    found = [networks.read(critic, r, f"the view of '{v.source}'") for v, r in records.items()]
    joined = {}
    for name in found[0]:
        with of_part(f"the discriminator reads '{name}'"):
            joined[name] = views.join([one[name] for one in found])
    return joined


def _places(group: Sequence[View], heads: Mapping[str, Collection[View]]) -> Places:
    """For each head that runs on some views of a group, their numbers in the group."""
    found = {name: [i for i, v in enumerate(group) if v in own] for name, own in heads.items()}
    return {name: numbers for name, numbers in found.items() if numbers}


def _rows(count: int, places: Places) -> dict[str, Callable[[jax.Array], jax.Array]]:
    """`rows` of `models.critic.Critic`."""
    return {
        name: functools.partial(views.choose, count=count, which=numbers)
        for name, numbers in places.items()
    }


def _of_view(number: int, count: int, out: Record, places: Places) -> dict[str, Any]:
    """The outputs of one of the interleaved views of a pass; a head's are of its views alone."""

    def own(name: str) -> Any:
        numbers = places.get(name, range(count))
        at = numbers.index(number)
        return jax.tree.map(lambda x: views.split(x, len(numbers))[at], out[name])

    return {name: own(name) for name in sorted(out) if number in places.get(name, range(count))}


def _after(moved: Sequence[tuple[set[str], dict[str, Any]]]) -> dict[str, Any]:
    """The collections after several passes (heads that ran, collections), see `discriminate`."""
    (ran, after), *others = moved
    for heads, later in others:
        new = {scope_of(head) for head in heads - ran}
        after = {
            name: {**tree, **{k: x for k, x in later[name].items() if k in new}}
            for name, tree in after.items()
        }
        ran = ran | heads
    return after
