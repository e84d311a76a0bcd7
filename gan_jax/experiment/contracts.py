"""Checks for combinations of terms and discriminator that run but make no sense.

The checks trace shapes and compile nothing: one more trace of D's forward pass, whose cost is given
in `batch_mixing`, and if there are penalties one of the generator's loss with its gradient in D's
outputs.
"""

import functools
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.interpreters.partial_eval import dce_jaxpr

from gan_jax import networks
from gan_jax.critique import passes
from gan_jax.experiment.batch_mixing import mixing_primitive
from gan_jax.experiment.schedule import acting
from gan_jax.gan import GAN
from gan_jax.keys import streams
from gan_jax.models.critic import Critic
from gan_jax.players import Keys, Losses, g_loss, make_losses
from gan_jax.runtime.errors import PartError
from gan_jax.schedules import values_at
from gan_jax.state import Hyper, TrainState
from gan_jax.terms import Logit, Term, logit_named


def check_contracts(
    gan: GAN,
    terms: Mapping[str, Term],
    state: TrainState,
    hyper: Hyper,
    *,
    shape: tuple[int, int, int],
    batch_size: int,
    every: Mapping[str, int] | None = None,
) -> None:
    """Raises unless the terms of a run and its discriminator make sense together.

    Args:
        gan: networks, optimisers and static options.
        terms: all terms that act in any step.
        state: the training state, or its shapes.
        hyper: the hyper-parameters.
        shape: (H, W, C) of an image.
        batch_size: size of the batch of one discriminator update.
        every: terms that act only every n-th step, name -> n.

    Raises:
        PartError: the discriminator does not read what a term needs it to, `joint` is True and it
            mixes the images of a batch, or a term reads the input gradient of a logit by which no
            term trains the generator.
    """
    _check_reads(gan, terms)
    losses, size = make_losses(gan, terms), batch_size // gan.accumulate
    for together in _acting(terms, every or {}):
        _check_joint(make_losses(gan, together), state.d.variables, shape, size)
    _check_penalties(losses, state, hyper, shape, size)


def _check_reads(gan: GAN, terms: Mapping[str, Term]) -> None:
    for name, term in terms.items():
        for entry in {*term.reads} - {*gan.critic.reads}:
            raise PartError(
                f"config.terms.{name} is for a discriminator that reads '{entry}' beside the "
                'image, and this one does not: give config.logit or config.discriminator a network '
                "with it in `reads`, such as fn='gan_jax.models.bigan.PairLogit' for 'z'"
            )


def _acting(terms: Mapping[str, Term], every: Mapping[str, int]) -> Iterator[Mapping[str, Term]]:
    """All sets of terms that act together in some step.

    Where a penalty rests, its view may share the pass of others.
    """
    intervals = {name: every.get(name, 1) for name in terms}
    late = {n for n in intervals.values() if n > 1}
    some = (one for k in range(len(late) + 1) for one in itertools.combinations(late, k))
    for names in {acting(math.lcm(*one), intervals) for one in some}:
        yield {name: term for name, term in terms.items() if name in names}


def _check_joint(
    losses: Losses, variables: Mapping[str, Any], shape: tuple[int, int, int], size: int
) -> None:
    most, together = 0, set()  # views in one pass, and heads that meet several there
    for routing in losses.routing.values():
        seen = [(group, routing.heads) for group, _ in passes(routing.views, routing.with_dx, True)]
        for group, heads in (*seen, (routing.targets, routing.target_heads)):
            most = max(most, len(group))
            together |= {head for head, own in heads.items() if len({*own} & {*group}) > 1}
    if not losses.gan.joint or most < 2:
        return

    looked = functools.partial(_outputs, losses.gan, heads=together)
    where = mixing_primitive(looked, size * most, variables, _record(losses, shape, size * most))
    if where is not None:
        raise PartError(
            f'config.joint is True, and the discriminator looks across the batch ({where}): in one '
            'pass for all views what it says of an image would depend on those of other views. '
            'Set config.joint=False, or leave out that layer'
        )


def _check_penalties(
    losses: Losses, state: TrainState, hyper: Hyper, shape: tuple[int, int, int], size: int
) -> None:
    penalties = {
        name: logit_named(objective.grad_of)
        for name, objective in losses.routing['d'].objectives.items()
        if objective.input_grads
    }
    playing = _playing(losses, state, hyper, shape, size) if penalties else set()
    for name, followed in penalties.items():
        if followed not in playing:
            raise PartError(
                f'config.terms.{name} bounds the gradient of a logit that trains nothing: no term '
                f'trains the generator by {_in_words(followed)}. {_advice(playing)}'
            )


def _playing(
    losses: Losses, state: TrainState, hyper: Hyper, shape: tuple[int, int, int], size: int
) -> set[Logit]:
    """The logits in which the generator's loss has a gradient, of D itself and of all heads.

    A number is added to each logit, wherever the discriminator is called; the gradient in a number
    that does not reach the loss is none of the gradient that comes from there.
    """
    record = _record(losses, shape, size)
    looked = functools.partial(_outputs, losses.gan)
    logits = _logits(jax.eval_shape(looked, state.d.variables, record))

    def gradient(one, state, hyper, batch):
        keys = Keys(jax.random.key(0), jax.random.key(1))

        def loss(shifts):
            with nn.intercept_methods(functools.partial(_shift, shifts)):
                return g_loss(losses, state, batch, keys, values_at(hyper, state.step)[0])[0]

        return jax.vjp(loss, {of: jnp.float32(0) for of in logits})[1](one)[0]

    batch = jax.eval_shape(functools.partial(_blank, losses.gan, shape, size))
    del batch['z']
    batch['image'] = jax.ShapeDtypeStruct(batch['image'].shape, jnp.uint8)
    one = jax.ShapeDtypeStruct((), jnp.float32)
    jaxpr = jax.make_jaxpr(gradient)(one, state, hyper, batch).jaxpr
    depends = [[i == j for j in range(len(logits))] for i in range(len(logits))]
    return {of for of, mine in zip(logits, depends, strict=True) if dce_jaxpr(jaxpr, mine)[1][0]}


def _logits(out: Mapping[str, Any]) -> list[Logit]:
    """All outputs with one number, or one for each class, an image; in the order of a tree."""
    found = {_named(path): x for path, x in jax.tree_util.tree_leaves_with_path(out)}
    return sorted(of for of, x in found.items() if x.ndim < 3 and of != ('', 'features'))


def _named(path: Any) -> Logit:
    *head, name = (key.key for key in path)
    return head[0] if head else '', name


def _shift(
    shifts: Mapping[Logit, jax.Array], call: Any, args: Any, kwargs: Any, context: Any
) -> Any:
    """The critic's outputs plus the shift of each; what any other module returns, as it is."""
    out = call(*args, **kwargs)
    if not (isinstance(context.module, Critic) and context.method_name == '__call__'):
        return out

    def moved(path: Any, x: jax.Array) -> jax.Array:
        of = _named(path)
        return x + shifts[of].astype(x.dtype) if of in shifts else x

    return jax.tree_util.tree_map_with_path(moved, out)


def _in_words(of: Logit) -> str:
    head, name = of
    if head:
        return f"'{name}' of the head of terms.{head}"
    return "D's own logit" if name == 'logit' else f"D's own '{name}'"


def _advice(playing: set[Logit]) -> str:
    names = [head if name == 'logit' else f'{head}/{name}' for head, name in sorted(playing)]
    if not names:
        return 'Leave it out, or add an adversarial term such as gan_jax.terms.adversarial.hinge'
    ways = ' or '.join(f"of='{name}'" for name in names)
    return f'Follow one that does, by {ways}, or leave it out'


def _outputs(
    gan: GAN,
    variables: Mapping[str, Any],
    record: Mapping[str, Any],
    heads: Collection[str] | None = None,
) -> dict[str, Any]:
    options = {
        'mutable': [n for n in variables if n != 'params'],
        'rngs': streams(jax.random.key(0)),
    }
    rows = None if heads is None else dict.fromkeys(heads, lambda x: x)
    inputs = variables, record['image'], record['label']
    more = networks.read(gan.critic, record, 'every record')
    return gan.critic.apply(*inputs, **more, train=True, rows=rows, **options)[0]


def _record(losses: Losses, shape: tuple[int, int, int], size: int) -> dict[str, Any]:
    """The shapes of a record with all that networks of terms give."""

    def made():
        blank = _blank(losses.gan, shape, size)
        return networks.first_variables(losses.terms, jax.random.key(0), blank)[1]

    return jax.eval_shape(made)


def _blank(gan: GAN, shape: tuple[int, int, int], size: int) -> dict[str, jax.Array]:
    return networks.example(shape, gan.latent_dim, size, gan.latent)
