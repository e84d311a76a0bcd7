"""All terms of the package, made-up outputs to hand to their losses, and slopes to compare with."""

import importlib
import inspect
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import terms, views
from gan_jax.terms import Term
from tests import small

FEATURES = 6
INTEGERS = ('label', 'turns')

# Latents are moved far enough to see the gradients. With few hidden units no finite difference
# meets the kink of one. LeCam acts at once, and its averages stand still: the gradient takes them
# for constants, a finite difference would see them move.
OPTIONS = {
    'gan_jax.terms.consistency.latent': {'sigma': 0.3},
    'gan_jax.terms.consistency.improved': {'sigma': 0.3},
    'gan_jax.terms.contrastive.contrad': {'hidden': 8, 'size': 8},
    'gan_jax.terms.lecam.lecam': {'decay': 1.0, 'start': 0},
}
# Weights of parts other than 1 where the gradient is no slope: ContraD's game stops it on purpose.
WEIGHTS = {
    ('gan_jax.terms.contrastive.contrad', 'd'): {'nt_xent': 1, 'sup_con': 1, 'real': 0, 'fake': 0}
}


def find_factories():
    """{path: factory}: the public functions of the package whose annotation says `-> Term`."""
    found = {}
    for info in pkgutil.walk_packages(terms.__path__, 'gan_jax.terms.'):
        for name, value in vars(importlib.import_module(info.name)).items():
            own = inspect.isfunction(value) and value.__module__ == info.name
            if own and not name.startswith('_') and _returns_term(value):
                found[f'{info.name}.{name}'] = value
    return found


def _returns_term(function):
    return inspect.signature(function, eval_str=True).return_annotation is Term


FACTORIES = find_factories()


def make(path):
    return FACTORIES[path](**OPTIONS.get(path, {}))


# (path, side) of every objective.
OBJECTIVES = [(path, side) for path in FACTORIES for side in 'dg' if getattr(make(path), side)]


def outputs(term, side, draw):
    """The outputs that the step gives a loss: `draw(shape)` everywhere, and nothing undeclared."""
    objective, b = getattr(term, side), small.BATCH
    source = {'image': (b, *small.SHAPE)}
    shapes = dict.fromkeys(('real', 'fake', *term.latents), source)
    for name in objective.views:
        shapes[name] = {**source, 'logit': (b,), 'features': (b, FEATURES)}
        if name in objective.input_grads:
            shapes[name] = {**shapes[name], 'dx': source['image']}
        if term.head is not None:
            shapes[name] = {**shapes[name], 'head': head_shapes(term.head)}
    arrays = jax.tree.map(draw, shapes, is_leaf=lambda x: isinstance(x, tuple))
    label = np.arange(b, dtype=np.int32) % small.CLASSES
    out = {name: {**record, 'label': label} for name, record in arrays.items()}
    for name, view in objective.views.items():
        if view.make is views.rotated_quarter:
            out[name]['turns'] = np.arange(b, dtype=np.int32) % 4
    return out


def head_shapes(head):
    inputs = jnp.zeros((small.BATCH, FEATURES)), jnp.zeros(small.BATCH, jnp.int32)
    out, _ = jax.eval_shape(lambda: head.init_with_output(jax.random.key(0), *inputs))
    return jax.tree.map(lambda x: x.shape, out)


def random(dtype, seed=0):
    """The `draw` of `outputs` that gives normal numbers, always the same."""
    rng = np.random.default_rng(seed)
    return lambda shape: rng.standard_normal(shape).astype(dtype)


def parts_of(term, side, out):
    return getattr(term, side).loss(out, term.init())[0]


def summed(term, side):
    """out -> a sum of the parts in which none can cancel another."""

    def loss(out):
        return sum(i * part for i, part in enumerate(parts_of(term, side, out).values(), 1))

    return loss


def on_floats(loss, out):
    """`loss` as a function of everything but the integers, and the point where."""
    integers = {n: {k: x for k, x in r.items() if k in INTEGERS} for n, r in out.items()}

    def of_floats(floats):
        return loss({name: {**record, **integers[name]} for name, record in floats.items()})

    return of_floats, {n: {k: x for k, x in r.items() if k not in INTEGERS} for n, r in out.items()}


def central_difference(value, at, direction, step):
    """The slope of `value` at `at` along `direction`, both trees."""
    up, down = (
        value(jax.tree.map(lambda x, v, s=s: x + s * v, at, direction)) for s in (step, -step)
    )
    return (up - down) / (2 * step)


def directions(tree, seed=1):
    """For each leaf of the tree: its path, and a tree with a random direction in it alone."""
    rng = np.random.default_rng(seed)
    for path, _ in jax.tree_util.tree_leaves_with_path(tree):
        aside = jax.tree_util.tree_map_with_path(
            lambda p, x, path=path: rng.standard_normal(x.shape) * (p == path), tree
        )
        yield jax.tree_util.keystr(path), aside


def inner(a, b):
    return sum(jax.tree.leaves(jax.tree.map(lambda x, y: float(np.sum(x * y)), a, b)))
