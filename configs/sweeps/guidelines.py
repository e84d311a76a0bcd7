"""The guidelines of Zhao et al. 2020, arXiv 2006.02595, tried on digits: 21 arms, three seeds.

    python -m gan_jax.sweep --sweep=configs/sweeps/guidelines.py --workdir=workdirs/guidelines

| guideline | read it off |
|---|---|
| augmenting real images only hurts, the more the stronger | real_only against none |
| augmenting real and generated images helps | real_fake against none |
| bCR improves on that | bcr against real_fake, augmentation by augmentation |
| Cntr wants a stronger augmentation than bCR | where cntr and bcr are best over translation |
| Cntr and bCR add up | bcr_cntr against bcr and against cntr |

Translation, cutout and zoom_out at 0.2, near the best of each under bCR in the paper's figure 3;
translation also at half and at twice that; Cntr's simclr at 0.3, its best in figure 6. What the
paper says of colours is tried in guidelines_colour.py, since digits have none. A run has 700 steps,
half of the demo's: where the arms lie apart, and an hour or two for all of them on two cores.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

DIGITS = Path(__file__).parents[1] / 'digits.py'
# From weak to strong, then other places.
PLACES = [('translation', s) for s in (0.1, 0.2, 0.4)] + [('cutout', 0.2), ('zoom_out', 0.2)]
SIMCLR = {'method': 'cntr', 'augment': 'simclr'}


def get_config(text: str = '') -> ConfigDict:
    """The arguments of digits.py can follow the file name."""
    c = runpy.run_path(str(DIGITS))['get_config'](text)
    c.steps = c.every.evaluate = 700
    return c


def get_sweep() -> dict:
    """Three seeds of every arm, compared with method=none."""
    return {
        'config': __file__,
        'grid': [
            {'method': ['none']},
            {
                'method': ['real_only', 'real_fake', 'bcr', 'cntr'],
                'augment': ['translation'],
                'strength': [0.1, 0.2, 0.4],
            },
            {
                'method': ['real_only', 'real_fake', 'bcr'],
                'augment': ['cutout', 'zoom_out'],
                'strength': [0.2],
            },
            {'method': ['cntr'], 'augment': ['simclr'], 'strength': [0.3]},
            {
                'method': ['bcr_cntr'],
                'augment': ['translation'],
                'strength': [0.2],
                'cntr_augment': ['simclr'],
                'cntr_strength': [0.3],
            },
        ],
        'seeds': 3,
        'baseline': {'method': 'none'},
        'metric': 'fd_digits',
        'x': 'strength',
        'curve': 'method',
        'contrasts': [
            *[(_arm('bcr', *at), _arm('real_fake', *at)) for at in PLACES],
            *[(_arm(m, *PLACES[2]), _arm(m, *PLACES[0])) for m in ('real_only', 'bcr', 'cntr')],
            *[({'method': 'bcr_cntr'}, alone) for alone in (_arm('bcr', *PLACES[1]), SIMCLR)],
        ],
    }


def _arm(method: str, augment: str, strength: float) -> dict:
    return {'method': method, 'augment': augment, 'strength': strength}
