"""The state of training: one tree of arrays, all that is not a function of the step."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from clu import metrics as clu_metrics
from flax import struct

from gan_jax.keys import named
from gan_jax.runtime.errors import of_part
from gan_jax.terms import Term


@struct.dataclass
class Net:
    """One player.

    Attributes:
        params: the weights that its optimiser moves.
        stats: its other collections by name (BatchNorm's running statistics, spectral norm's u).
        opt: its optimiser's state.
    """

    params: Any
    stats: Mapping[str, Any]
    opt: Any

    @property
    def variables(self) -> dict[str, Any]:
        """What `apply` takes."""
        return {'params': self.params, **self.stats}


@struct.dataclass
class TrainState:
    """Everything that a checkpoint holds.

    Attributes:
        step: completed steps, int32 [].
        g: the generator.
        d: the discriminator, a `Critic` with the heads of all terms.
        ema: the generator's variables, averaged; what samples are drawn from.
        terms: the state of each term, by name.
        metrics: running means of the current log window, by name.
    """

    step: jax.Array
    g: Net
    d: Net
    ema: Mapping[str, Any]
    terms: Mapping[str, Any]
    metrics: Mapping[str, clu_metrics.Average]


class Hyper(NamedTuple):
    """What a sweep varies: data of the compiled step, not part of its code.

    Attributes:
        seed: int32 []; the root of all randomness, initial weights included.
        weights: for each term f32 [] or {part: f32 []}.
        strength: f32 [] for each augmentation policy.
        learning_rate: {'g': f32 [], 'd': f32 []}.
    """

    seed: Any
    weights: Mapping[str, Any]
    strength: Mapping[str, Any]
    learning_rate: Mapping[str, Any]


class Ema(NamedTuple):
    """The average of the generator's variables.

    Attributes:
        halflife_images: images after which an old value counts half.
        ramp: early in training the half-life is at most this share of the images seen so far.
    """

    halflife_images: float = 10_000.0
    ramp: float = 0.05


def create(
    generator: nn.Module,
    critic: nn.Module,
    terms: Mapping[str, Term],
    optimizers: Mapping[str, optax.GradientTransformation],
    *,
    seed: int | jax.Array,
    latent_dim: int,
    shape: tuple[int, int, int],
) -> TrainState:
    """The state before the first step.

    Args:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C].
        critic: (images [N, H, W, C], label [N], train) -> outputs.
        terms: by name; their states start here.
        optimizers: of 'g' and 'd'.
        seed: root of the initial weights.
        latent_dim: Z.
        shape: (H, W, C) of an image.
    """
    root = jax.random.key(seed)
    label = jnp.zeros(2, jnp.int32)
    inputs = {'g': jnp.zeros((2, latent_dim)), 'd': jnp.zeros((2, *shape))}
    nets = {}
    parts = {'g': ('generator', generator), 'd': ('discriminator', critic)}
    for side, (name, module) in parts.items():
        with of_part(f'config.{name}'):
            stats = dict(module.init(named(root, 'init', side), inputs[side], label, train=True))
            params = stats.pop('params')
        with of_part(f'config.optim.{side}'):
            nets[side] = Net(params, stats, optimizers[side].init(params))
    return TrainState(
        step=jnp.int32(0),
        g=nets['g'],
        d=nets['d'],
        # A copy: the step donates its state, and one buffer cannot be given away twice.
        ema=jax.tree.map(jnp.copy, nets['g'].variables),
        terms={name: _first(name, term) for name, term in terms.items()},
        metrics={},
    )


def _first(name: str, term: Term) -> Any:
    with of_part(f'config.terms.{name}'):
        return term.init()


def nbytes(tree: Any) -> int:
    """Bytes of all arrays of a tree, or of `jax.ShapeDtypeStruct`s."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def empty(names: Mapping[str, Any]) -> dict[str, clu_metrics.Average]:
    """Running means that have seen nothing, one for each name."""
    return {name: clu_metrics.Average.empty() for name in names}


def merge_metrics(
    running: Mapping[str, clu_metrics.Average], values: Mapping[str, jax.Array]
) -> dict[str, clu_metrics.Average]:
    """The running means after one more step; names without a running mean are left out."""
    updated = dict(running)
    for name in running:  # in one order: that of a set would give every process another program
        if name in values:
            seen = clu_metrics.Average.from_model_output(values[name])
            updated[name] = running[name].merge(seen)
    return updated


def average(ema: Ema, state: TrainState, size: int) -> Any:
    """The next `ema`, when batches of `size` images moved G and `step` does not count it yet."""
    images = (state.step + 1).astype(jnp.float32) * size
    halflife = jnp.minimum(ema.halflife_images, ema.ramp * images)
    return optax.incremental_update(state.g.variables, state.ema, 1 - 0.5 ** (size / halflife))
