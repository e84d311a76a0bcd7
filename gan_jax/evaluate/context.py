"""The interface of a family of metrics: its context and its evaluation."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import numpy as np

from gan_jax import labels
from gan_jax.data import DataSet
from gan_jax.evaluate.curve import Curves
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sampling.pairs import Pairs
from gan_jax.state import Hyper, TrainState

Values = dict[str, float]  # by the names of metrics
Found = Mapping[str, float | Curves]  # likewise; curves have names of their own
Failed = Callable[[Sequence[str], Exception], object]  # (names of metrics, their error)
Check = Callable[[], object]  # raises UserError, or Absent if the data set is not here


class Absent(Exception):
    """The images are not here, only an outline of their data set."""


class Unaugmented(NamedTuple):
    """A model that was trained without augmentation.

    Attributes:
        run: its workdir.
        checkpoints: {'step', 'digest'} of each.
        images: uint8 [N, H, W, C], generated, of each.
    """

    run: str
    checkpoints: Sequence[Mapping[str, Any]]
    images: Sequence[np.ndarray]


class Context(NamedTuple):
    """The run, data and resources with which metrics are measured.

    Attributes:
        train: the train split, at the size of the generated images.
        held_out: () -> the test split at that size; raises UserError if there is none.
        train_subset: the part of `train` that the discriminator was trained on.
        critic: the discriminator.
        num: of generated images, for metrics whose names give no number.
        batch_size: of one discriminator update.
        d_gradient: the gradient of such an update, compiled, see `step.make_d_gradient`.
        conditional: () -> whether the images depend on the label, see `generate.takes_labels`.
        class_counts: proportions of the labels of generated images, see `labels.at`; None is
            uniform.
        unaugmented: n -> the models that were trained without augmentation, with n images of each
            checkpoint; with n = 0 it takes seconds. None if no such models are named.
        data_dir: the folder that caches published weights and references, see `data.folder_of`.
        allow: packages whose code a metric may name, as in `load.resolve`.
        devices: the devices that share the work of a large extractor; () is the first one.
        progress: reports the work of preparing metrics, such as a pass over all real images.
        outlined: whether `train` is only the outline of a data set that is not here.
        own: the metrics of the config's own, by name, see `own.build`.
        pairs: images of the generator to compare with each other.
        split_unsaid: the split of the real images where a metric's name says none; '' refuses such
            a name.
        floors: whether every distance has a floor. Where there is no other split of real images,
            it is the distance between two halves of the reference.
    """

    train: DataSet
    held_out: Callable[[], DataSet]
    train_subset: DataSet
    critic: nn.Module
    num: int
    batch_size: int = 1
    d_gradient: Callable[..., Any] | None = None
    conditional: Callable[[], bool] = lambda: False
    class_counts: labels.Counts | None = None
    unaugmented: Callable[[int], list[Unaugmented]] | None = None
    data_dir: str | Path | None = None
    allow: Collection[str] | None = None
    devices: Sequence[jax.Device] = ()
    progress: Progress = no_progress
    outlined: bool = False
    own: Mapping[str, Any] = MappingProxyType({})
    pairs: Pairs | None = None
    split_unsaid: str = ''
    floors: bool = False

    def split(self, name: str) -> DataSet:
        """The split 'train' or 'test', at the size of the generated images.

        Raises:
            Absent: only its outline is here.
            UserError: there is no such split.
        """
        if self.outlined:
            raise Absent
        if name == 'train':
            return self.train
        try:
            return self.held_out()
        except UserError as error:
            if error.status != MISSING:
                raise
            advice = 'add one, or take out of config.evaluate the metrics that need it'
            raise UserError(f'{error}: {advice}', MISSING) from error

    def generated_labels(self, num: int) -> np.ndarray:
        """The labels of the first generated images, int32 [num]."""
        counts = self.class_counts or labels.uniform(self.train.num_classes)
        return labels.at(counts, np.arange(num))


def refuse_few_reals(name: str, real: DataSet, split: str, least: int = 2) -> None:
    """Raises UserError if a split has fewer images than a metric takes."""
    if len(real.images) < least:
        raise UserError(
            f"'{name}' takes at least {least} real images, and the {split} split of '{real.name}' "
            f'has {len(real.images)}: leave it out, or add images'
        )


def refuse_other_statistics(name: str, given: Context) -> None:
    """Raises UserError if images of the run take other statistics than pairs of images do."""
    if (statistics := given.pairs.statistics()) != 'moving':
        raise UserError(
            f"'{name}' takes the moving averages of BatchNorm, and config.evaluate.batch_norm is "
            f"{statistics}: write 'moving', or leave the metric out"
        )


def held_out_of(given: Context) -> DataSet | None:
    """The test split; None if the data have one split only."""
    try:
        return given.held_out()
    except UserError as error:
        if error.status != MISSING:
            raise
        return None


class Measure(Protocol):
    """Metrics that are ready to be computed."""

    def __call__(
        self, images: np.ndarray, state: TrainState, hyper: Hyper, progress: Progress = no_progress
    ) -> Found:
        """Measures generated images and the state that they come from.

        Args:
            images: uint8 [n, H, W, C], of the classes of `Context.generated_labels`; of more than
                the metrics need they take the first.
            state: of training, for metrics of the discriminator.
            hyper: the hyperparameters of the run.
            progress: reports the work of measuring. An exception of its ticks ends it.

        Returns:
            {name: value}. A value is a number, or curves beside the numbers that are made of them.
        """


class Evaluation(NamedTuple):
    """Metrics, ready to be computed.

    Attributes:
        num: generated images that `measure` takes; 0 if no metric needs any.
        measure: (images, state, hyper) -> {name: value}.
        protocol: all that the values depend on except the images, as JSON.
    """

    num: int
    measure: Measure
    protocol: Mapping[str, Any]
