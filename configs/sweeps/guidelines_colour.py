"""Colours against places, on stacked digits: 8 arms, three seeds, 1,000 modes over 26,000 samples.

    python -m gan_jax.sweep --sweep=configs/sweeps/guidelines_colour.py --workdir=workdirs/colour

Zhao et al. 2020, arXiv 2006.02595, find that augmentations which move pixels (translation, zoom,
cutout) help more than those which change colours, and that changed colours leak into the samples
when real images alone are augmented. A stacked digit is three digits in the three colour channels,
1,000 classes in all: 'modes' counts those that 26,000 samples fall into, as the papers on mode
collapse count them (Srivastava et al. 2017, arXiv 1705.07761).

Strengths: translation as in guidelines.py, brightness and redness the paper's largest under SNDCGAN
(figure 3), mixup the largest there too. Hue is left out: it mixes the channels, which would make
other digits of them.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

STACKED = Path(__file__).parents[1] / 'stacked_digits.py'
TRANSLATION = {'method': 'bcr', 'augment': 'translation'}


def get_config(text: str = '') -> ConfigDict:
    """`method`, `augment` and `strength` can follow the file name."""
    c = runpy.run_path(str(STACKED))['get_config'](text)
    c.steps = 800
    c.evaluate.num = 26_000
    c.every.evaluate = c.steps  # 26,000 images take as long as some hundred steps
    return c


def get_sweep() -> dict:
    """Three seeds of every arm, compared with method=none, by the modes that are found."""
    return {
        'config': __file__,
        'grid': [
            {'method': ['none']},
            {'method': ['bcr'], 'augment': ['translation'], 'strength': [0.2]},
            {'method': ['bcr', 'real_only'], 'augment': ['brightness'], 'strength': [0.3]},
            {'method': ['bcr', 'real_only'], 'augment': ['redness'], 'strength': [0.1]},
            {'method': ['bcr'], 'augment': ['mixup'], 'strength': [0.1]},
            {'method': ['cntr'], 'augment': ['simclr'], 'strength': [0.3]},
        ],
        'seeds': 3,
        'baseline': {'method': 'none'},
        'metric': 'modes',
        'better': 'higher',
        'contrasts': [
            (TRANSLATION, {'method': 'bcr', 'augment': op})
            for op in ('brightness', 'redness', 'mixup')
        ],
    }
