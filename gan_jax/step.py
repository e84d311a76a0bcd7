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
from gan_jax.runtime.errors import of_part
from gan_jax.schedules import values_at
from gan_jax.state import Hyper, Net, TrainState, average, merge_metrics, player_of
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
        and the values of schedules, 'schedule/<key of the config>'. Metrics of the discriminator
        are means over its k updates.

    Raises:
        ValueError: as `players.make_losses`.
    """
    losses = make_losses(gan, terms, every, constrain_batch)
    unroll = jax.default_backend() == 'cpu' if unroll is None else unroll
    d_grads = _accumulated(d_gradient, losses, 'd', unroll)
    g_grads = _accumulated(g_gradient, losses, 'g', unroll)

    def gathered(state: TrainState) -> TrainState:
        g, d = (net.replace(params=gather_params(net.params)) for net in (state.g, state.d))
        return state.replace(g=g, d=d)

    @jax.jit  # traced once for all k updates
    def d_update(state: TrainState, batch: Record, key: jax.Array, hyper: Hyper):
        moved, grads, metrics = d_grads(gathered(state), batch, Keys(key, key), hyper)
        grads = gather_params(grads)
        d, norms = _descend(losses, 'd', state.d.replace(stats=moved.d.stats), grads, hyper)
        return state.replace(d=d, terms=moved.terms), {**metrics, **norms}

    @jax.jit
    def g_update(state: TrainState, batch: Record, keys: Keys, hyper: Hyper):
        moved, grads, metrics = g_grads(gathered(state), batch, keys, hyper)
        grads = gather_params(grads)
        g, norms = _descend(losses, 'g', state.g.replace(stats=moved.g.stats), grads, hyper)
        return state.replace(g=g, terms=moved.terms), {**metrics, **norms}

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
        return gradient(state, batch, Keys(key, key), numbers)[1]

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
    return accumulate_gradients(
        functools.partial(gradient, losses),
        lambda state: getattr(state, side).params,
        losses.gan.accumulate,
        losses.constrain_batch,
        unroll,
    )


def _descend(
    losses: Losses, side: str, net: Net, grads: Any, hyper: Hyper
) -> tuple[Net, dict[str, jax.Array]]:
    """The player after an update and its constraints, and the norms of gradient and movement."""
    gan = losses.gan
    free = functools.partial(freezing.moving, side=side, pattern=gan.freeze)
    grads, params = free(grads), free(net.params)
    with of_part(f'config.optim.{side}'):
        numbers = hyper.keywords.get(f'optim.{side}', {})
        direction, opt = gan.optimizers[side].update(grads, net.opt, params, **numbers)
    moves = jax.tree.map(lambda u: hyper.learning_rate[side] * u, direction)
    moved = optax.apply_updates(params, moves)
    if any(side in term.project for term in losses.terms.values()):
        moved = free(project(losses, side, freezing.whole(moved, net.params), hyper))
        moves = jax.tree.map(jnp.subtract, moved, params)
    norms = {f'{side}/grad_norm': optax.tree.norm(grads)}
    norms[f'{side}/update_norm'] = optax.tree.norm(moves)
    return Net(freezing.whole(moved, net.params), net.stats, opt), norms
