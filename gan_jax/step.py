"""One training step: k discriminator updates, one generator update, the moving average.

The step is a pure function without mesh, config or effects: `make_train_step` takes modules, terms
and optimisers, and returns (state, batch, hyper) -> (state, metrics) for the caller to compile.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax import freezing
from gan_jax.accumulation import accumulate_gradients, repeat
from gan_jax.gan import GAN
from gan_jax.keys import named
from gan_jax.players import Keys, Losses, Metrics, d_gradient, g_gradient, make_losses, project
from gan_jax.running_means import merge_metrics
from gan_jax.runtime.errors import of_part
from gan_jax.schedules import values_at
from gan_jax.state import (
    Hyper,
    Net,
    TrainState,
    average,
    name_of,
    player_of,
    trained,
    with_nets,
)
from gan_jax.terms import Term
from gan_jax.views import Record


def make_train_step(
    gan: GAN,
    terms: Mapping[str, Term],
    *,
    every: Mapping[str, int] | None = None,
    constrain_batch: Callable[[Any], Any] = lambda tree: tree,
    gather_params: Callable[[Any], Any] = lambda tree: tree,
    unroll: bool | None = None,
) -> Callable[[TrainState, Record, Hyper], tuple[TrainState, Metrics]]:
    """The train step for one set of terms.

    Args:
        gan: networks, optimisers and static options.
        terms: the terms that act in this step, by name.
        every: terms that act only every n-th step, name -> n; their weights count n times.
        constrain_batch: shards the leading axis of every array of a tree over the devices.
        gather_params: gathers sharded parameters, or their gradients, on every device.
        unroll: repeats updates and microbatches without a loop. Inside a loop, XLA on a CPU runs
            the backward pass of a convolution 14 to 30 times slower. None: on a CPU.

    Returns:
        (state, batch, hyper) -> (state, metrics). The batch is {'image': uint8 [k, B, H, W, C],
        'label', 'index': int32 [k, B]}, one row for each discriminator update, and with
        `gan.g_reals` 'own' one more for the generator's. The metrics, f32 [], are the parts of
        every term, unweighted, as '<side>/<term>/<part>', the Euclidean norms of each player's
        gradient and update without frozen parameters, '<side>/grad_norm' and '<side>/update_norm',
        the same norms of the terms' networks, '<side>/<term>/<network>/grad_norm', and the values
        of schedules, 'schedule/<key of the config>'. Metrics of the discriminator are means over
        its k updates.

    Raises:
        ValueError: as `players.make_losses`.
    """
    losses = make_losses(gan, terms, every, constrain_batch)
    unroll = jax.default_backend() == 'cpu' if unroll is None else unroll
    d_grads = _accumulated(d_gradient, losses, 'd', unroll)
    g_grads = _accumulated(g_gradient, losses, 'g', unroll)

    def gathered(state: TrainState) -> TrainState:
        nets = {'g': state.g, 'd': state.d, **state.nets}
        return with_nets(state, params={n: gather_params(net.params) for n, net in nets.items()})

    @jax.jit  # traced once for all k updates
    def d_update(state: TrainState, batch: Record, key: jax.Array, hyper: Hyper):
        moved, grads, metrics = d_grads(gathered(state), batch, Keys(key, key), hyper)
        state, norms = _descend(losses, 'd', state, moved, gather_params(grads), hyper)
        return state, {**metrics, **norms}

    @jax.jit
    def g_update(state: TrainState, batch: Record, keys: Keys, hyper: Hyper):
        moved, grads, metrics = g_grads(gathered(state), batch, keys, hyper)
        state, norms = _descend(losses, 'g', state, moved, gather_params(grads), hyper)
        return state, {**metrics, **norms}

    def train_step(state: TrainState, batch: Record, hyper: Hyper):
        own, last = gan.g_reals == 'own', jax.tree.map(lambda x: x[-1], batch)
        batch = jax.tree.map(lambda x: x[:-1], batch) if own else batch
        d_steps, size = batch['label'].shape
        hyper, scheduled = values_at(hyper, state.step)
        key = named(jax.random.key(hyper.seed), 'step', state.step)
        # The updates do not need the running means, so they stay out of the traced state.
        window, state = state.metrics, state.replace(metrics={})

        def d_body(state, i_and_batch):
            i, batch = i_and_batch
            return d_update(state, batch, named(key, 'd', i), hyper)

        state, d_metrics = repeat(d_body, state, (jnp.arange(d_steps), batch), d_steps, unroll)
        # The generator sees reals of its own, or the last discriminator update's with their draws.
        keys = Keys(named(key, 'g') if own else named(key, 'd', d_steps - 1), named(key, 'g'))
        state, g_metrics = g_update(state, last, keys, hyper)
        metrics = {**{k: jnp.mean(v) for k, v in d_metrics.items()}, **g_metrics, **scheduled}
        ema = gan.ema._replace(**hyper.keywords.get('ema', {}))
        return state.replace(
            step=state.step + 1,
            ema=average(ema, state.ema, state.g.variables, state.step, size),
            averages=_averages(gan, state, hyper, size),
            metrics=merge_metrics(window, metrics),
        ), metrics

    return train_step


def make_d_gradient(
    gan: GAN, terms: Mapping[str, Term], *, every: Mapping[str, int] | None = None
) -> Callable[[TrainState, Record, jax.Array, Hyper], Any]:
    """The gradient in the discriminator updates of `make_train_step`.

    Returns:
        (state, batch {'image': uint8 [B, H, W, C], 'label', 'index': int32 [B]}, key, hyper) -> the
        gradient of D's whole loss, like `state.d.params`. The step's i-th update uses the key
        named(jax.random.key(hyper.seed), 'step', state.step, 'd', i).
    """
    unroll = jax.default_backend() == 'cpu'
    gradient = _accumulated(d_gradient, make_losses(gan, terms, every), 'd', unroll)

    def of_key(state: TrainState, batch: Record, key: jax.Array, hyper: Hyper) -> Any:
        numbers, _ = values_at(hyper, state.step)
        return gradient(state, batch, Keys(key, key), numbers)[1]['d']

    return of_key


def _averages(gan: GAN, state: TrainState, hyper: Hyper, size: int) -> dict[str, Any]:
    """The next values of `state.averages`."""
    after = {}
    for name, options in gan.averages.items():
        options = options._replace(**hyper.keywords.get(f'averages.{name}', {}))
        new = getattr(state, player_of(name)).variables
        after[name] = average(options, state.averages[name], new, state.step, size)
    return after


def _accumulated(gradient: Callable, losses: Losses, side: str, unroll: bool) -> Callable:
    def params_of(state: TrainState) -> dict[str, Any]:
        return {n: net.params for n, net in trained(state, side, losses.terms).items()}

    return accumulate_gradients(
        functools.partial(gradient, losses),
        params_of,
        losses.gan.accumulate,
        losses.constrain_batch,
        unroll,
    )


def _descend(
    losses: Losses, side: str, state: TrainState, moved: TrainState, grads: Any, hyper: Hyper
) -> tuple[TrainState, Metrics]:
    """The state after an update of a player and of the networks beside it, and norms.

    Args:
        losses: networks, terms and optimisers.
        side: the player.
        state: before the update.
        moved: holds the collections and the terms' states after it.
        grads: for each network that moves.
        hyper: the learning rate and scheduled numbers.
    """
    after = trained(moved, side, losses.terms)
    state = with_nets(state, stats={name: net.stats for name, net in after.items()})
    params, opts = {}, {}
    norms: dict[str, jax.Array] = {}
    for name, net in trained(state, side, losses.terms).items():
        found = _updated(losses, side, name, net, grads[name], hyper)
        params[name], opts[name], norms_of_net = found
        norms |= norms_of_net
    return with_nets(state, params=params, opt=opts).replace(terms=moved.terms), norms


def _updated(
    losses: Losses, side: str, name: str, net: Net, grads: Any, hyper: Hyper
) -> tuple[Any, Any, Metrics]:
    """Parameters and optimiser state of a network after an update and the constraints; norms."""
    free = functools.partial(freezing.moving, side=name_of(name), pattern=losses.gan.freeze)
    grads, params = free(grads), free(net.params)
    with of_part(f'config.optim.{side}'):
        numbers = hyper.keywords.get(f'optim.{side}', {})
        direction, opt = losses.gan.optimizers[side].update(grads, net.opt, params, **numbers)
    moves = jax.tree.map(lambda u: hyper.learning_rate[side] * u, direction)
    moved = optax.apply_updates(params, moves)
    if name == side and any(side in term.project for term in losses.terms.values()):
        moved = free(project(losses, side, freezing.whole(moved, net.params), hyper))
        moves = jax.tree.map(jnp.subtract, moved, params)
    norms = {f'{name}/grad_norm': optax.tree.norm(grads)}
    norms[f'{name}/update_norm'] = optax.tree.norm(moves)
    return freezing.whole(moved, net.params), opt, norms
