"""What a family of metrics is given, and what it gives."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import numpy as np

from gan_jax import labels
from gan_jax.data import DataSet
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.state import Hyper, TrainState

Values = dict[str, float]  # by the names of metrics
Failed = Callable[[Sequence[str], Exception], object]  # (names of metrics, what has come of them)
Check = Callable[[], object]  # raises UserError, or Absent where it could not look


class Absent(Exception):
    """Images are asked for of a data set that is not here, only its outline."""


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
    """What a run is measured against.

    Attributes:
        train: the train split, at the size of the generated images.
        held_out: () -> the test split at that size; raises UserError where there is none.
        train_subset: the part of `train` that the discriminator was trained on.
        critic: the discriminator.
        num: of generated images, for metrics whose names give no number.
        batch_size: of one discriminator update.
        d_gradient: what such an update descends by, compiled, see `step.make_d_gradient`.
        conditional: () -> whether the images depend on the label, see `generate.takes_labels`.
        class_counts: proportions of the labels of generated images, see `labels.at`; None is all
            alike.
        unaugmented: how many -> the models that were trained without augmentation, with so many
            images of each checkpoint, and with none at all where 0 are asked for, which takes
            seconds; None where no such models are named.
        data_dir: where Inception's weights and the references are kept, see `data.folder_of`.
        allow: packages whose code a metric may name, as in `load.resolve`.
        devices: that share the work of a large extractor; none is the first one.
        progress: the work of preparing metrics, such as a pass over all real images.
        outlined: whether `train` is only the outline of a data set that is not here.
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
    """Raises UserError where a split has fewer images than a metric takes."""
    if len(real.images) < least:
        raise UserError(
            f"'{name}' takes at least {least} real images, and the {split} split of '{real.name}' "
            f'has {len(real.images)}: leave it out, or add images'
        )


def held_out_of(given: Context) -> DataSet | None:
    """The test split; None where the data have one split."""
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
    ) -> Values:
        """Measures generated images and the state that they come from.

        Args:
            images: uint8 [n, H, W, C], of the classes of `Context.generated_labels`. It may be more
                than the metrics need, and they take the first.
            state: of training; metrics of the discriminator look at it.
            hyper: the numbers of the run.
            progress: the work of measuring. What its ticks raise ends it.

        Returns:
            {name: value}.
        """


class Evaluation(NamedTuple):
    """Metrics, ready to be computed.

    Attributes:
        num: generated images that `measure` takes; 0 where no metric looks at any.
        measure: generated images, a state and its run's numbers -> {name: value}.
        protocol: what the values depend on beside the images, as JSON.
    """

    num: int
    measure: Measure
    protocol: Mapping[str, Any]
