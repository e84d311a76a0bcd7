"""The contract of a metric of one's own: a `Metric`, made by a factory that a config names.

`evaluate.brightness = dict(fn='my_package.module.brightness', every=500)` measures generated
images, or no image at all but the state of training, every 500 steps.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.data import DataSet
from gan_jax.state import TrainState


class Snapshot(NamedTuple):
    """The state of a run at one step, and the images that a metric compares.

    Attributes:
        state: of training, on one device; `state.step`, `state.g.params`, `state.d.params`, ...
        images: uint8 [num, H, W, C], generated; drawn once for all metrics of the step.
        labels: int32 [num], the classes that the images were drawn with; zeros without classes.
        real: 'train' or 'test' -> the split, at the size of the generated images.
        features: (extractor, split='') -> float32 [N, F], the features of the generated images, or
            of all images of a split, which are kept on the disk. Extractors are 'inception',
            'digits', 'dinov2_vitl14' and others, or a function by its path, uint8 [N, H, W, C] ->
            [N, F].
        key: random key; the same at every step, and another for each metric.
    """

    state: TrainState
    images: np.ndarray
    labels: np.ndarray
    real: Callable[[str], DataSet]
    features: Callable[..., np.ndarray]
    key: jax.Array


class Metric(NamedTuple):
    """A number, or several, of a run at one step.

    Attributes:
        measure: snapshot -> a number, logged as 'eval/NAME' with the NAME of the block in the
            config, or {part: number}, logged as 'eval/NAME/PART'. It runs on the host between
            steps. An exception becomes a null with its reason.
        num: of generated images; 0 where no image is looked at, None for config.evaluate.num.
        splits: of the real images that it reads, such as ('test',): a run is refused before its
            first step if the data have none.
    """

    measure: Callable[[Snapshot], float | Mapping[str, float]]
    num: int | None = None
    splits: tuple[str, ...] = ()
