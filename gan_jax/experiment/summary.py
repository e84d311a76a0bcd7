"""A run in a few numbers, known before its first step: devices, images, networks, views, work."""

import math
from collections.abc import Mapping
from typing import Any

import jax

from gan_jax.data.classes import described
from gan_jax.data.dataset import label_size
from gan_jax.experiment.setup import Setup
from gan_jax.models.critic import scope_of
from gan_jax.routing import route_views


def summary(setup: Setup) -> dict[str, Any]:
    """The numbers, as JSON.

    Returns:
        devices {'kind', 'count'}; images {'name', 'count', 'shape' [H, W, C], 'classes', and
        'label_size' of label vectors, 'held_out' of images that the config holds out};
        batch_size; parameters by network and head; views {'d', 'g'}, the number of views in one
        pass; flops of a step, as XLA counts them before its optimisation, None where it does not.
    """
    size = label_size(setup.dataset)
    return {
        'devices': _devices(setup),
        'images': {
            'name': setup.dataset.name,
            'count': len(setup.dataset.images),
            'shape': list(setup.dataset.images.shape[1:]),
            'classes': setup.dataset.num_classes,
            **({'label_size': size} if size else {}),
            **_held_out(setup),
        },
        'batch_size': setup.settings['batch_size'],
        'parameters': parameters(setup),
        'views': {side: len({*routings(setup)[side].views}) for side in 'dg'},
        'flops': setup.program.flops(),
    }


def in_words(found: Mapping[str, Any]) -> str:
    """A `summary` as lines of text."""
    devices, images, views = found['devices'], found['images'], found['views']
    shape = 'x'.join(map(str, images['shape']))
    labels = described(None, images['classes'], images.get('label_size', 0))
    words = {
        'devices': f'{devices["count"]}, {devices["kind"]}',
        'images': f'{images["count"]:,} of {images["name"]}, {shape}, {labels}{held_out(images)}',
        **{name: f'{count:,} parameters' for name, count in found['parameters'].items()},
        'one step': f'{_flops(found["flops"])}batch of {found["batch_size"]}, views: '
        f'{views["d"]} for d, {views["g"]} for g',
    }
    width = max(map(len, words))
    return '\n'.join(f'  {name:<{width}}  {text}' for name, text in words.items())


def held_out(images: Mapping[str, Any]) -> str:
    """The end of a sentence about the images of a `summary`: how many others are held out."""
    if 'held_out' not in images:
        return ''
    count = images['held_out']
    return f'; {count:,} others are held out' if count > 1 else '; 1 other is held out'


def parameters(setup: Setup) -> dict[str, int]:
    """The numbers of parameters: of G, of D, of each term's head, and of each term's network."""
    shapes = setup.program.shapes
    critic = dict(shapes.d.params)
    heads = {name: critic.pop(scope_of(name)) for name in setup.experiment.gan.critic.heads}
    return {
        'generator': _size(shapes.g.params),
        'discriminator': _size(critic),
        **{f'head of terms.{name}': _size(head) for name, head in heads.items()},
        **{f'network {name}': _size(net.params) for name, net in shapes.nets.items()},
    }


def routings(setup: Setup) -> dict[str, Any]:
    """The routing of views in the updates of 'd' and of 'g'."""
    terms, view = setup.experiment.terms, setup.experiment.gan.augment.view
    return {side: route_views(terms, side, view) for side in 'dg'}


def _held_out(setup: Setup) -> dict[str, int]:
    """The number of images that are held out for metrics; {} where the config holds out none."""
    if not setup.settings['data']['held_out'] or setup.outlined:
        return {}
    return {'held_out': len(setup.held_out().images)}


def _devices(setup: Setup) -> dict[str, Any]:
    """The devices that the state lies on."""
    first = jax.tree.leaves(setup.program.shapes)[0]
    one, *others = first.sharding.device_set
    kind = one.platform if one.device_kind == one.platform else one.device_kind
    return {'kind': kind, 'count': 1 + len(others)}


def _flops(flops: float | None) -> str:
    return f'{flops / 1e9:.3g} GFLOPs, ' if flops else ''


def _size(params: Any) -> int:
    return sum(math.prod(x.shape) for x in jax.tree.leaves(params))
