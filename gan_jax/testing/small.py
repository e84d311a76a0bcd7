"""A GAN small enough to compile in a second, for tests of the mathematics around the networks.

Everything in it is smooth, so that finite differences have something to converge to; spectral
normalisation and BatchNorm are there because their collections are half of what can go wrong.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.freezing import moving
from gan_jax.gan import GAN, Augment
from gan_jax.models.critic import Critic
from gan_jax.state import Ema, Hyper, Net, TrainState, create, name_of, player_of
from gan_jax.step import make_train_step

SIDE, COLOURS, LATENT, CLASSES, BATCH = 8, 2, 5, 3, 4
SHAPE = (SIDE, SIDE, COLOURS)

# Of what runs only a few times the slowest code is the best, since it is compiled soonest.
QUICK = {'xla_backend_optimization_level': 0}
if jax.__version_info__ < (0, 11):  # later ones have one way to compile loops, these a sooner one
    QUICK['xla_cpu_use_fusion_emitters'] = False


class Generator(nn.Module):
    """z [B, Z] -> images [B, 8, 8, 2] in (0, 1), with BatchNorm."""

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(SIDE * SIDE)(z)
        x = jnp.tanh(nn.BatchNorm(not train, momentum=0.9)(x))
        x = x.reshape(-1, SIDE // 2, SIDE // 2, 4).repeat(2, axis=1).repeat(2, axis=2)
        return (jnp.tanh(nn.Conv(COLOURS, (3, 3))(x)) + 1) / 2


class MappedGenerator(nn.Module):
    """z [B, Z] -> w [B, 4] -> images [B, 8, 8, 2] in (0, 1); returns both."""

    def setup(self):
        self.mapping, self.body = nn.Dense(4), nn.Dense(SIDE * SIDE * COLOURS)

    def __call__(self, z, label, *, train):
        w = jnp.tanh(self.mapping(z))
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w, label, *, train):
        return {'image': (jnp.tanh(self.body(w).reshape(-1, *SHAPE)) + 1) / 2}


class Trunk(nn.Module):
    """Images [N, 8, 8, 2] in [0, 1] -> features [N, 12]."""

    spectral: bool = True

    @nn.compact
    def __call__(self, image, *, train):
        x = 2 * image - 1
        for features in (4, 3):
            layer = nn.Conv(features, (3, 3), (2, 2))
            if self.spectral:
                layer = nn.SpectralNorm(layer)
            x = jnp.tanh(layer(x, update_stats=train) if self.spectral else layer(x))
        return x.reshape(x.shape[0], -1)


class PlainLogit(nn.Module):
    """A logit without spectral norm, whose stop_gradient finite differences would not see."""

    @nn.compact
    def __call__(self, features, label, *, train):
        return {'logit': nn.Dense(1)(features)[:, 0]}


class PairLogit(nn.Module):
    """A logit of features and a latent, smooth and without spectral norm."""

    reads: ClassVar[tuple[str, ...]] = ('z',)

    @nn.compact
    def __call__(self, features, label, *, z, train):
        pair = jnp.tanh(nn.Dense(6)(jnp.concatenate([features, z], axis=1)))
        return {'logit': nn.Dense(1)(pair)[:, 0]}


def make_gan(terms, **options) -> GAN:
    """The GAN of these terms; views are translated, plain SGD moves both players."""
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    settings = {
        'generator': Generator(),
        'critic': Critic(Trunk(), heads),
        'optimizers': {side: optax.sgd(1.0) for side in 'gd'},
        'latent_dim': LATENT,
        'class_counts': (1,) * CLASSES,
        'augment': Augment(view='translation'),
        'averages': {'d': Ema()} if _looks_by_an_average(terms) else {},
    }
    return GAN(**(settings | options))


def smooth_gan(terms, *, logit=None, **options) -> GAN:
    """As `make_gan`, without spectral norm: for finite differences in D's weights."""
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    return make_gan(
        terms, critic=Critic(Trunk(spectral=False), heads, logit or PlainLogit()), **options
    )


def first_state(gan, terms, *, seed=0, dtype=jnp.float32):
    """A state with the structure of `create`'s and NumPy's numbers, which take no compilation."""
    shapes = jax.eval_shape(
        lambda: create(
            *(gan.generator, gan.critic, terms, gan.optimizers),
            seed=seed,
            latent_dim=gan.latent_dim,
            latent=gan.latent,
            shape=SHAPE,
        )
    )
    rng = np.random.default_rng(seed)
    nets = {}
    for path, like in {'g': shapes.g, 'd': shapes.d, **shapes.nets}.items():
        net = numbers(like.variables, rng, dtype)
        params = net.pop('params')
        moved = moving(params, name_of(path), gan.freeze)
        nets[path] = Net(params, net, gan.optimizers[path[0]].init(moved))
    players = {side: nets.pop(side) for side in 'gd'}
    return TrainState(
        step=np.int32(0),
        ema=players['g'].variables,
        terms={name: cast(term.init(), dtype) for name, term in terms.items()},
        metrics={},
        averages={name: players[player_of(name)].variables for name in gan.averages},
        nets=nets,
        **players,
    )


def numbers(variables, rng: np.random.Generator, dtype) -> Any:
    """Values for a network's variables: no bias is zero, and every variance is positive."""

    def draw(path, x):
        name, values = path[-1].key, rng.standard_normal(x.shape)
        if name == 'kernel':
            values /= np.sqrt(np.prod(x.shape[:-1]))
        elif not name.endswith('/u'):
            values = 0.1 * values + (name not in ('bias', 'mean'))
        return values.astype(dtype)

    return jax.tree_util.tree_map_with_path(draw, variables)


def compiled(gan, terms, **options):
    """The train step, compiled by `jit`."""
    return jit(make_train_step(gan, terms, **options))


def jit(function, **options):
    """`jax.jit` in half the time, for what runs only a few times."""
    return jax.jit(function, compiler_options=QUICK, **options)


@contextlib.contextmanager
def float64() -> Iterator[None]:
    """JAX with float64; Flax's parameters stay float32, so promotion is allowed."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion('standard'):
        yield


def new_key(seed: int) -> jax.Array:
    """A key for one use; `jax_debug_key_reuse` refuses a key that an earlier call has consumed."""
    return jax.random.key(seed)


def cast(tree, dtype):
    """The tree with its floating-point leaves in `dtype`."""
    return jax.tree.map(lambda x: x.astype(dtype) if _is_float(x) else x, tree)


def make_hyper(weights, *, seed=0, strength=0.25, g=0.1, d=0.1) -> Hyper:
    """Weights by term, and the learning rates of both players."""
    return Hyper(
        seed=np.int32(seed),
        weights=jax.tree.map(np.float32, weights),
        strength={'translation': np.float32(strength)},
        learning_rate={'g': np.float32(g), 'd': np.float32(d)},
        probability={},
        keywords={},
    )


def make_batch(*, d_steps=1, size=BATCH, seed=0) -> dict[str, np.ndarray]:
    """{'image': uint8 [k, B, 8, 8, 2], 'label', 'index': int32 [k, B]}."""
    rng = np.random.default_rng(seed)
    return {
        'image': rng.integers(0, 256, (d_steps, size, *SHAPE), dtype=np.uint8),
        'label': rng.integers(0, CLASSES, (d_steps, size), dtype=np.int32),
        'index': np.arange(d_steps * size, dtype=np.int32).reshape(d_steps, size),
    }


def _looks_by_an_average(terms) -> bool:
    objectives = [o for term in terms.values() for o in (term.d, term.g) if o is not None]
    return any(objective.targets for objective in objectives)


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)
