"""What a family of metrics is given, and what it gives."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np

from gan_jax.data import DataSet

Values = dict[str, float]  # by the names of metrics


class Context(NamedTuple):
    """What a run is measured against.

    Attributes:
        train: the train split, at the size of the generated images.
        held_out: () -> the test split at that size; raises UserError where there is none.
        learned: the part of `train` that the discriminator was trained on.
        critic: the discriminator.
        num: of generated images, for metrics whose names give no number.
        data_dir: where Inception's weights and the references are kept, see `data.folder_of`.
    """

    train: DataSet
    held_out: Callable[[], DataSet]
    learned: DataSet
    critic: nn.Module
    num: int
    data_dir: str | Path | None = None


class Evaluation(NamedTuple):
    """Metrics, ready to be computed.

    Attributes:
        num: generated images that `measure` takes; 0 where no metric looks at any.
        measure: (generated images uint8 [num, H, W, C], of class i mod K; the discriminator's
            variables) -> {name: value}. It may be given more images, and takes the first.
        protocol: what the values depend on beside the images, as JSON.
    """

    num: int
    measure: Callable[[np.ndarray, Mapping[str, Any]], Values]
    protocol: Mapping[str, Any]
