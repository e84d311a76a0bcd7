"""Checks for combinations of terms and discriminator that run but make no sense.

The checks trace shapes and compile nothing: one more trace of D's forward pass, whose cost is given
in `batch_mixing`, and another one if there are penalties.
"""

import functools
from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax import views
from gan_jax.experiment.batch_mixing import mixing_primitive
from gan_jax.gan import GAN
from gan_jax.routing import ViewRouting, latents_of, outputs_per_term, route_views
from gan_jax.runtime.errors import PartError
from gan_jax.state import Hyper
from gan_jax.synthesis import streams
from gan_jax.terms import Term
from gan_jax.views import Record


def check_contracts(
    gan: GAN,
    terms: Mapping[str, Term],
    variables: Mapping[str, Any],
    hyper: Hyper,
    *,
    shape: tuple[int, int, int],
    batch_size: int,
) -> None:
    """Raises unless the terms of a run and its discriminator make sense together.

    Args:
        gan: networks, optimisers and static options.
        terms: all terms that act in any step.
        variables: variables of the discriminator, or their shapes.
        hyper: the hyper-parameters.
        shape: (H, W, C) of an image.
        batch_size: size of the batch of one discriminator update.

    Raises:
        PartError: `joint` is True and the discriminator mixes the images of a batch, or a term
            reads the input gradient of a logit by which no term trains the generator.
    """
    routings = {side: route_views(terms, side, gan.augment.view) for side in 'dg'}
    size = batch_size // gan.accumulate
    _check_joint(gan, routings, variables, shape, size)
    _check_penalties(gan, terms, routings, variables, hyper, shape, size)


def _check_joint(
    gan: GAN,
    routings: Mapping[str, ViewRouting],
    variables: Mapping[str, Any],
    shape: tuple[int, int, int],
    size: int,
) -> None:
    most, together = 0, set()  # views in one pass, and heads that meet several there
    for routing in routings.values():
        for group, heads in (
            ({*routing.views} - routing.with_dx, routing.heads),
            (routing.with_dx, routing.heads),
            ({*routing.targets}, routing.target_heads),
        ):
            most = max(most, len(group))
            together |= {head for head, own in heads.items() if len(own & group) > 1}
    if not gan.joint or most < 2:
        return

    looked = functools.partial(_outputs, gan, heads=together)
    where = mixing_primitive(looked, size * most, variables, *_batch(size * most, shape))
    if where is not None:
        raise PartError(
            f'config.joint is True, and the discriminator looks across the batch ({where}): in one '
            'pass for all views what it says of an image would depend on those of other views. '
            'Set config.joint=False, or leave out that layer'
        )


def _check_penalties(
    gan: GAN,
    terms: Mapping[str, Term],
    routings: Mapping[str, ViewRouting],
    variables: Mapping[str, Any],
    hyper: Hyper,
    shape: tuple[int, int, int],
    size: int,
) -> None:
    penalties = [name for name, o in routings['d'].objectives.items() if o.input_grads]
    if not penalties:
        return
    readers, routing = set(), routings['g']

    def losses(variables, image, label):
        record, key = {'image': image, 'label': label}, jax.random.key(0)
        drawn = {**record, 'z': jnp.zeros((size, gan.latent_dim))}
        real = {**record, 'index': jnp.zeros_like(label)}
        sources = {'real': real, **dict.fromkeys(('fake', *latents_of(terms)), drawn)}
        wanted = (*routing.views, *routing.targets)
        records = views.build_views(wanted, key, sources, hyper.strength, hyper.probability)
        outputs = {**_outputs(gan, variables, image, label), 'dx': image}  # only dx's shape counts
        records = {view: {**r, **outputs} for view, r in records.items()}
        per_term = outputs_per_term(routing, records, sources, records)
        for name, objective in routing.objectives.items():
            if objective.players:  # which may ask D for the logit of any image
                readers.add(name)
                continue
            recording = {v: _RecordsReads(r, name, readers) for v, r in per_term[name].items()}
            objective.loss(recording, terms[name].init(), key)

    jax.eval_shape(losses, variables, *_batch(size, shape))
    if not readers:
        raise PartError(
            f'config.terms.{penalties[0]} bounds the gradient of a logit that trains nothing: '
            f"no term trains the generator by D's own logit, and {_heads(routing, terms)}. Leave "
            'it out, or add an adversarial term such as gan_jax.terms.adversarial.hinge'
        )


class _RecordsReads(dict):
    """The record of a view; adds the name of a term to `readers` when the term reads the logit."""

    def __init__(self, record: Record, name: str, readers: set[str]):
        super().__init__(record)
        self._name, self._readers = name, readers

    def __getitem__(self, key: str) -> Any:
        if key == 'logit':
            self._readers.add(self._name)
        return super().__getitem__(key)


def _heads(routing: ViewRouting, terms: Mapping[str, Term]) -> str:
    own = [f'terms.{name}' for name in routing.objectives if terms[name].head is not None]
    return f'{", ".join(own)} has a head of its own' if own else 'the others read none'


def _outputs(
    gan: GAN,
    variables: Mapping[str, Any],
    image: Any,
    label: Any,
    heads: Collection[str] | None = None,
) -> dict[str, Any]:
    options = {
        'mutable': [n for n in variables if n != 'params'],
        'rngs': streams(jax.random.key(0)),
    }
    rows = None if heads is None else dict.fromkeys(heads, lambda x: x)
    return gan.critic.apply(variables, image, label, train=True, rows=rows, **options)[0]


def _batch(size: int, shape: tuple[int, int, int]) -> tuple[Any, Any]:
    image = jax.ShapeDtypeStruct((size, *shape), jnp.float32)
    return image, jax.ShapeDtypeStruct((size,), jnp.int32)
