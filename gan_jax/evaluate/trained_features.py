"""Features of a small network that is trained on the data themselves, where no weights are at hand.

    kd1k_train@classifier   trained on the labels of the split train
    kd1k_train@simclr       without labels: trained to tell two views of an image from other images

"A Simple Framework for Contrastive Learning of Visual Representations" (Chen et al. 2020, arXiv
2002.05709), in small. The network is trained once for a data set, by a fixed seed, and its weights
are kept beside the references. A distance compares generators of one data set at one size; numbers
of two data sets, or of two trainings of the network, are not comparable.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.augment import simclr
from gan_jax.data import DataSet, digest
from gan_jax.data.resize import resize
from gan_jax.evaluate import references, rows
from gan_jax.evaluate.descent import descend
from gan_jax.evaluate.extractor import Extractor, Features, shared
from gan_jax.keys import named
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.leaves import digests
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.terms.contrastive import nt_xent

WIDTHS = (16, 32, 64, 128)  # of the stages; the last is the number of features
SIDE = 64  # of the images: larger ones are made smaller
MOST = 20_000  # images that it is trained on, evenly spaced in the split
STEPS, BATCH, RATE = 300, 32, 2e-3
TEMPERATURE = 0.5  # SimCLR's for small images
CROP = 0.7, 0.3  # strength of SimCLR's views, and of the classifier's crop
VERSION = 1  # of the network and its training


class Net(nn.Module):
    """Four convolutions that halve the image, with group normalisation; 98,880 parameters on RGB.

    Attributes:
        outputs: units of the head; the features are the layer below it.
    """

    outputs: int

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images [B, H, W, C] in [0, 1] -> (features [B, 128], outputs [B, outputs])."""
        x = 2 * images - 1
        for width in WIDTHS:
            x = nn.Conv(width, (3, 3), 2, use_bias=False, precision='highest')(x)
            x = nn.gelu(nn.GroupNorm(num_groups=8)(x))
        features = x.mean(axis=(1, 2))  # [B, 128]
        hidden = nn.gelu(nn.Dense(WIDTHS[-1], precision='highest')(features))
        return features, nn.Dense(self.outputs, precision='highest')(hidden)


def check(name: str, train: DataSet) -> None:
    """Raises UserError if the network of that name cannot be trained on a data set."""
    if name == 'classifier' and (train.labels is None or train.num_classes < 2):
        raise UserError(
            "scores of '@classifier' are in the features of a classifier that is trained on the "
            f"labels, and '{train.name}' has no classes: write @simclr, which needs none"
        )


def trained_extractor(
    name: str,
    train: DataSet,
    data_dir: str | Path | None,
    *,
    devices: Sequence[jax.Device] = (),
    progress: Progress = no_progress,
) -> Extractor:
    """The extractor 'classifier' or 'simclr' of a data set: trained, or with the weights kept.

    Args:
        name: of the extractor.
        train: the images that it is trained on.
        data_dir: the folder that keeps the weights, see `data.folder_of`.
        devices: the devices that share the work; () is the first one.
        progress: reports the training.
    """
    side = min(SIDE, *train.images.shape[1:3])
    how = {'side': side, 'steps': STEPS, 'batch': BATCH, 'seed': 0, 'version': VERSION}
    key = {'what': f'weights of {name}', 'images': digest(train), **how}
    stored = references.cached(key, data_dir, lambda: _train(name, train, side, progress))
    params = flax.traverse_util.unflatten_dict(stored, sep='/')
    network = Net(params['Dense_1']['bias'].shape[0])

    def of_batch(params, images):
        return network.apply({'params': params}, images.astype(jnp.float32) / 255)[0]

    extract = shared(of_batch, params, devices, lambda images: resize(images, side))
    metadata = {
        'name': name,
        'trained_on': digest(train),
        'weights_sha256': json_digest(digests(params)),
        'precision': 'float32, highest',
        'comparable': 'with scores of the same trained_on and weights_sha256 alone',
        **how,
    }
    return Extractor(lambda images: Features(extract(images), None), metadata)


def _train(name: str, train: DataSet, side: int, progress: Progress) -> Mapping[str, np.ndarray]:
    """The trained parameters, 'Conv_0/kernel' and so on."""
    chosen = rows.spaced(len(train.images), MOST)
    images = resize(np.asarray(train.images[chosen]), side)
    network, loss, arrays = LEARNING[name](images, train, chosen)
    params = jax.jit(network.init)(named(jax.random.key(0), name), images[:1] / np.float32(255))
    with progress(f'{name}: training it on {train.name}') as tick:
        params = descend(
            loss, params['params'], arrays, seed=0, steps=STEPS, batch=BATCH, rate=RATE,
            progress=tick,
        )  # fmt: skip
    flat = flax.traverse_util.flatten_dict(params, sep='/')
    return {path: np.asarray(leaf) for path, leaf in flat.items()}


Learning = tuple[Net, Callable[..., jax.Array], Sequence[np.ndarray]]


def _simclr(images: np.ndarray, train: DataSet, chosen: np.ndarray) -> Learning:
    network = Net(WIDTHS[-1])

    def loss(params, key, images):
        x = images.astype(jnp.float32) / 255
        views = (simclr.simclr(named(key, f'view_{i}'), x, jnp.float32(CROP[0])) for i in range(2))
        first, second = (network.apply({'params': params}, view)[1] for view in views)
        return nt_xent(first, second, TEMPERATURE)

    return network, loss, [images]


def _classifier(images: np.ndarray, train: DataSet, chosen: np.ndarray) -> Learning:
    network = Net(train.num_classes)

    def loss(params, key, images, labels):
        x = simclr.crop(key, images.astype(jnp.float32) / 255, jnp.float32(CROP[1]))
        outputs = network.apply({'params': params}, x)[1]
        return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()

    return network, loss, [images, train.labels[chosen]]


LEARNING = {'classifier': _classifier, 'simclr': _simclr}
