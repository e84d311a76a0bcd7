"""What a data set is, and the digest that says whether two of them hold the same."""

import hashlib
from typing import NamedTuple

import numpy as np


class DataSet(NamedTuple):
    """Images in memory.

    Attributes:
        images: uint8 [N, H, W, C].
        labels: int32 [N] in [0, num_classes), or None where the source has no labels.
        num_classes: how many classes there are; 0 without labels.
        name: what `load` was asked for.
    """

    images: np.ndarray
    labels: np.ndarray | None
    num_classes: int
    name: str


def digest(dataset: DataSet) -> str:
    """SHA-256, in hex, of what the data set holds: shape, pixels, labels; its name is left out.

    A checkpoint stores it, so that a run is never resumed on other data that bears the same name.
    """
    content = hashlib.sha256(repr(dataset.images.shape).encode())
    content.update(np.ascontiguousarray(dataset.images))
    if dataset.labels is not None:
        # A fixed byte order, so that the digest does not depend on the machine.
        content.update(b'labels' + dataset.labels.astype('<i4').tobytes())
    return content.hexdigest()
