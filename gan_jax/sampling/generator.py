"""A trained generator by itself: latents of seeds, and images of seeds or of latents."""

import dataclasses
import functools
import numbers
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from gan_jax import labels
from gan_jax.data import classes
from gan_jax.data.autoencoder import PLAIN, Decoder
from gan_jax.keys import named
from gan_jax.labels import Counts
from gan_jax.latents import NORMAL, Latent, draw_by_index
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import POSITIVE, Integer, Range, quoted
from gan_jax.sampling.generate import (
    BATCH,
    SAMPLE,
    make_generate,
    make_settle,
    takes_labels,
    to_uint8,
)
from gan_jax.sampling.limits import PSI, PSI_LAYERS
from gan_jax.sampling.truncation import of_latent, of_network
from gan_jax.synthesis import synthesize

Near = tuple[float | None, int | None]  # psi and the number of its layers
MOST_SEED = 2_000_000_000
ROOT = 0  # seed of a draw of images by index


@dataclasses.dataclass(frozen=True, eq=False)
class Generator:
    """A generator and the weights of one checkpoint, from a run or from an exported folder.

    Images of seeds are the images of `python -m gan_jax.sample`: seed i gives image i of its
    --seed=0. For other fields use `dataclasses.replace`.

    Attributes:
        network: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1], or codes.
        variables: its parameters and other collections.
        image_shape: (H, W, C) of an image.
        latent_dim: Z.
        class_counts: proportions of the labels of generated images; labels are classes, or rows of
            the data's label vectors.
        class_names: of the training data, in the order of their numbers; None where there are none.
        step: of the checkpoint.
        latent: the distribution of the latents.
        batch_norm: the statistics that BatchNorm takes, see `generate.make_generate`.
        devices: that share the work on seeds; None is the first one.
        decoder: from what the network makes to images.
    """

    network: nn.Module
    variables: Mapping[str, Any] = dataclasses.field(repr=False)  # pages of numbers
    image_shape: tuple[int, int, int]
    latent_dim: int
    class_counts: Counts = dataclasses.field(repr=False)  # one for each of many label vectors
    class_names: Sequence[str] | None
    step: int
    latent: Latent = NORMAL
    batch_norm: str = 'moving'
    devices: Sequence[jax.Device] | None = None
    decoder: Decoder = PLAIN
    _made: dict[Hashable, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    @functools.cached_property
    def num_classes(self) -> int:
        """The number of classes that a label chooses among; 0 if the generator takes none."""
        takes = takes_labels(self.network, self.latent_dim)
        return len(self.class_counts) if takes else 0

    @property
    def label_kind(self) -> str:
        """The meaning of a label in a word: 'class', or 'row' of the data's label vectors."""
        return 'row' if getattr(self.network, 'label_size', 0) else 'class'

    def class_of(self, label: int | str) -> int:
        """The number of a class that is given by its name or its number; of a text as a name first.

        Where labels are vectors, it is a row of their table, in the order of np.unique(axis=0).

        Raises:
            UserError: no such class or row, or the generator takes none.
        """
        if not self.num_classes:
            raise UserError(
                f'label is {label}, and the generator of this run takes no classes: leave it out'
            )
        if self.label_kind == 'row':
            return classes.row_of(f'{label}', len(self.class_counts))
        names = self.class_names if isinstance(label, str) else None
        return classes.number_of(f'{label}', names, len(self.class_counts))

    def latents(self, seeds: Any, truncation: float | None = None) -> np.ndarray:
        """The latents of seeds, float32 [N, Z]; the latents of a seed do not depend on the others.

        Args:
            seeds: a whole number, or N of them, >= 0.
            truncation: as in `generate`.

        Raises:
            UserError: a seed or the truncation is out of range.
        """
        index = _seeds(seeds)
        latent = self._latent(truncation)

        def make():
            root = named(jax.random.key(ROOT), SAMPLE)
            return jax.jit(lambda index: draw_by_index(latent, root, index, self.latent_dim))

        drawn = self._once(('latents', truncation), make)
        parts = [drawn(_padded(index[i : i + BATCH])) for i in range(0, len(index), BATCH)]
        parts = [np.zeros((0, self.latent_dim)), *map(np.asarray, parts)]
        return np.concatenate(parts)[: len(index)].astype(np.float32)

    def generate(
        self,
        seeds_or_z: Any,
        label: Any = None,
        truncation: float | None = None,
        psi: float | None = None,
        psi_layers: int | None = None,
    ) -> np.ndarray:
        """The images of seeds or of latents, uint8 [N, H, W, C].

        Images of seeds are those that `sample` draws, bit for bit; a seed costs a whole block of
        100 images. Latents cost what they are. With the same class, `generate(latents(seeds))`
        differs from `generate(seeds)` by rounding, and by the noise of a network that draws some:
        image n of a call with latents has the noise of image n, whatever its latent is.

        Args:
            seeds_or_z: seeds, a whole number or [N] of them; or latents, floats [N, Z].
            label: a class for all images, by its name or number, or N of them. Without one, images
                have the classes of the training data in their proportions, by seed or by row.
            truncation: with seeds: latents are drawn again beyond so many standard deviations.
            psi: of StyleGAN2: the share of w's way from its average; None is as in the config.
            psi_layers: with psi: the first layers, so many, that it is for; None: as in the config.

        Raises:
            UserError: seeds, latents, classes or truncation that the generator does not have.
        """
        given, near = np.asarray(seeds_or_z), (psi, psi_layers)
        if given.ndim != 2:
            index = _seeds(given)
            if label is None or isinstance(label, str | numbers.Integral):
                return self._of_seeds(index, label, truncation, near)
            given, truncation = self.latents(index, truncation), None
        if truncation is not None:
            raise UserError(
                f'truncation is {truncation}, and latents are given: it is for latents that are '
                'drawn from seeds; give it to latents(seeds, truncation), or leave it out'
            )
        return self._of_latents(self._checked(given), label, near)

    def _of_seeds(self, index: np.ndarray, label: Any, truncation: Any, near: Near) -> np.ndarray:
        latent, network = self._latent(truncation), self._network(*near)

        def make():
            return make_generate(
                network,
                latent_dim=self.latent_dim,
                class_counts=self.class_counts,
                latent=latent,
                batch_norm='batch' if self.batch_norm == 'batch' else 'moving',
                devices=self.devices,
                decoder=self.decoder,
            )

        draw = self._once(('seeds', truncation, near), make)
        number = None if label is None else self.class_of(label)
        made = draw(self.settled, ROOT, index, number)
        return np.concatenate([np.zeros((0, *self.image_shape), np.uint8), *made])

    def _of_latents(self, z: np.ndarray, label: Any, near: Near) -> np.ndarray:
        number, network = self._labels(label, len(z)), self._network(*near)

        def make():
            return jax.jit(make_of_latents(network, self.decoder, self.batch_norm))

        images = self._once(('latents to images', near), make)
        pad = (lambda rows: rows) if self.batch_norm == 'batch' else _padded
        made = [np.zeros((0, *self.image_shape), np.uint8)]
        for first in range(0, len(z), BATCH):
            rows = slice(first, first + BATCH)
            weights = self.settled, self.decoder.variables
            batch = images(weights, pad(z[rows]), pad(number[rows]))
            made.append(np.asarray(batch)[: len(z[rows])])
        return np.concatenate(made)

    @functools.cached_property
    def settled(self) -> Any:
        """The variables with the standing statistics that `batch_norm` asks for, of seed 0."""
        settle = make_settle(
            self.network,
            self.batch_norm,
            latent_dim=self.latent_dim,
            class_counts=self.class_counts,
            latent=self.latent,
        )
        return settle(self.variables, ROOT)

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result of `make`, kept by its key: a program is compiled once."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _latent(self, truncation: float | None) -> Latent:
        return of_latent(_within('truncation', truncation, POSITIVE), self.latent)

    def _network(self, psi: float | None, layers: int | None) -> nn.Module:
        layers = _within('psi_layers', layers, PSI_LAYERS)
        return of_network(_within('psi', psi, PSI), self.network, layers)

    def _labels(self, label: Any, count: int) -> np.ndarray:
        """A class for each image, int32 [count]."""
        if label is None:
            return labels.at(self.class_counts, range(count))
        if isinstance(label, str | numbers.Integral):
            return np.full(count, self.class_of(label), np.int32)
        given = [self.class_of(one) for one in np.asarray(label).reshape(-1).tolist()]
        if len(given) != count:
            raise UserError(f'label has {len(given)} classes for {count} images: give one for each')
        return np.asarray(given, np.int32)

    def _checked(self, z: np.ndarray) -> np.ndarray:
        if z.shape[1] != self.latent_dim or not np.issubdtype(z.dtype, np.floating):
            raise UserError(
                f'the latents are {z.dtype} {list(z.shape)}: give floats [N, {self.latent_dim}], '
                'or seeds, whole numbers [N]'
            )
        return z.astype(np.float32)


def shapes_of(network: nn.Module, latent_dim: int) -> Mapping[str, Any]:
    """The shapes and types of a generator's variables, as a tree.

    Args:
        network, latent_dim: as in `Generator`.
    """
    z, label = jax.ShapeDtypeStruct((2, latent_dim), 'float32'), jax.ShapeDtypeStruct((2,), 'int32')
    init = functools.partial(network.init, train=True)
    return jax.eval_shape(init, jax.eval_shape(jax.random.key, 0), z, label)


def make_of_latents(
    network: nn.Module, decoder: Decoder, batch_norm: str = 'moving'
) -> Callable[[Any, jax.Array, jax.Array], jax.Array]:
    """A function from latents to images.

    Args:
        network, decoder: as in `Generator`.
        batch_norm: 'batch' takes the statistics of the latents that are given together.

    Returns:
        ((variables, variables of the decoder), z [N, Z], label [N]) -> images, uint8 [N, H, W, C];
        to be traced. Row n has the noise of row n, whatever N is.
    """
    train = batch_norm == 'batch'

    def images(weights, z, label):
        key = named(jax.random.key(ROOT), 'rngs', 0)
        variables, of_decoder = weights
        made = synthesize(network, variables, z, label, key, train=train)[0]['image']
        return to_uint8(decoder, of_decoder, made)

    return images


def _seeds(seeds: Any) -> np.ndarray:
    """The seeds as int32 [N]."""
    given = np.asarray(seeds)
    if given.size == 0:
        return np.zeros(0, np.int32)
    whole = np.issubdtype(given.dtype, np.integer)
    if given.ndim > 1 or not whole or given.min() < 0 or given.max() > MOST_SEED:
        raise UserError(
            f'the seeds are {quoted(given.tolist())}: give {Integer(0, MOST_SEED)}, or a list of '
            'some'
        )
    return given.reshape(-1).astype(np.int32)


def _within(name: str, value: Any, expected: Range) -> Any:
    if value is not None and not expected.holds(value):
        raise UserError(f'{name} is {quoted(value)}: give {expected}, or leave it out')
    return value


def _padded(rows: np.ndarray) -> np.ndarray:
    """Rows of zeros up to a power of two, `BATCH` at most: few programs are compiled."""
    size = min(1 << (len(rows) - 1).bit_length(), BATCH)
    return np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), rows.dtype)])
