"""The contract of a term: its loss as a function of outputs, and in the step."""

import functools
from collections.abc import Collection
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import terms
from gan_jax.networks import check_gives
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import PartError, of_part, sentence
from gan_jax.runtime.ranges import quoted
from gan_jax.terms import Objective, Term
from gan_jax.terms.fields import check_fields
from gan_jax.testing import small
from gan_jax.testing.in_step import check_in_step
from gan_jax.testing.outputs import (
    FEATURES,
    SMALL,
    Nets,
    complete,
    given_shapes,
    head_shapes,
    on_floats,
    outputs,
    parts_of,
    random,
    summed,
)
from gan_jax.testing.require import require
from gan_jax.testing.trees import central_difference, directions, inner, same

LOSS = {'d': "the discriminator's loss", 'g': "the generator's loss"}
EXTREMES = {
    'zero': lambda shape: np.zeros(shape, np.float32),
    '10,000': lambda shape: np.full(shape, 1e4, np.float32),
    '-10,000': lambda shape: -np.full(shape, 1e4, np.float32),
}


def check_term(
    term: Term,
    *,
    stopped: Collection[str] = (),
    held: Collection[str] = (),
    drawn: Collection[str] = (),
    generator: nn.Module = SMALL.generator,
    logit: nn.Module = SMALL.logit,
) -> None:
    """Raises unless a term keeps every promise that the step relies on. Takes seconds, on a CPU.

    First `check_declaration`, `check_project` and `check_mix`. For each player, on made-up outputs
    of 4 images [8, 8, 2] of 3 classes with 6 features: `check_returns`, `check_finite`,
    `check_declared`, `check_order`, `check_slope`. Then `check_in_step` in a step of small
    networks. Gradients are compared in float64: a kink of the loss closer than 1e-5 to one of the
    outputs fails.

    Args:
        term: of small heads, and with what slowly sets in at its full effect.
        stopped: parts such as 'd/fake' whose gradient is not their slope, on purpose.
        held: views such as 'real_weak' whose outputs the loss takes for constants, on purpose.
        drawn: parts such as 'g/length' with a random draw for each image, which therefore depend
            on the order of the images.
        generator: the network that the term is written for, smooth and of images [B, 8, 8, 2],
            such as `small.MappedGenerator` with a 'w'.
        logit: likewise, such as `models.san.SanLogit`, or `small.PairLogit`, which reads 'z'.

    Raises:
        AssertionError: one sentence about the first promise that is broken.
    """
    nets = Nets(generator, logit)
    options = {check_slope: {'held': held}, check_order: {'drawn': drawn}}
    check_declaration(term)
    check_project(term, nets)
    check_mix(term, nets)
    for side in (side for side in 'dg' if getattr(term, side) is not None):
        check_returns(term, side, nets)
        if parts_of(term, side, _normal(term, side, nets), nets):
            for check in ON_PARTS:
                check(term, side, nets, **options.get(check, {}))
    check_in_step(term, stopped=stopped, nets=nets)


def check_declaration(term: Term) -> None:
    """The fields have their types, head and networks run, and sources of views are there."""
    require(
        isinstance(term, Term),
        f'{quoted(term)} is no gan_jax.terms.Term: give what the factory of the term returns',
    )
    try:
        check_fields(term)
        if term.head is not None:
            with of_part('the head fails on features [N, F] and labels [N]'):
                head_shapes(term.head)
        check_gives({'mine': term}, ('real', 'fake', *term.latents))
        given_shapes(term)
    except (TypeError, ValueError) as error:
        raise AssertionError(str(error)) from error
    objectives = [objective for objective in (term.d, term.g) if objective is not None]
    acts = bool(objectives or term.project or term.mix)
    require(acts, 'the term has no objective: give it d, g or both, or else a project or a mix')
    sources = ('real', 'fake', *term.latents)
    for name, view in (item for objective in objectives for item in objective.views.items()):
        require(
            view.source in sources,
            f"the view '{name}' reads the source '{view.source}', and there are "
            f'{", ".join(sources)}',
        )


def check_project(term: Term, nets: Nets = SMALL) -> None:
    """Constraints return finite parameters like the given ones, also where all of them are 0."""
    terms = {'mine': term}
    gan = small.make_gan(terms, generator=nets.generator)
    for side, project in term.project.items():
        params = getattr(small.first_state(gan, terms), side).params
        for name, given in {'normal': params, '0': jax.tree.map(np.zeros_like, params)}.items():
            try:
                found = shapes.alike(f"project['{side}']", project(given), given)
            except Exception as error:  # it may be anybody's code
                raise AssertionError(sentence(error)) from error
            finite = all(np.isfinite(x).all() for x in jax.tree.leaves(found))
            require(finite, f"project['{side}'] is not finite where all parameters are {name}")


def check_mix(term: Term, nets: Nets = SMALL) -> None:
    """Mixed sources are finite, and have the records of the given ones."""
    if term.mix is None:
        return
    bare = term._replace(d=Objective({}, lambda out, state, key: ({}, state, {})))
    sources = outputs(bare, 'd', random(np.float32), nets)
    try:
        found = shapes.alike('mix', term.mix(jax.random.key(0), sources, term.init()), sources)
    except Exception as error:  # it may be anybody's code
        raise AssertionError(sentence(error)) from error
    finite = all(np.isfinite(x).all() for x in jax.tree.leaves(found))
    require(finite, 'mix returns numbers that are not finite')


def check_returns(term: Term, side: str, nets: Nets = SMALL) -> None:
    """The loss gives parts [] and a state like `init`'s, from what is declared and nothing else."""
    out, state = _normal(term, side, nets), term.init()
    key = jax.random.key(0)
    try:
        given = {'x': complete(term, side, out, nets)}
        total = terms.total({'x': term}, {'x': 1.0}, side, given, {'x': state}, key)
    except PartError as error:
        raise AssertionError(
            f'{LOSS[side]} fails on the outputs that its views, head and latents declare '
            f'({str(error).partition(": ")[2]})'
        ) from error
    parts = parts_of(term, side, out, nets)
    require(bool(parts or term.controls or term.mix), f'{LOSS[side]} has no parts')
    require(
        _types(total[1]['x']) == _types(state),
        f'{LOSS[side]} returns a state of another structure, shape or type than init() gives',
    )


def check_finite(term: Term, side: str, nets: Nets = SMALL) -> None:
    """Loss and gradient are finite for normal outputs, and where all are 0, 10,000 or -10,000."""

    @small.jit
    def parts_and_gradients(out):
        loss, floats = on_floats(summed(term, side, nets), out)
        return parts_of(term, side, out, nets), jax.grad(loss)(floats)

    for name, draw in {'normal': random(np.float32), **EXTREMES}.items():
        parts, grads = parts_and_gradients(outputs(term, side, draw, nets))
        for what, tree in {LOSS[side]: parts, f'the gradient of {LOSS[side]}': grads}.items():
            finite = all(np.isfinite(x).all() for x in jax.tree.leaves(tree))
            require(finite, f'{what} is not finite where all outputs are {name}')


def check_declared(term: Term, side: str, nets: Nets = SMALL) -> None:
    """NaN beside what is declared, in further views and outputs, does not reach the loss."""
    exact = _normal(term, side, nets)
    poison = {
        key: np.full(shape, np.nan, np.float32)
        for key, shape in {
            'image': (small.BATCH, *small.SHAPE),
            'dx': (small.BATCH, *small.SHAPE),
            'logit': (small.BATCH,),
            'features': (small.BATCH, FEATURES),
        }.items()
    }
    poison['head'] = {'projection': poison['features'], 'logit': poison['logit']}
    others = ('real', 'fake', 'real_aug', 'fake_aug', 'real_1', 'fake_1', 'fake_near', 'mixed')
    more = {name: {**poison, **exact.get(name, {})} for name in (*exact, *others)}
    require(
        same(parts_of(term, side, exact, nets), parts_of(term, side, more, nets)),
        f'{LOSS[side]} reads more than the term declares: other outputs change it',
    )


def check_order(term: Term, side: str, nets: Nets = SMALL, drawn: Collection[str] = ()) -> None:
    """The order of the images in the batch does not matter, but in the parts that are `drawn`."""
    with small.float64():
        out = outputs(term, side, random(np.float64), nets)
        order = np.array([2, 0, 3, 1])
        shuffled = jax.tree.map(lambda x: x[order], out)
        parts = small.jit(functools.partial(parts_of, term, side, nets=nets))
        before, after = parts(out), parts(shuffled)
    for name, part in before.items():
        moves = abs(float(part - after[name])) >= 1e-12
        require(
            not moves or f'{side}/{name}' in drawn,
            f"{LOSS[side]} depends on the order of the images in the batch, in its part '{name}'",
        )
        require(
            moves or f'{side}/{name}' not in drawn,
            f"drawn names '{side}/{name}', which does not depend on the order of the images",
        )


def check_slope(term: Term, side: str, nets: Nets = SMALL, held: Collection[str] = ()) -> None:
    """The gradient is the slope in every output, and no view that is asked for is without one.

    It is 0 in the outputs of the views that are `held`, which are asked for as well.
    """
    with small.float64():
        out = outputs(term, side, random(np.float64), nets)
        loss, floats = on_floats(summed(term, side, nets), out)
        loss, grads = small.jit(loss), small.jit(jax.grad(loss))(floats)
        for where, direction in directions({n: r for n, r in floats.items() if n not in held}):
            direction = {**jax.tree.map(np.zeros_like, floats), **direction}
            slope = central_difference(loss, floats, direction, 1e-5)
            require(
                bool(np.isclose(inner(grads, direction), slope, rtol=1e-6, atol=1e-9)),
                f'the gradient of {LOSS[side]} is not its slope, along out{where}',
            )
    for name in getattr(term, side).views:
        moves = any(np.any(np.asarray(x)) for x in jax.tree.leaves(grads[name]))
        require(
            moves or name in held,
            f"{LOSS[side]} asks for the view '{name}' and does not depend on it",
        )
        require(
            not (moves and name in held),
            f"{LOSS[side]} has a gradient in the view '{name}', which it is to hold still",
        )


ON_PARTS = (check_finite, check_declared, check_order, check_slope)


def _normal(term: Term, side: str, nets: Nets) -> dict[str, dict[str, Any]]:
    return outputs(term, side, random(np.float32), nets)


def _types(tree: Any) -> tuple:
    leaves = [(jnp.shape(x), jnp.result_type(x)) for x in jax.tree.leaves(tree)]
    return jax.tree.structure(tree), leaves
