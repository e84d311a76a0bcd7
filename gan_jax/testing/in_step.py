"""The contract of a term in the train step that it takes part in."""

import functools
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from gan_jax.state import Net, TrainState, trained, with_nets
from gan_jax.terms import Network, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.testing import small
from gan_jax.testing.outputs import SMALL, Nets, outputs, parts_of, random
from gan_jax.testing.require import require
from gan_jax.testing.trees import central_difference, directions, distance, inner, same

PLAYER = {'d': 'the discriminator', 'g': 'the generator'}


def check_in_step(term: Term, *, stopped: Collection[str] = (), nets: Nets = SMALL) -> None:
    """Raises unless the train step uses a term as declared, beside a hinge loss, in float64.

    A step of plain SGD at rate 1 moves every array of a player's weights, and of the term's
    networks beside that player, by the slope of the term's loss; at weight 0 the step equals the
    step without the term.

    Args:
        term: as in `check_term`.
        stopped: parts such as 'd/fake' that are given no weight, since their gradient is not their
            slope, on purpose.
        nets: the networks that the term is written for.

    Raises:
        AssertionError: one sentence about the first promise that is broken.
    """
    term = term._replace(controls={}, project={}, mix=None)  # they move what is of others
    with small.float64():
        step, state = _step_with(term, nets)
        parts = {
            f'{side}/{name}'
            for side in 'dg'
            if getattr(term, side) is not None
            for name in parts_of(term, side, outputs(term, side, random(np.float64), nets), nets)
        }
        require({*stopped} <= parts, f'stopped names other parts than {", ".join(sorted(parts))}')
        for side in sorted({part[0] for part in parts}):
            mine = {p[2:]: float(p not in stopped) for p in sorted(parts) if p[0] == side}
            if any(mine.values()):
                _check_descent(term, step, state, side, mine)
        _check_weight_zero(step, state, nets, term.networks)


def _step_with(term: Term | None, nets: Nets = SMALL) -> tuple[Any, TrainState]:
    """The compiled step of a hinge game, with the term as 'mine', and a state."""
    played = {'base': hinge(), **({'mine': term} if term is not None else {})}
    gan = small.smooth_gan(played, generator=nets.generator, logit=nets.logit)
    state = small.first_state(gan, played, dtype=np.float64)
    state = state.replace(d=state.d.replace(stats=_converged(state.d)))
    return small.compiled(gan, played), state


@functools.cache
def _step_of_hinge(nets: Nets) -> tuple[Any, TrainState]:
    return _step_with(None, nets)


def _step_without(
    nets: Nets = SMALL, own: Mapping[str, Network] = MappingProxyType({})
) -> tuple[Any, TrainState]:
    """As `_step_with`, of what is there without the losses of the term with these networks."""
    gives = {name: network for name, network in own.items() if network.gives}
    return _step_with(Term(networks=gives), nets) if gives else _step_of_hinge(nets)


def _converged(net: Net) -> Any:
    """The collections with the vectors that the power iterations of the heads end at.

    There the largest singular value is stationary in its vectors, so that a finite difference sees
    the gradient that spectral normalisation takes, which holds them still.
    """

    def settle(path, x):
        kernel = net.params
        for name in (*(key.key for key in path[1:-2]), *path[-1].key.split('/')[:-1]):
            kernel = kernel[name]
        return np.linalg.svd(kernel)[2][:1]

    return jax.tree_util.tree_map_with_path(
        lambda path, x: settle(path, x) if path[-1].key.endswith('/u') else x, net.stats
    )


def _check_descent(
    term: Term, step: Any, state: TrainState, side: str, weights: Mapping[str, float]
) -> None:
    """From the loss through D, views and G to every array of the player's and networks' weights."""
    # The other player stands still; plain SGD at rate 1 moves by the gradient itself.
    weight = 1 if all(weights.values()) else weights
    hyper = small.make_hyper({'base': 0, 'mine': weight}, **({'g': 0, 'd': 0} | {side: 1}))
    batch = small.make_batch()

    def params_of(state):
        return {name: net.params for name, net in trained(state, side, {'mine': term}).items()}

    def value(params):
        _, metrics = step(with_nets(state, params=params), batch, hyper)
        return float(sum(w * metrics[f'{side}/mine/{part}'] for part, w in weights.items()))

    before, after = params_of(state), params_of(step(state, batch, hyper)[0])
    grads = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), before, after)
    for name, what, least in _movers(side, before):
        require(
            max(np.abs(g).max() for g in jax.tree.leaves(grads[name])) > least,
            f'the term does not move {what}, whose loss it adds to',
        )
    for where, direction in directions(before):
        slope = central_difference(value, before, direction, 1e-5)
        require(
            bool(np.isclose(inner(grads, direction), slope, rtol=1e-6, atol=1e-8)),
            f"{PLAYER[side]} does not move by the slope of the term's loss, in {where}",
        )


def _movers(side: str, params: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """(name, words, least move) of what a term of that side has to move."""
    own = [(name, f'its network {name}', 1e-6) for name in params if name != side]
    return own or [(side, PLAYER[side], 1e-3)]


def _check_weight_zero(
    step: Any,
    state: TrainState,
    nets: Nets = SMALL,
    own: Mapping[str, Network] = MappingProxyType({}),
) -> None:
    """A weight that a sweep varies stays in the program, and at 0 changes nothing."""
    batch = small.make_batch()
    bare_step, bare = _step_without(nets, own)
    bare = bare.replace(g=state.g, d=bare.d.replace(params=_only(bare.d.params, state.d.params)))
    bare = bare.replace(nets=_only(bare.nets, state.nets))
    with_term, metrics = step(state, batch, small.make_hyper({'base': 1, 'mine': 0}))
    without, bare_metrics = bare_step(bare, batch, small.make_hyper({'base': 1}))
    common = _only(without.d.params, with_term.d.params)
    moved = {
        'the discriminator': distance(common, without.d.params),
        'the generator': distance(with_term.g.params, without.g.params),
    }
    for what, change in moved.items():
        require(change < 1e-12, f'at weight 0 the term changes {what}')
    for name, net in with_term.nets.items():
        still = without.nets.get(name, state.nets[name]).params
        require(distance(net.params, still) < 1e-12, f'at weight 0 the term moves {name}')
    for name in with_term.d.params.keys() - common.keys():
        require(
            same(with_term.d.params[name], state.d.params[name]),
            "at weight 0 the term's own head moves",
        )
    require(
        distance({k: metrics[k] for k in bare_metrics}, bare_metrics) < 1e-12,
        'at weight 0 the term changes what is reported of others',
    )


def _only(pattern: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of `tree` that `pattern` has too."""
    return {name: tree[name] for name in pattern}
