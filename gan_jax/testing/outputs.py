"""Made-up outputs of a discriminator, such as the step hands to a term's loss."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax import networks, synthesis
from gan_jax.synthesis import synthesize
from gan_jax.terms import Players, Term
from gan_jax.testing import small
from gan_jax.views import View

FEATURES = 6

Draw = Callable[[tuple[int, ...]], np.ndarray]  # shape -> an array


class Nets(NamedTuple):
    """The parts of a GAN that a term may be written for.

    Attributes:
        generator: as in `players.GAN`, of images [B, 8, 8, 2].
        logit: as in `models.critic.Critic`.
    """

    generator: nn.Module = small.Generator()
    logit: nn.Module = small.PlainLogit()


SMALL = Nets()


def outputs(term: Term, side: str, draw: Draw, nets: Nets = SMALL) -> dict[str, dict[str, Any]]:
    """The outputs that the step gives a loss: `draw(shape)` everywhere, and nothing undeclared."""
    objective, b = getattr(term, side), small.BATCH
    source, made = {'image': (b, *small.SHAPE)}, generated_shapes(nets.generator)
    head = {} if term.head is None else {'head': head_shapes(term.head)}
    shapes = {'real': source, **dict.fromkeys(('fake', *term.latents), made)}
    for name, given in given_shapes(term).items():
        shapes[name] = {**shapes[name], **given}
    seen = {**head_shapes(nets.logit), 'features': (b, FEATURES), **head}
    for name, view in objective.views.items():
        shapes[name] = {**shapes[view.source], **seen}
        if name in objective.input_grads:
            shapes[name] = {**shapes[name], 'dx': source['image']}
    for name, view in objective.targets.items():
        target = {'target': {**shapes[view.source], **seen}}
        shapes[name] = {**shapes.get(name, shapes[view.source]), **target}
    arrays = jax.tree.map(draw, shapes, is_leaf=lambda x: isinstance(x, tuple))
    index = np.arange(b, dtype=np.int32)
    out = {name: {**record, 'label': index % small.CLASSES} for name, record in arrays.items()}
    shown = {**objective.views, **objective.targets}
    for name in ('real', *(name for name, view in shown.items() if view.source == 'real')):
        out[name]['index'] = index
    records = {name: out[name] for name in ('real', 'fake', *term.latents)}
    added = {name: _added(view, records) for name, view in objective.views.items()}
    return {name: {**record, **added.get(name, {})} for name, record in out.items()}


@functools.cache
def head_shapes(head: nn.Module) -> Any:
    """The shapes of the outputs of a head, or of a logit."""
    record = networks.example(small.SHAPE, small.LATENT, small.BATCH)
    inputs = jnp.zeros((small.BATCH, FEATURES)), record['label']
    more = networks.read(head, record, 'an example')
    start = functools.partial(head.init_with_output, train=True, **more)
    out, _ = jax.eval_shape(lambda: start(jax.random.key(0), *inputs))
    return jax.tree.map(lambda x: x.shape, out)


@functools.cache
def generated_shapes(generator: nn.Module) -> dict[str, Any]:
    """The shapes of a record of generated images, without the label."""
    inputs = jnp.zeros((small.BATCH, small.LATENT)), jnp.zeros(small.BATCH, jnp.int32)

    def record():
        variables = generator.init(jax.random.key(0), *inputs, train=True)
        return synthesize(generator, variables, *inputs, jax.random.key(1), train=True)[0]

    return {k: x.shape for k, x in jax.eval_shape(record).items() if k != 'label'}


def given_shapes(term: Term) -> dict[str, dict[str, Any]]:
    """The shapes of what the term's networks give, by source and entry."""
    record = networks.example(small.SHAPE, small.LATENT, small.BATCH)
    _, made = jax.eval_shape(
        lambda: networks.first_variables({'mine': term}, jax.random.key(0), record)
    )
    found: dict[str, dict[str, Any]] = {}
    for network in term.networks.values():
        for source, entry in network.gives.items():
            found.setdefault(source, {})[entry] = made[entry].shape
    return found


def complete(term: Term, side: str, out: Mapping[str, Any], nets: Nets = SMALL) -> dict[str, Any]:
    """The outputs with the functions that the term gets: its networks, both players if it asks."""
    dtype, out = out['fake']['z'].dtype, dict(out)
    if term.networks:
        out['networks'] = make_functions(term, dtype)
    if getattr(term, side).players:
        out['players'] = make_players(term, dtype, nets)
    return out


def make_functions(term: Term, dtype: Any) -> dict[str, Callable]:
    """The term's networks as functions, with numbers that are always the same."""
    terms, record = {'mine': term}, networks.example(small.SHAPE, small.LATENT)
    shapes, _ = jax.eval_shape(lambda: networks.first_variables(terms, jax.random.key(0), record))
    variables = small.numbers(shapes, np.random.default_rng(3), dtype)
    return networks.functions(terms, variables, jax.random.key(4), {})['mine']


def make_players(term: Term, dtype: Any, nets: Nets = SMALL) -> Players:
    """The small networks as functions, with numbers that are always the same."""
    terms = {'mine': term}
    gan = small.smooth_gan(terms, generator=nets.generator, logit=nets.logit)
    state = small.first_state(gan, terms, dtype=dtype)
    return synthesis.make_players(gan.generator, gan.critic, state, jax.random.key(2))


def _added(view: View, sources: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that a view has beside its source's, such as the numbers of a rotation."""
    own = sources[view.source]
    record = view.make(
        jax.random.key(1),
        {**sources, 'own': own},
        lambda key, images, strength: images,
        jnp.float32(0),
        **dict(view.options),
    )
    return {name: np.asarray(x) for name, x in record.items() if name not in own}


def random(dtype: Any, seed: int = 0) -> Draw:
    """The `draw` of `outputs` that gives normal numbers, always the same."""
    rng = np.random.default_rng(seed)
    return lambda shape: rng.standard_normal(shape).astype(dtype)


def parts_of(term: Term, side: str, out: Mapping[str, Any], nets: Nets = SMALL) -> dict[str, Any]:
    """The parts of one player's loss, at the term's first state."""
    out = complete(term, side, out, nets)
    return getattr(term, side).loss(out, term.init(), jax.random.key(0))[0]


def summed(term: Term, side: str, nets: Nets = SMALL) -> Callable[[Mapping[str, Any]], Any]:
    """out -> a sum of the parts in which none can cancel another."""

    def loss(out):
        parts = parts_of(term, side, out, nets).values()
        return sum(i * part for i, part in enumerate(parts, 1))

    return loss


def on_floats(loss: Callable, out: Mapping[str, Any]) -> tuple[Callable, dict[str, Any]]:
    """`loss` as a function of everything but the integers, and the point where."""
    integers = {n: {k: x for k, x in r.items() if _is_integer(x)} for n, r in out.items()}

    def of_floats(floats):
        return loss({name: {**record, **integers[name]} for name, record in floats.items()})

    return of_floats, {
        n: {k: x for k, x in r.items() if not _is_integer(x)} for n, r in out.items()
    }


def _is_integer(x: Any) -> bool:
    return not isinstance(x, Mapping) and jnp.issubdtype(x.dtype, jnp.integer)
