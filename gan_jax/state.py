"""The training state: one tree of arrays, with everything that is not a function of the step."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import struct

from gan_jax import freezing, networks
from gan_jax.keys import named
from gan_jax.latents import NORMAL, Latent
from gan_jax.models.conditions import COLLECTION
from gan_jax.runtime.errors import of_part
from gan_jax.terms import Term


class Net(struct.PyTreeNode):
    """The state of one player.

    Attributes:
        params: the parameters that the optimiser updates.
        stats: other collections by name (BatchNorm's running statistics, spectral norm's u).
        opt: the optimiser's state.
    """

    params: Any
    stats: Mapping[str, Any]
    opt: Any

    @property
    def variables(self) -> dict[str, Any]:
        """The variables for `flax.linen.Module.apply`."""
        return {'params': self.params, **self.stats}


class TrainState(struct.PyTreeNode):
    """The training state, as saved in a checkpoint.

    Attributes:
        step: number of completed steps, int32 [].
        g: the generator.
        d: the discriminator, a `Critic` with the heads of all terms.
        ema: moving average of the generator's variables; samples are drawn with it.
        terms: the state of each term, by name.
        metrics: running means of the current log window, `clu.metrics.Average` by name.
        averages: further moving averages of variables, by name; see `player_of`.
        nets: the networks that terms bring, by 'side/term/name'; 'side' is the player beside which
            they are trained.
    """

    step: jax.Array
    g: Net
    d: Net
    ema: Mapping[str, Any]
    terms: Mapping[str, Any]
    metrics: Mapping[str, Any]
    averages: Mapping[str, Any] = struct.field(default_factory=dict)
    nets: Mapping[str, Net] = struct.field(default_factory=dict)


class Hyper(NamedTuple):
    """Hyper-parameters that are arguments of the compiled step, so that a sweep can vary them.

    Each number is f32 [] or a `schedules.Schedule`.

    Attributes:
        seed: int32 []; the root of all randomness, initial weights included.
        weights: for each term one number, or {part: number}.
        strength: a number for each augmentation policy that takes one.
        probability: likewise.
        learning_rate: {'g': number, 'd': number}.
        keywords: keywords of functions that are data as well, by block: {'optim.g': {'b1': number},
            'ema': {'halflife_images': number}, 'averages.NAME': {...}, 'terms.NAME': {...}}.
    """

    seed: Any
    weights: Mapping[str, Any]
    strength: Mapping[str, Any]
    probability: Mapping[str, Any]
    learning_rate: Mapping[str, Any]
    keywords: Mapping[str, Mapping[str, Any]]


class Ema(NamedTuple):
    """Options of an exponential moving average of a player's variables.

    Attributes:
        halflife_images: half-life of a value, in training images.
        ramp: early in training the half-life is at most this share of the images seen so far;
            infinite is no ramp.
    """

    halflife_images: float = 10_000.0
    ramp: float = 0.05


class Power(NamedTuple):
    """Options of an average whose weight grows by a power of time; see `profiles.exponent_of`.

    Attributes:
        exponent: gamma; the average after t steps gives step s the weight s^gamma, up to a factor.
    """

    exponent: float


def player_of(average: str) -> str:
    """The player whose variables an average of `averages` takes: D's for 'd', else G's."""
    return 'd' if average == 'd' else 'g'


def create(
    generator: nn.Module,
    critic: nn.Module,
    terms: Mapping[str, Term],
    optimizers: Mapping[str, optax.GradientTransformation],
    *,
    seed: int | jax.Array,
    latent_dim: int,
    latent: Latent = NORMAL,
    shape: tuple[int, int, int],
    averaged: Collection[str] = (),
    freeze: str = '',
) -> TrainState:
    """The state before the first step.

    Args:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C].
        critic: (images [N, H, W, C], label [N], train) -> outputs.
        terms: terms by name; their states and networks are initialised.
        optimizers: optimisers of 'g' and 'd'.
        seed: seed of the initial weights.
        latent_dim: Z.
        latent: the distribution of the latents, with the entries that it gives to records.
        shape: (H, W, C) of an image.
        averaged: names of `averages`.
        freeze: pattern of the parameters that never move; an optimiser keeps no state of them.
    """
    root = jax.random.key(seed)
    record = networks.example(shape, latent_dim, latent=latent)
    variables, record = networks.first_variables(terms, root, record)
    inputs = {'g': record['z'], 'd': record['image']}
    more = {'g': {}, 'd': networks.read(critic, record, 'every record')}
    nets = {}
    parts = {'g': ('generator', generator), 'd': ('discriminator', critic)}
    for side, (name, module) in parts.items():
        with of_part(f'config.{name}'):
            own = inputs[side], record['label']
            made = module.init(named(root, 'init', side), *own, **more[side], train=True)
        nets[side] = _first_net(side, made, optimizers, freeze)
    return TrainState(
        step=jnp.int32(0),
        g=nets['g'],
        d=nets['d'],
        # A copy: the step donates its state, and one buffer cannot be given away twice.
        ema=jax.tree.map(jnp.copy, nets['g'].variables),
        terms={name: _first(name, term) for name, term in terms.items()},
        metrics={},
        averages={
            name: jax.tree.map(jnp.copy, nets[player_of(name)].variables) for name in averaged
        },
        nets={n: _first_net(n, made, optimizers, freeze) for n, made in variables.items()},
    )


def trained(state: TrainState, side: str, terms: Mapping[str, Term]) -> dict[str, Net]:
    """The networks that an update of a player moves: the player itself, and networks of terms.

    Args:
        state: the training state.
        side: the player, 'd' or 'g'.
        terms: the acting terms, by name.

    Returns:
        {side: the player, 'side/term/name': a network of a term}.
    """
    own = {path: state.nets[path] for path in networks.networks_of(terms) if path[0] == side}
    return {side: getattr(state, side), **own}


def with_nets(state: TrainState, **fields: Mapping[str, Any]) -> TrainState:
    """The state with other fields of networks: `with_nets(state, params={'g': ..., ...})`.

    The keys are as in `trained`.
    """
    for field, values in fields.items():
        players = {n: getattr(state, n).replace(**{field: values[n]}) for n in 'gd' if n in values}
        own = {n: net.replace(**{field: values[n]}) for n, net in state.nets.items() if n in values}
        state = state.replace(**players, nets={**state.nets, **own})
    return state


def name_of(path: str) -> str:
    """The beginning of the names of a network's arrays in the state; `path` is as in `trained`."""
    return path if path in ('g', 'd') else f'nets/{path}'


def _first_net(
    path: str,
    variables: Mapping[str, Any],
    optimizers: Mapping[str, optax.GradientTransformation],
    freeze: str,
) -> Net:
    stats, side = dict(variables), path[0]
    params = stats.pop('params')
    with of_part(f'config.optim.{side}'):
        moving = freezing.moving(params, name_of(path), freeze)
        return Net(params, stats, optimizers[side].init(moving))


def _first(name: str, term: Term) -> Any:
    with of_part(f'config.terms.{name}'):
        return term.init()


def nbytes(tree: Any) -> int:
    """Bytes of all arrays, or `jax.ShapeDtypeStruct`s, in a tree."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def average(options: Ema | Power, old: Any, new: Any, step: jax.Array, size: int) -> Any:
    """The next value of a moving average of variables.

    Args:
        options: of the average; they may be traced.
        old: its value before the step.
        new: the variables after the step's updates.
        step: number of steps before this one, int32 [].
        size: images per step, by which the half-life is counted.
    """
    after = (step + 1).astype(jnp.float32)
    if isinstance(options, Power):
        # 1 - (1 - 1/t)^(gamma + 1), where float32 would lose a small 1/t beside 1.
        share = -jnp.expm1((options.exponent + 1) * jnp.log1p(-1 / after))
    else:
        halflife = jnp.minimum(options.halflife_images, options.ramp * (after * size))
        share = 1 - 0.5 ** (size / halflife)
    moved = optax.incremental_update(new, old, share)
    # The data's label vectors never move, and a mean of equal numbers may be rounded.
    kept = isinstance(moved, Mapping) and COLLECTION in moved
    return {**moved, COLLECTION: new[COLLECTION]} if kept else moved
