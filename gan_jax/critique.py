"""The discriminator's outputs for a set of views: one joint pass, and input gradients."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import views
from gan_jax.views import Record, View


def discriminate(
    critic: nn.Module,
    variables: Mapping[str, Any],
    records: Mapping[View, Record],
    *,
    augment: Callable[[View, jax.Array], jax.Array] = lambda view, image: image,
    with_dx: Collection[View] = (),
    joint: bool = True,
    rngs: Mapping[str, jax.Array] = MappingProxyType({}),
) -> tuple[dict[View, Record], dict[str, Any]]:
    """The discriminator's outputs for each view, added to the view's record.

    Args:
        critic: (images [N, H, W, C], label [N], train) -> {'logit': [N], 'features': [N, F], ...}.
        variables: the critic's parameters and other collections.
        records: for each view {'image': [B, H, W, C] in [0, 1], 'label': [B]}.
        augment: (view, image) -> image, the augmentation of all inputs of the critic.
        with_dx: views that also get 'dx' [B, H, W, C], the gradient of the logit with respect to
            the image before `augment`, scaled to the range [-1, 1].
        joint: True: one pass for all views (two if some need gradients). False: one pass per view.
        rngs: random streams of the critic, by name, see `synthesis.streams`; every pass has the
            same.

    Returns:
        {view: record and outputs}, and the critic's other collections after the pass. Every pass
        starts from the same collections; the collections after the first pass are returned.
    """
    collections = {name: tree for name, tree in variables.items() if name != 'params'}

    def forward(group: Sequence[View], images: Sequence[jax.Array]) -> tuple[list[Any], Any]:
        image = views.join([augment(v, image) for v, image in zip(group, images, strict=True)])
        label = views.join([records[v]['label'] for v in group])
        out, after = critic.apply(
            variables, image, label, train=True, mutable=list(collections), rngs=dict(rngs)
        )
        count = len(group)
        outs = [jax.tree.map(lambda x, i=i: views.split(x, count)[i], out) for i in range(count)]
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
    after = []
    for group, run in (
        ([v for v in records if v not in with_dx], forward),
        ([v for v in records if v in with_dx], forward_with_input_grad),
    ):
        for chunk in [group] if group and joint else [[v] for v in group]:
            outs, collections_after = run(chunk, [records[v]['image'] for v in chunk])
            outputs |= {v: {**records[v], **out} for v, out in zip(chunk, outs, strict=True)}
            after.append(collections_after)
    return outputs, (after or [collections])[0]
