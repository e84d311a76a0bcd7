"""The discriminator's outputs for a set of views: one joint pass, and input gradients."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import views
from gan_jax.models.critic import scope_of
from gan_jax.views import Record, View

Places = Mapping[str, Sequence[int]]  # head -> numbers of the views of a pass on which it runs


def discriminate(
    critic: nn.Module,
    variables: Mapping[str, Any],
    records: Mapping[View, Record],
    *,
    augment: Callable[[View, jax.Array], jax.Array] = lambda view, image: image,
    with_dx: Collection[View] = (),
    heads: Mapping[str, Collection[View]] | None = None,
    joint: bool = True,
    rngs: Mapping[str, jax.Array] = MappingProxyType({}),
) -> tuple[dict[View, Record], dict[str, Any]]:
    """The discriminator's outputs for each view, added to the view's record.

    Args:
        critic: as `models.critic.Critic`.
        variables: the critic's parameters and other collections.
        records: for each view {'image': [B, H, W, C] in [0, 1], 'label': [B]}.
        augment: (view, image) -> image, the augmentation of all inputs of the critic.
        with_dx: views that also get 'dx' [B, H, W, C], the gradient of the logit with respect to
            the image before `augment`, scaled to the range [-1, 1].
        heads: the views of each head that runs; other views lack its outputs. None: every head runs
            on all.
        joint: True: one pass for all views (two if some need gradients). False: one pass per view.
        rngs: random streams of the critic, by name, see `synthesis.streams`; every pass has the
            same.

    Returns:
        {view: record and outputs}, and the critic's other collections after the pass. Every pass
        starts from the same collections; the collections after the first pass are returned, a
        head's after the first pass that runs the head.
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
            train=True,
            rows=None if heads is None else _rows(len(group), places),
            mutable=list(collections),
            rngs=dict(rngs),
        )
        outs = [_of_view(i, len(group), out, places) for i in range(len(group))]
        return outs, {**collections, **after}

    def forward_with_input_grad(group, images):
        def logits(images):
            outs, after = forward(group, images)
            return [out['logit'] for out in outs], (outs, after)

        logit, pull, (outs, after) = jax.vjp(logits, images, has_aux=True)
        # No logit depends on another image, so pulling back ones gives each its own gradient.
        (gradients,) = pull([jnp.ones_like(x) for x in logit])
        # x = (x' + 1) / 2 for x' in [-1, 1], the range that the papers' penalties assume.
        return [{**out, 'dx': g / 2} for out, g in zip(outs, gradients, strict=True)], after

    outputs: dict[View, Record] = {}
    passes = []
    for group, run in (
        ([v for v in records if v not in with_dx], forward),
        ([v for v in records if v in with_dx], forward_with_input_grad),
    ):
        for chunk in [group] if group and joint else [[v] for v in group]:
            outs, after = run(chunk, [records[v]['image'] for v in chunk])
            outputs |= {v: {**records[v], **out} for v, out in zip(chunk, outs, strict=True)}
            passes.append(({*_places(chunk, heads or {})}, after))
    return outputs, _after(passes) if passes else collections


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


def _after(passes: Sequence[tuple[set[str], dict[str, Any]]]) -> dict[str, Any]:
    """The collections after several passes (heads that ran, collections), see `discriminate`."""
    (ran, after), *others = passes
    for heads, moved in others:
        new = {scope_of(head) for head in heads - ran}
        after = {
            name: {**tree, **{k: x for k, x in moved[name].items() if k in new}}
            for name, tree in after.items()
        }
        ran = ran | heads
    return after
