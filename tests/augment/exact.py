"""An op beside its reference in float64, where rounding hides nothing, and with planted errors."""

import numpy as np

from tests.augment.family import STRENGTH, batch
from tests.small import new_key


def distance(op, reference):
    """The greatest difference of a pixel; for use within `x64`.

    Not compiled as a whole, since a fused program rounds normal draws in float32 otherwise.
    """
    images = batch(op, dtype=np.float64)
    out = np.asarray(op(new_key(3), images, STRENGTH))
    return np.abs(out - reference(new_key(3), images, STRENGTH)).max()
