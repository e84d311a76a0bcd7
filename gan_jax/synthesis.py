"""One call of the generator: its random streams, its record; both networks as functions."""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax

from gan_jax.keys import named, streams
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.state import TrainState
from gan_jax.terms import Players


def synthesize(
    generator: nn.Module,
    variables: Mapping[str, Any],
    z: jax.Array,
    label: jax.Array,
    key: jax.Array,
    *,
    train: bool,
    shape: Sequence[Any] = ('H', 'W', 'C'),
    method: str = '__call__',
    inputs: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record of generated images, and the generator's collections after the call.

    Args:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1], or a record with
            'image' and further arrays [B, ...], such as 'w'.
        variables: the generator's parameters and other collections.
        z: latents, [B, Z], or another input that `method` takes.
        label: int32 [B].
        key: of the random streams.
        train: as the generator takes it; True updates the collections.
        shape: of an image; a letter stands for any length.
        method: the generator's method; 'synthesize' makes images from 'w'.
        inputs: further arguments of `method`, by name, such as 'shift'.

    Returns:
        {'image', 'label', 'z' and what else the generator returns}, and its collections.

    Raises:
        PartError: the generator fails, or returns neither an image nor a record with one.
    """
    collections = {name: tree for name, tree in variables.items() if name != 'params'}
    with of_part('config.generator'):
        made, after = generator.apply(
            variables,
            z,
            label,
            train=train,
            mutable=list(collections) if train else (),
            rngs=streams(key),
            method=method,
            **inputs,
        )
        is_record = isinstance(made, Mapping)
        record = dict(made) if is_record else {'image': made}
        what = "the 'image' of what it returns" if is_record else 'what it returns'
        shapes.array(what, record.get('image'), (len(z), *shape))
    return {**record, 'label': label, 'z': z}, {**collections, **after}


def make_players(
    generator: nn.Module,
    critic: nn.Module,
    state: TrainState,
    key: jax.Array,
    augment: Callable[[jax.Array], jax.Array] = lambda image: image,
) -> Players:
    """Both networks of a state as functions, for `Objective.players`.

    Args:
        generator: as in `synthesize`.
        critic: as in `critique.discriminate`.
        state: with the parameters in which the loss is differentiated.
        key: of the random streams.
        augment: image -> image, the augmentation of all inputs of the critic.
    """

    def generate(z, label, method='__call__'):
        own = named(key, 'generate')
        return synthesize(generator, state.g.variables, z, label, own, train=True, method=method)[0]

    def discriminate(image, label, **more):
        own, moved = streams(named(key, 'discriminate')), [*state.d.stats]
        return critic.apply(
            state.d.variables, augment(image), label, **more, train=True, mutable=moved, rngs=own
        )[0]

    by_w = functools.partial(generate, method='synthesize')
    return Players(generate, by_w, discriminate, state.d.params, state.g.params)
