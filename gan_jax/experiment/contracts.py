"""Terms and a discriminator that fit together and mean nothing: looked at before the first step.

Everything is read off traces of shapes and nothing is compiled: one more trace of D's forward
pass, whose cost `across` says, and with penalties a further one.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax import views
from gan_jax.experiment.batch_mixing import mixing_primitive
from gan_jax.players import GAN
from gan_jax.routing import ViewRouting, latents_of, outputs_per_term, route_views
from gan_jax.runtime.errors import PartError
from gan_jax.state import Hyper
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
    """Raises unless all terms of a run and its discriminator mean what they say together.

    Args:
        gan: the fixed parts.
        terms: all that act in any step.
        variables: the discriminator's, or their shapes.
        hyper: the numbers.
        shape: (H, W, C) of an image.
        batch_size: of one discriminator update.

    Raises:
        PartError: `joint` is True and the discriminator looks across the batch, or a term reads
            the input gradient of a logit by which no term trains the generator.
    """
    plans = {side: route_views(terms, side, gan.augment.view) for side in 'dg'}
    size = batch_size // gan.accumulate
    _check_joint(gan, plans, variables, shape, size)
    _check_penalties(gan, terms, plans, variables, hyper, shape, size)


def _check_joint(
    gan: GAN,
    plans: Mapping[str, ViewRouting],
    variables: Mapping[str, Any],
    shape: tuple[int, int, int],
    size: int,
) -> None:
    most = max(
        len(group)
        for found in plans.values()
        for group in ({*found.views} - found.with_dx, found.with_dx)
    )
    if not gan.joint or most < 2:
        return

    where = mixing_primitive(
        functools.partial(_outputs, gan), size * most, variables, *_batch(size * most, shape)
    )
    if where is not None:
        raise PartError(
            f'config.joint is True, and the discriminator looks across the batch ({where}): in one '
            'pass for all views what it says of an image would depend on those of other views. '
            'Set config.joint=False, or leave out that layer'
        )


def _check_penalties(
    gan: GAN,
    terms: Mapping[str, Term],
    plans: Mapping[str, ViewRouting],
    variables: Mapping[str, Any],
    hyper: Hyper,
    shape: tuple[int, int, int],
    size: int,
) -> None:
    penalties = [name for name, o in plans['d'].objectives.items() if o.input_grads]
    if not penalties:
        return
    played, asked = set(), plans['g']

    def play(variables, image, label):
        record = {'image': image, 'label': label}
        sources = dict.fromkeys(('real', 'fake', *latents_of(terms)), record)
        records = views.build_views(asked.views, jax.random.key(0), sources, hyper.strength)
        said = {**_outputs(gan, variables, image, label), 'dx': image}  # by its shape
        out = outputs_per_term(asked, {view: {**r, **said} for view, r in records.items()}, sources)
        for name, objective in asked.objectives.items():
            noting = {v: _Noting(r, name, played) for v, r in out[name].items()}
            objective.loss(noting, terms[name].init())

    jax.eval_shape(play, variables, *_batch(size, shape))
    if not played:
        raise PartError(
            f'config.terms.{penalties[0]} bounds the gradient of a logit that nobody plays with: '
            f"no term trains the generator by D's own logit, and {_heads(asked, terms)}. Leave it "
            'out, or add an adversarial term such as gan_jax.terms.adversarial.hinge'
        )


class _Noting(dict):
    """A view's record that notes whose loss reads its logit."""

    def __init__(self, record: Record, name: str, played: set[str]):
        super().__init__(record)
        self._name, self._played = name, played

    def __getitem__(self, key: str) -> Any:
        if key == 'logit':
            self._played.add(self._name)
        return super().__getitem__(key)


def _heads(asked: ViewRouting, terms: Mapping[str, Term]) -> str:
    own = [f'terms.{name}' for name in asked.objectives if terms[name].head is not None]
    return f'{", ".join(own)} has a head of its own' if own else 'the others read none'


def _outputs(gan: GAN, variables: Mapping[str, Any], image: Any, label: Any) -> dict[str, Any]:
    moving = [name for name in variables if name != 'params']
    return gan.critic.apply(variables, image, label, train=True, mutable=moving)[0]


def _batch(size: int, shape: tuple[int, int, int]) -> tuple[Any, Any]:
    image = jax.ShapeDtypeStruct((size, *shape), jnp.float32)
    return image, jax.ShapeDtypeStruct((size,), jnp.int32)
