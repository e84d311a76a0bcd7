"""Every op against its definition, written out by other means, image by image.

A reference is given the op's key and reads the same draws; whether these follow the law that they
should is tested elsewhere, from the results alone.
"""

import numpy as np
import pytest

from gan_jax.testing.ops import compiled
from tests.augment.family import STRENGTH, batch, every_op
from tests.augment.references import (
    ada,
    diffaugment,
    fields,
    masks,
    mixing,
    quantisation,
    random_ops,
    simclr,
    spatial,
    tones,
)
from tests.small import new_key

REFERENCES = {
    name: function
    for module in (
        *(tones, spatial, mixing, diffaugment, simclr),
        *(masks, quantisation, fields, random_ops, ada),
    )
    for name, function in vars(module).items()
}
SIZES = [{}, dict(count=6, height=10, width=7, channels=1)]
# Rotations of hue are printed to four digits. ADA multiplies values, and does not clip them.
LOOSE = {'hue': 5e-4, 'simclr': 5e-4, 'ada_bg': 5e-6}
LOOSE |= dict.fromkeys(('ada_bgc', 'ada_bgcfnc', 'ada_r3gan'), 1e-5)


# Of one channel and other sides: what an op does there is in the tests of the op, too.
@pytest.mark.parametrize(
    'sizes',
    [
        pytest.param(SIZES[0], id='9x12x3'),
        pytest.param(SIZES[1], id='10x7x1', marks=pytest.mark.slow),
    ],
)
@every_op
def test_is_its_reference(op, sizes):
    images = batch(op, **sizes)
    out = compiled(op)(new_key(3), images, STRENGTH)
    expected = REFERENCES[op.__name__](new_key(3), images.astype(float), STRENGTH)
    np.testing.assert_allclose(out, expected, rtol=0, atol=LOOSE.get(op.__name__, 2e-6))
