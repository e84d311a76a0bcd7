"""Projection of an image into w (Karras et al. 2019, arXiv 1912.04958, section 5 and appendix D).

Adam moves one w, which all layers share, from the average w towards the image. Over the first three
quarters of the steps it is looked at with noise added, which shrinks to nothing.

Two things differ from the paper. The distance is between pixels, at several sizes, where the paper
has LPIPS: so no weights of another network are asked for. The generator's noise stays as it was
drawn and is not fitted to the image.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import labels
from gan_jax.data.autoencoder import PLAIN, Decoder
from gan_jax.keys import named
from gan_jax.latents import Latent, draw_by_index
from gan_jax.synthesis import synthesize

LATENTS, BATCH = 10_000, 500
RATE, RAMP_UP, RAMP_DOWN = 0.1, 0.05, 0.25  # shares of the steps
NOISE, NOISY = 0.05, 0.75
SMALLEST = 4  # side of the smallest images that are compared
DISPATCH = 50  # steps between two calls of `between`

Variables = Any


class Cloud(NamedTuple):
    """The w of random latents.

    Attributes:
        mean: [W].
        deviation: the root of their mean square distance to it, [].
    """

    mean: jax.Array
    deviation: jax.Array


class Projected(NamedTuple):
    """An image's place in w.

    Attributes:
        w: f32 [W].
        image: the generator's for it, f32 [H, W, C] in [0, 1].
        before, after: its `distance` to the image from the average w's, and from this one's.
    """

    w: np.ndarray
    image: np.ndarray
    before: float
    after: float


def distance(x: jax.Array, y: jax.Array) -> jax.Array:
    """The mean square difference of pixels, summed over sizes, f32 [].

    The first size is the images' own. Each further one is half, by means of 2×2 pixels, as long as
    both sides are even and none falls below 4.

    Args:
        x, y: [H, W, C].
    """
    total = jnp.mean((x - y) ** 2)
    while not (x.shape[0] % 2 or x.shape[1] % 2) and min(x.shape[:2]) >= 2 * SMALLEST:
        x, y = _halved(x), _halved(y)
        total += jnp.mean((x - y) ** 2)
    return total


def _halved(x: jax.Array) -> jax.Array:
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).mean((1, 3))


def rate(share: jax.Array) -> jax.Array:
    """Adam's learning rate after a share of the steps: a linear rise, then a cosine to nothing."""
    down = jnp.minimum(1, (1 - share) / RAMP_DOWN)
    return RATE * jnp.minimum(1, share / RAMP_UP) * (0.5 - 0.5 * jnp.cos(jnp.pi * down))


def noise(share: jax.Array) -> jax.Array:
    """The noise on w after a share of the steps, in deviations of the cloud."""
    return NOISE * jnp.maximum(0, 1 - share / NOISY) ** 2


def cloud(
    generator: nn.Module,
    variables: Variables,
    *,
    latent: Latent,
    latent_dim: int,
    class_counts: labels.Counts,
    label: int | None = None,
) -> Cloud:
    """The w of 10,000 latents, drawn with the seed 0.

    Args:
        generator: whose record has 'w' [B, layers, W], all layers of one image the same.
        variables: its parameters and other collections.
        latent, latent_dim, class_counts, label: as in `generate.make_generate`.

    Raises:
        KeyError: the record has no 'w'.
    """

    @jax.jit
    def mapped(variables, index, label):
        key = jax.random.key(0)
        z = draw_by_index(latent, named(key, 'projection'), index, latent_dim)
        record, _ = synthesize(generator, variables, z, label, named(key, 'rngs'), train=False)
        return record['w'].mean(1)

    rows = np.arange(LATENTS, dtype=np.int32).reshape(-1, BATCH)
    of = [
        labels.at(class_counts, row) if label is None else np.full_like(row, label) for row in rows
    ]
    w = jnp.concatenate([mapped(variables, row, y) for row, y in zip(rows, of, strict=True)])
    return Cloud(w.mean(0), jnp.sqrt(w.var(0).sum()))


def make_project(
    generator: nn.Module,
    *,
    layers: int,
    steps: int,
    between: Callable[[], None] = lambda: None,
    decoder: Decoder = PLAIN,
) -> Callable[[Variables, Cloud, np.ndarray, int], Projected]:
    """A function that projects an image.

    Args:
        generator: with a method 'synthesize' from w [B, layers, W].
        layers: that have a w.
        steps: of Adam.
        between: called after every 50 steps; it may raise.
        decoder: of codes, where the generator makes codes; images are compared.

    Returns:
        (variables, cloud, image uint8 [H, W, C], seed) -> the image's place. The seed is of the
        noise on w and of the generator's.
    """
    adam = optax.scale_by_adam()

    def seen(given, w, key):
        variables, weights = given
        w, label = jnp.broadcast_to(w[None, None], (1, layers, len(w))), jnp.zeros(1, jnp.int32)
        made = synthesize(
            generator, variables, w, label, named(key, 'rngs'), train=False, method='synthesize'
        )
        return decoder.decode(weights, made[0]['image'])[0]

    @jax.jit
    def look(given, w, target, key):
        image = seen(given, w, key)
        return jnp.clip(image, 0, 1), distance(image, target)

    @jax.jit
    def move(given, around, target, key, state, first, last):
        def step(i, state):
            w, moments = state
            share = jnp.asarray(i, w.dtype) / steps
            drawn = jax.random.normal(named(key, 'w', i), w.shape, w.dtype)
            nearby = w + noise(share) * around.deviation * drawn
            grad = jax.grad(lambda w: distance(seen(given, w, key), target))(nearby)
            direction, moments = adam.update(grad, moments)
            return w - rate(share) * direction, moments

        return jax.lax.fori_loop(first, last, step, state)

    def project(variables, around, image, seed):
        target, key = jnp.asarray(image, jnp.float32) / 255, jax.random.key(seed)
        given = variables, decoder.variables
        _, before = look(given, around.mean, target, key)
        state = (around.mean, adam.init(around.mean))
        for first in range(0, steps, DISPATCH):
            last = min(first + DISPATCH, steps)
            state = move(given, around, target, key, state, first, last)
            between()
        made, after = look(given, state[0], target, key)
        return Projected(np.asarray(state[0]), np.asarray(made), float(before), float(after))

    return project
