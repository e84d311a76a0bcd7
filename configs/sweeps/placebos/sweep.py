"""Placebos: what is it in bCR and Cntr that works? Seven arms, ten paired seeds, a tenth of digits.

    python -m gan_jax.sweep --sweep=configs/sweeps/placebos/sweep.py --workdir=workdirs/placebos
    python -m gan_jax.train --config=configs/sweeps/placebos/sweep.py:arm=bcr --workdir=workdirs/bcr

| arm | added to the hinge loss of the discriminator |
|---|---|
| vanilla | nothing |
| bcr | bCR, weight 10 |
| bcr_stopped | the same without the gradient through the augmented side |
| cr | bCR on real images only |
| cntr | Cntr, weight 0.1 |
| cntr_shuffled | the same with wrong positives |
| bcr_identity | bCR under the identity: its cost, and a loss of 0 |

If bCR wins by what it says, bcr_identity stays at vanilla; if Cntr does, cntr_shuffled stays behind
cntr. bcr_identity differs from vanilla by rounding alone, so the spread of their paired difference
is what chance does to a run that was meant to be the same.

Runs of one seed are paired: they start from the same networks and meet the same images, latents and
draws in the same order. All train on the same 10 % of the images (config.data.subset_seed). The
placebos are in terms.py, written as a fork would write them. `evaluate` and `sample` need
--allow=configs for their runs.
"""

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from gan_jax.experiment.arguments import arguments

DIGITS = Path(__file__).parents[2] / 'digits.py'
PLACEBOS = 'configs.sweeps.placebos.terms'
# For each arm the method that it is, or that it is made from, and a placebo in its term's place.
ARMS = {
    'vanilla': ('none', {}),
    'bcr': ('bcr', {}),
    'bcr_stopped': ('bcr', {'consistency': f'{PLACEBOS}.stopped'}),
    'cr': ('cr', {}),
    'cntr': ('cntr', {}),
    'cntr_shuffled': ('cntr', {'contrastive': f'{PLACEBOS}.shuffled'}),
    'bcr_identity': ('bcr', {'consistency': f'{PLACEBOS}.identity'}),
}


def get_config(text: str = '') -> ConfigDict:
    """`arm` can follow the file name."""
    method, placebos = ARMS[chosen(text, ARMS)]
    c = setting(method)
    for term, path in placebos.items():
        c.terms[term].fn = path
    return c


def chosen(text: str, arms: Mapping[str, Any]) -> str:
    """The name of the arm in the text after the file name; without one the first.

    Raises:
        ValueError: there is no such arm.
    """
    arm = arguments(text, arm=next(iter(arms)))['arm']
    if arm not in arms:
        raise ValueError(f"there is no arm '{arm}'; known: {', '.join(arms)}")
    return arm


def setting(method: str) -> ConfigDict:
    """The digits with a method, in the setting of this sweep."""
    digits = runpy.run_path(str(DIGITS))['get_config']
    c = digits(f'method={method},augment=translation,strength=0.15')
    c.steps = 700
    c.data.fraction = 0.1
    # At 1e-3, with half the batch and half the generator's width, a vanilla GAN learns these 144
    # images well in 1,200 steps and bCR is the slower one: there is nothing for it to mend.
    c.optim.g.learning_rate = c.optim.d.learning_rate = 4e-4
    c.evaluate.metrics = 'fd_digits,modes,retrieval,linear_probe'
    return c


def get_sweep() -> dict:
    """Ten seeds of every arm, compared with vanilla."""
    return {
        'config': __file__,
        'grid': {'arm': list(ARMS)},
        'seeds': 10,
        'baseline': {'arm': 'vanilla'},
        'metric': 'fd_digits',
        'contrasts': [
            *[({'arm': arm}, {'arm': 'vanilla'}) for arm in ARMS if arm != 'vanilla'],
            *[({'arm': 'bcr'}, {'arm': arm}) for arm in ('bcr_stopped', 'cr', 'bcr_identity')],
            ({'arm': 'cntr'}, {'arm': 'cntr_shuffled'}),
        ],
    }
