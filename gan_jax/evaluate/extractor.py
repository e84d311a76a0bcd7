"""Feature extractors: the networks in whose features images are compared.

A distance between sets of images is a distance between their features, and depends on the network
as much as on the images. So an extractor carries `metadata` of all that its values depend on, which
go into every result and into the key of every cached reference.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.resize import resize
from gan_jax.evaluate import features, inception, pretrained, vit, weights
from gan_jax.evaluate.features import in_batches
from gan_jax.evaluate.names import INCEPTION
from gan_jax.experiment.kinds import EXTRACTOR
from gan_jax.extractors import digits
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import UserError, sentence
from gan_jax.runtime.load import resolve
from gan_jax.runtime.progress import ProgressFn
from gan_jax.runtime.python_file import source_digest

BATCH = 64  # images of one pass of Inception on a device, always
CHUNK = 4096  # images of one call of an extractor; a data set may not fit in memory


class Features(NamedTuple):
    """The outputs of an extractor for N images.

    Attributes:
        features: float32 [N, F].
        probs: float32 [N, C], class probabilities; None if the network has no classes.
    """

    features: np.ndarray
    probs: np.ndarray | None


class Extractor(NamedTuple):
    """A network, and metadata of all that its values depend on.

    Attributes:
        extract: uint8 [N, H, W, C], N >= 1 -> Features. Image n gives the same bits in any batch.
        metadata: name, weights, preprocessing and precision, as JSON.
    """

    extract: Callable[[np.ndarray], Features]
    metadata: Mapping[str, Any]


def from_inception(
    variables: Mapping[str, Any],
    *,
    interpolation: str = 'tf1',
    devices: Sequence[jax.Device] = (),
) -> Extractor:
    """The Inception of the FID, 2,048 features and 1,008 classes.

    Args:
        variables: from `weights.published`.
        interpolation: to 299×299, 'tf1' or 'clean', see `interpolate`.
        devices: the devices that share the work; () is the first one. Their number changes no bit.
    """

    def of_batch(variables, images):
        layers = ('2048', 'logits_unbiased')
        found = inception.features(variables, images, interpolation=interpolation, layers=layers)
        return Features(found['2048'], jax.nn.softmax(found['logits_unbiased']))

    metadata = {
        'name': 'inception',
        'weights_sha256': weights.PUBLISHED.sha256,
        'interpolation': interpolation,
        'layer': '2048',
        'precision': 'float32, highest',
        # Of our preprocessing and network; of 'clean' the first one did not clip.
        'version': 2 if interpolation == 'clean' else 1,
    }
    return Extractor(shared(of_batch, variables, devices, lambda images: images), metadata)


def from_transformer(
    name: str, variables: Mapping[str, Any], *, devices: Sequence[jax.Device] = ()
) -> Extractor:
    """A vision transformer of `pretrained.TRANSFORMERS`.

    Images are brought to its side by Pillow's bicubic filter, in uint8; grey ones become three
    equal channels.

    Args:
        name: of the network.
        variables: from `pretrained.variables_of`.
        devices: as in `from_inception`.
    """
    one = pretrained.TRANSFORMERS[name]

    def of_batch(variables, images):
        mean, deviation = (jnp.array(x)[None, None, None] for x in (one.mean, one.deviation))
        x = jnp.broadcast_to(images.astype(jnp.float32) / 255, (*images.shape[:3], 3))
        return vit.class_features(one.net, variables, (x - mean) / deviation)

    extract = shared(of_batch, variables, devices, lambda images: resize(images, one.side))
    metadata = {
        'name': name,
        'weights_sha256': one.weights.file.sha256,
        'interpolation': f'bicubic of Pillow, to {one.side} pixels',
        'precision': 'float32, highest',
        'version': 1,
    }
    return Extractor(lambda images: Features(extract(images), None), metadata)


def shared(
    of_batch: Callable[[Any, Any], Any],
    variables: Mapping[str, Any],
    devices: Sequence[jax.Device],
    prepared: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray], Any]:
    """Images -> `of_batch(variables, prepared(images))`, on all devices, `BATCH` images on each.

    Args:
        of_batch: (variables, images [B, ...]) -> a tree of [B, ...], traced.
        variables: of the network.
        devices: the devices that share the work; () is the first one.
        prepared: images uint8 [B, H, W, C] -> the images that the network takes, on the host.
    """
    mesh = sharding.line(devices or jax.local_devices()[:1])
    of_batches = sharding.on_each(of_batch, mesh)
    held = functools.cache(lambda: sharding.put(variables, sharding.replicated(mesh)))

    def extract(images):
        return in_batches(lambda x: of_batches(held(), prepared(x)), images, BATCH * mesh.size)

    return extract


def from_digits_net() -> Extractor:
    """The classifier of digits that comes with the package, 64 features a channel."""

    def extract(images):
        found = features.digits(images)
        # Each channel of a stacked digit has 10 classes: the image's classes are all combinations.
        probs = functools.reduce(_combined, np.moveaxis(found.probs, 1, 0))
        return Features(found.features, probs)

    metadata = {
        'name': 'digits',
        'weights_sha256': digits.weights_sha256(),
        'precision': 'float32, highest',
        'version': 1,
    }
    return Extractor(extract, metadata)


def from_path(path: str, allow: Collection[str] | None = None) -> Extractor:
    """A fork's function, 'my_package.module.function': uint8 [N, H, W, C] -> [N, F].

    Its metadata are its path and the SHA-256 of its file: a change of that file makes another
    extractor. A change of code or data that the file imports or reads does not: give the function
    another name then.

    Args:
        path: as in `load.resolve`.
        allow: as in `load.resolve`.

    Raises:
        ValueError: there is no such function, or it has no source.
    """
    function = resolve(path, EXTRACTOR, allow)
    metadata = {'name': path, 'source_sha256': source_digest(path)}

    def extract(images):
        try:
            with jax.default_matmul_precision('highest'):
                found = np.asarray(function(images))
        except Exception as error:  # it is anybody's code
            raise UserError(f'{path} fails on uint8 [N, H, W, C]: {sentence(error)}') from error
        if found.ndim != 2 or len(found) != len(images):
            raise UserError(
                f'{path} makes {list(found.shape)} of {len(images)} images: return [N, F], a row '
                'for each'
            )
        return Features(found, None)

    return Extractor(extract, metadata)


def of_name(
    name: str,
    variables_of: Callable[[str], Mapping[str, Any]],
    *,
    interpolation: str = 'tf1',
    devices: Sequence[jax.Device] = (),
    allow: Collection[str] | None = None,
) -> Extractor:
    """The extractor 'inception', 'digits', a transformer, or a fork's function by its path.

    Args:
        name: of the extractor.
        variables_of: name -> the variables of a network, from `pretrained.variables_of`.
        interpolation: of Inception's input, as in `from_inception`.
        devices: likewise.
        allow: as in `load.resolve`.

    Raises:
        ValueError: as `from_path`.
    """
    if name == INCEPTION:
        return from_inception(variables_of(name), interpolation=interpolation, devices=devices)
    if name in pretrained.TRANSFORMERS:
        return from_transformer(name, variables_of(name), devices=devices)
    return from_digits_net() if name == 'digits' else from_path(name, allow)


def in_chunks(extractor: Extractor, images: np.ndarray, tick: ProgressFn) -> Iterator[Features]:
    """The features of images, which may lie on the disk, `CHUNK` images at a time."""
    count = len(images)
    for first in range(0, count, CHUNK):
        yield extractor.extract(np.asarray(images[first : first + CHUNK]))
        tick(min(first + CHUNK, count), count)


def _combined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
