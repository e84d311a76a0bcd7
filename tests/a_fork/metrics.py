"""A number of the images, and one of the state of training."""

import jax
import numpy as np

from gan_jax.metric import Metric


def brightness(*, num: int = 20) -> Metric:
    """The mean of generated images, less that of held-out ones, in grey levels."""

    def measure(snapshot):
        return float(snapshot.images.mean() - snapshot.real('test').images.mean())

    return Metric(measure, num, splits=('test',))


def largest() -> Metric:
    """The largest parameter of D."""

    def measure(snapshot):
        return max(float(np.abs(x).max()) for x in jax.tree.leaves(snapshot.state.d.params))

    return Metric(measure, num=0)


def sides() -> Metric:
    """Height, width and channels of generated images, and whether they are bytes."""

    def measure(snapshot):
        names = ('height', 'width', 'channels')
        shape = dict(zip(names, snapshot.images.shape[1:], strict=True))
        return {**shape, 'bytes': float(snapshot.images.dtype == np.uint8)}

    return Metric(measure, num=20)
