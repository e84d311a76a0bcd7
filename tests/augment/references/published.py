"""Numbers of ADA's published code: NVlabs/stylegan2-ada-pytorch at d72cc7d, training/augment.py.

`AugmentPipe` ran in PyTorch 2.13 on a CPU, with multiplier 1 for the transformations of a name and
0 for all others, at p = 1 (in `pipe/0.5` at p = 0.5), on images drawn from U(-1, 1). Kept are the
images [B, H, W, C], the results, and the random numbers of `torch.rand` and `torch.randn`, in the
layout of `parameters` in gan_jax/augment/ada: 1 for gates, 1/2 for uniform and 0 for normal numbers
that the run did not draw.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

with np.load(Path(__file__).with_name('ada_published.npz')) as _file:
    NUMBERS = dict(_file)


def numbers(place, *names):
    """The arrays of those names at a place such as 'colour/hue'."""
    return [jnp.asarray(NUMBERS[f'{place}/{name}']) for name in names]


def differs(found, place):
    """The largest distance from the result that is published."""
    return np.max(np.abs(np.asarray(found) - NUMBERS[f'{place}/result']))
