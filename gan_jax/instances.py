"""IC-GAN: images of the neighbourhood of an instance, by the features of that instance.

Casanova et al. 2021, arXiv 2109.05070, section 3. An instance is a training image; h, its features,
goes into the generator beside the noise, and the discriminator tells (x, h) with x one of the
instance's k nearest neighbours from (G(z, h), h).
"""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.dataset import DataSet, Training, is_outline
from gan_jax.evaluate import pretrained, references
from gan_jax.evaluate.extractor import Extractor, of_name
from gan_jax.evaluate.geometry import unit
from gan_jax.keys import named
from gan_jax.latents import Latent
from gan_jax.runtime.ranges import COUNT

MOST = 2**30  # bytes of features: they are a constant of the compiled programs
BLOCK = 2**26  # similarities in memory at once


class Table(NamedTuple):
    """The training images as features and neighbours.

    Attributes:
        features: float32 [N, F], of unit length.
        neighbours: int32 [N, k], the rows of the k images of the largest cosine similarity, the
            nearest first, without the image itself.
    """

    features: np.ndarray
    neighbours: np.ndarray


def instances(features: str = 'digits', neighbours: Annotated[int, COUNT] = 50) -> Latent:
    """Latents [noise, h]: standard normal noise, and the features h of a training image.

    The image i of h is uniform over the training images. For a real x the batch's image is i, and x
    is uniform over the neighbours of i; D reads 'h', such as by `models.instances.InstanceLogit`.
    A real's `index` and label belong to x. As x is drawn anew, a batch may hold an image twice.

    Features and neighbours are computed when a run is set up, and kept with the references of
    metrics, by the images' digest. `config.latent.dim` is the sum of both parts.

    Args:
        features: the network of h, 'inception', 'digits' or a function by its path, as in metrics
            such as 'fd5k_test@digits'.
        neighbours: k; the paper's 50 are for ImageNet, 5 for COCO-Stuff. An image is none of its
            own, as in the authors' code.
    """
    return Latent(fit=lambda training: _conditioned(make_table(training, features, neighbours)))


def make_table(training: Training, features: str, k: int) -> Table:
    """Features and neighbours of the training images, from the disk where they are kept.

    Args:
        training: the images, which may lie on the disk; their features have to fit in memory.
        features: as in `instances`.
        k: neighbours of each image.

    Raises:
        ValueError: there is no such network, its features are not finite or too large, or there are
            too few images.
        UserError: the network fails, or its weights are not here.
    """
    dataset, data_dir, allow = training
    if k >= len(dataset.images):
        raise ValueError(
            f'neighbours is {k}, and there are {len(dataset.images)} training images: give at most '
            f'{len(dataset.images) - 1}'
        )
    extractor = of_name(features, lambda name: pretrained.variables_of(name, data_dir), allow=allow)
    if is_outline(dataset):
        return _outline(extractor, dataset, k)
    found = references.features(dataset, extractor, data_dir)
    if not np.isfinite(found).all():
        raise ValueError(f"the features of '{features}' are not finite: take another network")
    if found.nbytes > MOST:
        raise ValueError(
            f"the features of '{features}' take {found.nbytes / 1e9:.1f} GB, and the compiled "
            f'programs hold {MOST / 1e9:.1f} GB: take a network with fewer numbers, or fewer images'
        )
    normed = unit(found)

    def compute():
        return {'rows': nearest(normed, k)}

    kept = references.kept(f'{k} neighbours', dataset, extractor, data_dir, compute)
    return Table(normed, kept['rows'])


def _outline(extractor: Extractor, dataset: DataSet, k: int) -> Table:
    """The table of one image over and over, which `data.outline` has in the place of a data set."""
    count = len(dataset.images)
    one = unit(extractor.extract(dataset.images[:1]).features)
    return Table(np.repeat(one, count, axis=0), np.tile(np.arange(k, dtype=np.int32), (count, 1)))


def nearest(features: np.ndarray, k: int) -> np.ndarray:
    """The k other rows of the largest inner product with each row, the largest first.

    Args:
        features: [N, F].
        k: below N.

    Returns:
        int32 [N, k].
    """
    count = len(features)
    size, found = max(1, BLOCK // count), []
    for first in range(0, count, size):
        likeness = features[first : first + size] @ features.T
        own = np.arange(len(likeness))
        likeness[own, first + own] = -np.inf
        best = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(likeness, best, axis=1), axis=1, kind='stable')
        found.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(found).astype(np.int32)


def _conditioned(table: Table) -> Latent:
    count, size = table.features.shape

    def draw(key: jax.Array, batch: int, dim: int) -> jax.Array:
        if dim <= size:
            raise ValueError(
                f'its dim is {dim}, of which {size} are features: give more, such as {size + 128} '
                'for 128 numbers of noise'
            )
        noise = jax.random.normal(named(key, 'noise'), (batch, dim - size))
        instance = jax.random.randint(named(key, 'instance'), (batch,), 0, count)
        return jnp.concatenate([noise, jnp.asarray(table.features)[instance]], axis=1)

    def gives(z: jax.Array) -> dict[str, jax.Array]:
        return {'h': z[:, -size:]}

    def reals(bits: np.random.Philox, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        neighbours = table.neighbours[rows]  # [k, B, neighbours]
        # The remainder of 64 bits: uniform to 1e-15.
        chosen = bits.random_raw(rows.size).reshape(rows.shape) % neighbours.shape[-1]
        index = np.take_along_axis(neighbours, chosen[..., None].astype(np.intp), axis=-1)[..., 0]
        return index, {'h': table.features[rows]}

    return Latent(draw, gives=gives, reals=reals)
