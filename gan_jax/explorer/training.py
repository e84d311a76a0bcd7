"""The run of a generator that is explored: checkpoints over time, D, training images."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data.dataset import DataSet, evenly_spaced, labels_of, spaced
from gan_jax.evaluate.discriminator import LogitOf, output_of
from gan_jax.experiment.setup import Setup
from gan_jax.explorer.still import Explorer, Variables
from gan_jax.models.critic import reads_of
from gan_jax.reports import nearest
from gan_jax.run.generators import restore_generator
from gan_jax.run.trained import restore_run
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.leaves import checked_tree

REALS = 100  # training images whose logits a picture's is compared with
KEPT = 4  # checkpoints in memory
D = 'd/params/', 'd/stats/'  # where a checkpoint has D's variables


class Score(NamedTuple):
    """D's opinion of a picture.

    Attributes:
        logit: of the picture.
        share: of training images with a smaller logit, from 0 to 1.
        count: of these images.
    """

    logit: float
    share: float
    count: int


class Nearest(NamedTuple):
    """Training images near a picture, the nearest first.

    Attributes:
        rows: of the data set, int [K].
        distances: root mean squares of the differences of pixels, in grey levels, [K].
    """

    rows: np.ndarray
    distances: np.ndarray


class TrainedRun:
    """A run that is explored; its data are read when something of them is first asked for.

    Attributes:
        steps: of its checkpoints, in order.
    """

    def __init__(
        self,
        folder: Path,
        step: str,
        explorer: Explorer,
        *,
        allow: Sequence[str],
        weights: str | None,
        data_dir: Path | None,
    ):
        """Reads the names of the checkpoints alone.

        Args:
            folder: the workdir.
            step: of the explorer's generator, as in `trained.restore_run`.
            explorer: of one of the checkpoints.
            allow, weights, data_dir: as in `generators.restore_generator`.
        """
        self._folder, self._step, self._explorer = folder, step, explorer
        self._kept = workdir.steps(folder / 'checkpoints')
        self.steps = sorted({*self._kept, explorer.generator.step})
        self._given = dict(allow=allow, data_dir=data_dir)
        self._weights = weights
        self.variables = functools.lru_cache(KEPT)(self._variables)
        self._critic = functools.lru_cache(KEPT)(self._critic_at)
        self._of_reals = functools.lru_cache(KEPT)(self._logits_of_reals)

    @functools.cached_property
    def dataset(self) -> DataSet:
        """The training images; raises UserError as `trained.restore_run`."""
        return self._setup.dataset

    def score(self, picture: np.ndarray, label: int, step: int) -> Score:
        """D's logit of a picture, in evaluation mode.

        Args:
            picture: uint8 [H, W, C].
            label: its class.
            step: of `steps`.

        Raises:
            UserError: D reads more than images, or the step or the data cannot be read.
        """
        of_reals = self._of_reals(step)
        logit = self._logit(self._critic(step), picture[None], np.full(1, label, np.int32))[0]
        return Score(float(logit), float(np.mean(of_reals < logit)), len(of_reals))

    def nearest(self, picture: np.ndarray, count: int) -> Nearest:
        """The training images nearest to a picture.

        Args:
            picture: uint8 [H, W, C].
            count: of images.

        Raises:
            UserError: as `dataset`, or there are too many or too few images to look among.
        """
        if fault := nearest.fault(picture[None], self.dataset.images):
            raise UserError(fault)
        x = nearest.reduced(picture[None])
        rows, squared = nearest.nearest_rows(x, self._table, min(count, len(self._table)))
        return Nearest(rows[0], np.sqrt(squared[0] / x.shape[1]))

    def _variables(self, step: int) -> Variables:
        """The generator's at a step of `steps`, ready for `Explorer.image`."""
        if step == self._explorer.generator.step:
            return self._explorer.variables
        found = restore_generator(self._folder, str(step), weights=self._weights, **self._given)
        return self._explorer.settled(found.variables)

    @functools.cached_property
    def _setup(self) -> Setup:
        return restore_run(self._folder, self._step, **self._given).setup

    @functools.cached_property
    def _table(self) -> np.ndarray:
        return nearest.reduced(self.dataset.images)

    @functools.cached_property
    def _logit(self) -> LogitOf:
        """D's logits of single pictures.

        Raises:
            UserError: D reads more than the image and its class.
        """
        critic = self._setup.experiment.gan.critic
        if self.dataset.codes is not None:
            raise UserError('D of this run sees codes of an autoencoder, not images: no score')
        if reads := reads_of(critic):
            raise UserError(f"D of this run reads '{reads[0]}' beside an image: no score")
        return output_of(critic, 'logit', batch=1)

    def _critic_at(self, step: int) -> Mapping[str, Any]:
        """D's variables at a step."""
        place = self._folder / ('checkpoints' if step in self._kept else 'best')
        found = checkpoint.restore_leaves(place, D, step=step)
        if found is None:
            raise UserError(f'{place} has no step {step} any more: start the explorer again', DATA)
        shapes = self._setup.program.shapes.d.variables
        # 'd/params/head/kernel' is 'params/head/kernel', 'd/stats/moving/mean' is 'moving/mean'.
        leaves = {
            name.removeprefix('d/').removeprefix('stats/'): leaf
            for name, leaf in found.state.items()
        }
        return checked_tree(place, step, leaves, shapes)

    def _logits_of_reals(self, step: int) -> np.ndarray:
        """D's logits of some training images, [N]."""
        logit, images = self._logit, self.dataset.images  # first what may be refused
        count = min(REALS, len(images))
        some = np.asarray(evenly_spaced(images, count))
        of = labels_of(self.dataset)[spaced(len(images), count)]
        return logit(self._critic(step), some, of)
