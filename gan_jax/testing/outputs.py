"""Made-up outputs of a discriminator, such as the step hands to a term's loss."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.terms import Term
from gan_jax.testing import small
from gan_jax.views import View

FEATURES = 6

Draw = Callable[[tuple[int, ...]], np.ndarray]  # shape -> an array


def outputs(term: Term, side: str, draw: Draw) -> dict[str, dict[str, Any]]:
    """The outputs that the step gives a loss: `draw(shape)` everywhere, and nothing undeclared."""
    objective, b = getattr(term, side), small.BATCH
    source, z = {'image': (b, *small.SHAPE)}, {'z': (b, small.LATENT)}
    head = {} if term.head is None else {'head': head_shapes(term.head)}
    shapes = {'real': source, **{name: {**source, **z} for name in ('fake', *term.latents)}}
    for name, view in objective.views.items():
        seen = {'logit': (b,), 'features': (b, FEATURES), **head}
        shapes[name] = {**shapes[view.source], **seen}
        if name in objective.input_grads:
            shapes[name] = {**shapes[name], 'dx': source['image']}
    for name, view in objective.targets.items():
        seen = {'logit': (b,), 'features': (b, FEATURES), **head}
        target = {'target': {**shapes[view.source], **seen}}
        shapes[name] = {**shapes.get(name, shapes[view.source]), **target}
    arrays = jax.tree.map(draw, shapes, is_leaf=lambda x: isinstance(x, tuple))
    label = np.arange(b, dtype=np.int32) % small.CLASSES
    out = {name: {**record, 'label': label} for name, record in arrays.items()}
    records = {name: out[name] for name in ('real', 'fake', *term.latents)}
    added = {name: _added(view, records) for name, view in objective.views.items()}
    return {name: {**record, **added.get(name, {})} for name, record in out.items()}


def head_shapes(head: nn.Module) -> Any:
    """The shapes of a head's outputs."""
    inputs = jnp.zeros((small.BATCH, FEATURES)), jnp.zeros(small.BATCH, jnp.int32)
    out, _ = jax.eval_shape(lambda: head.init_with_output(jax.random.key(0), *inputs))
    return jax.tree.map(lambda x: x.shape, out)


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


def parts_of(term: Term, side: str, out: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of one player's loss, at the term's first state."""
    return getattr(term, side).loss(out, term.init(), jax.random.key(0))[0]


def summed(term: Term, side: str) -> Callable[[Mapping[str, Any]], Any]:
    """out -> a sum of the parts in which none can cancel another."""

    def loss(out):
        return sum(i * part for i, part in enumerate(parts_of(term, side, out).values(), 1))

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
