"""Generated images by index: image i of a seed never changes.

The number of images, the portions and the number of devices do not change a bit of an image:
image i is always generated in its block of `BATCH` consecutive indices, and a device generates a
whole block at a time.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import labels
from gan_jax.data.autoencoder import PLAIN, Decoder
from gan_jax.keys import named
from gan_jax.latents import NORMAL, Latent, draw_by_index
from gan_jax.runtime import sharding
from gan_jax.sampling.limits import BATCH_NORM
from gan_jax.sampling.standing import make_standing
from gan_jax.state import TrainState
from gan_jax.synthesis import synthesize

BATCH = 100  # fixed, since the rounding of a convolution depends on the size of the batch
SAMPLE = 'sample'  # name of the key that the latents of images are drawn with


def variables_of(state: TrainState, weights: str) -> Any:
    """The generator's variables by their name in a config.

    Args:
        state: of training.
        weights: 'ema', 'raw' for what the optimiser moves, or a name in `state.averages`.
    """
    if weights == 'raw':
        return state.g.variables
    return state.ema if weights == 'ema' else state.averages[weights]


def takes_labels(generator: nn.Module, latent_dim: int) -> bool:
    """True if a generator's images depend on the label.

    Read from the trace, since a fork's generator may name its keywords as it likes.

    Args:
        generator: as in `make_generate`.
        latent_dim: Z.
    """

    def images(z, label):
        return generator.init_with_output(jax.random.key(0), z, label, train=True)[0]

    z, label = jnp.zeros((2, latent_dim)), jnp.zeros(2, jnp.int32)
    traced = jax.make_jaxpr(images)(z, label).jaxpr
    return any(one is traced.invars[1] for equation in traced.eqns for one in equation.invars)


def make_generate(
    generator: nn.Module,
    *,
    latent_dim: int,
    class_counts: labels.Counts,
    latent: Latent = NORMAL,
    batch_norm: str = 'moving',
    devices: Sequence[jax.Device] | None = None,
    decoder: Decoder = PLAIN,
) -> Callable[..., Iterator[np.ndarray]]:
    """A function that yields generated images in batches.

    Args:
        generator: as `synthesis.synthesize` takes it. Its random streams have a key for each block.
        latent_dim: Z.
        class_counts: without a label, image i has the class `labels.at(class_counts, [i])`.
        latent: the distribution of the latents.
        batch_norm: the statistics that BatchNorm uses. 'moving': the moving averages of training.
            'batch': the statistics of the image's block of 100. 'standing(n)': the mean statistics
            of n batches of other latents, see `make_settle`.
        devices: devices that share the work; None is the first one. Their number changes no image.
        decoder: of codes, where the generator makes codes.

    Returns:
        (variables, seed, indices, label=None) -> iterator of uint8 [n, H, W, C], the images of the
        indices in their order, all of the class `label` if it is given. Consecutive indices cost
        least, since a whole block is generated for any index in it. The call itself starts the
        first block. A caller who needs only that block may then donate the variables to another
        computation, and fetch the images in another thread.
    """
    mesh = sharding.line(devices or jax.local_devices()[:1])

    def block(shared, numbered):
        (variables, seed, weights), (index, classes) = shared, numbered
        root = jax.random.key(seed)
        z = draw_by_index(latent, named(root, SAMPLE), index, latent_dim)
        key, batch = named(root, 'rngs', index[0]), batch_norm == 'batch'
        made = synthesize(generator, variables, z, classes, key, train=batch)[0]['image']
        return to_uint8(decoder, weights, made)

    blocks = sharding.on_each(block, mesh)
    settle = make_settle(
        generator, batch_norm, latent_dim=latent_dim, class_counts=class_counts, latent=latent
    )

    def generate(
        variables: Any, seed: int, indices: Sequence[int], label: int | None = None
    ) -> Iterator[np.ndarray]:
        wanted = _by_block(np.asarray(indices))
        if not wanted:
            return iter(())
        given = settle(variables, seed), np.int32(seed), decoder.variables
        shared = sharding.put(given, sharding.replicated(mesh))
        groups = [wanted[i : i + mesh.size] for i in range(0, len(wanted), mesh.size)]
        numbers = (_rows(group, mesh.size) for group in groups)
        made = (blocks(shared, (i, _classes_of(class_counts, i, label))) for i in numbers)
        made = itertools.chain([next(made)], made)
        return itertools.chain.from_iterable(map(_fetched, groups, made))

    return generate


def make_settle(
    generator: nn.Module,
    batch_norm: str,
    *,
    latent_dim: int,
    class_counts: labels.Counts,
    latent: Latent = NORMAL,
) -> Callable[[Any, int], Any]:
    """A function that gives a generator the standing statistics that `batch_norm` asks for.

    Args:
        generator, batch_norm, latent_dim, class_counts, latent: as in `make_generate`.

    Returns:
        (variables, seed) -> the variables, with the statistics of latents of that seed that make
        no image, in the proportions of all classes; as they are unless it is 'standing(n)'.
    """
    batches = int(BATCH_NORM.fullmatch(batch_norm)[1] or 0)
    standing = make_standing(generator)

    @jax.jit
    def drawn(seed, index):
        return draw_by_index(latent, named(jax.random.key(seed), 'standing'), index, latent_dim)

    def settle(variables, seed):
        if not batches:
            return variables
        rows = np.arange(batches * BATCH, dtype=np.int32).reshape(-1, BATCH)
        others = ((drawn(np.int32(seed), row), labels.at(class_counts, row)) for row in rows)
        return standing(variables, others)

    return settle


def to_uint8(decoder: Decoder, weights: Any, made: jax.Array) -> jax.Array:
    """Images uint8 [N, H, W, C] from what a generator makes, [N, h, w, c]; traced.

    Args:
        decoder: of codes, where the generator makes codes.
        weights: its variables.
        made: 'image' of the generator's record.
    """
    images = decoder.decode(weights, made)
    images = jnp.clip(images.astype(jnp.float32), 0, 1)  # unbounded of some where they train
    return jnp.round(images * 255).astype(jnp.uint8)


def _classes_of(class_counts: labels.Counts, index: np.ndarray, label: int | None) -> np.ndarray:
    return labels.at(class_counts, index) if label is None else np.full_like(index, label)


def _rows(group: Sequence[np.ndarray], devices: int) -> np.ndarray:
    """All indices of the blocks of a group, [devices * BATCH], a block for each device."""
    starts = [index[0] // BATCH * BATCH for index in group]
    starts += starts[:1] * (devices - len(group))  # padding, so that every device has a block
    return np.concatenate([np.arange(i, i + BATCH, dtype=np.int32) for i in starts])


def _fetched(group: Sequence[np.ndarray], made: jax.Array) -> Iterator[np.ndarray]:
    blocks = np.asarray(made).reshape(-1, BATCH, *made.shape[1:])
    for index, images in zip(group, blocks, strict=False):
        yield images[index % BATCH]


def _by_block(indices: np.ndarray) -> list[np.ndarray]:
    """The indices in their order, split where the block changes."""
    cuts = np.flatnonzero(np.diff(indices // BATCH)) + 1
    return [part for part in np.split(indices, cuts) if len(part)]
