"""Twelve ways to train on a tenth of the digits, five paired seeds each.

    python -m gan_jax.sweep --sweep=configs/sweeps/lowdata.py --workdir=workdirs/lowdata
    python -m gan_jax.train --config=configs/sweeps/lowdata.py:arm=ada --workdir=workdirs/ada

The setting is configs/sweeps/placebos/sweep.py's, in which a vanilla GAN struggles: 143 images,
an SNDCGAN of width 0.25, 700 steps of batch 64. Views are translations of at most 0.15. An arm has
the weights of its method (`gan_jax.experiment.presets`), which nobody tuned for digits.

Runs of one seed are paired: they start from the same networks and meet the same images, latents and
draws in the same order.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax.experiment.presets import CNTR, LECAM

PLACEBOS = Path(__file__).parent / 'placebos' / 'sweep.py'
# For each arm its method, and further terms.
ARMS = {
    'none': ('none', {}),
    'bcr': ('bcr', {}),
    'cntr': ('cntr', {}),
    'bcr_cntr': ('bcr_cntr', {}),
    'ada': ('ada', {}),
    'diffaugment': ('diffaugment', {}),
    # Its default of 1,000 updates would be after the end.
    'lecam': ('lecam', {'lecam': {**LECAM, 'start': 100}}),
    'san': ('san', {}),
    'cntr_san': ('san', {'contrastive': CNTR}),
    'insgen': ('insgen', {}),
    'vicreg': ('vicreg', {}),
    'cntr_latent': ('cntr_latent', {}),
}


def get_config(text: str = '') -> ConfigDict:
    """`arm` can follow the file name."""
    placebos = runpy.run_path(str(PLACEBOS))
    method, terms = ARMS[placebos['chosen'](text, ARMS)]
    c = placebos['setting'](method)
    c.terms.update(terms)
    if 'contrastive' in c.terms:
        c.augment.view = 'translation'
    return c


def get_sweep() -> dict:
    """Five seeds of every arm, compared with the hinge loss alone."""
    return {
        'config': __file__,
        'grid': {'arm': list(ARMS)},
        'seeds': 5,
        'baseline': {'arm': 'none'},
        'metric': 'fd_digits',
        'contrasts': [
            *[({'arm': arm}, {'arm': 'none'}) for arm in ARMS if arm != 'none'],
            ({'arm': 'cntr_san'}, {'arm': 'san'}),
            ({'arm': 'bcr_cntr'}, {'arm': 'cntr'}),
        ],
    }
