"""BigGAN-deep or SAGAN on handwritten digits, 16x16, conditional, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits_biggan.py --workdir=workdirs/digits_deep
    python -m gan_jax.train --config=configs/digits_biggan.py:network=sagan --workdir=workdirs/sagan

Arguments: those of digits.py, and network, 'deep' or 'sagan'. Methods are those of
docs/reference/methods.md; the default is `none`. The networks are those of bigdeep_imagenet128.py
and sagan_imagenet128.py, whose papers have no experiment on digits; width and rates are chosen for
a run of minutes on two CPU cores.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax.experiment.arguments import network_of
from gan_jax.experiment.base import base

DIGITS = Path(__file__).with_name('digits.py')
BIGGAN = Path(__file__).with_name('cifar10_biggan.py')
DEEP = dict(widths=[64, 32, 16], attention=8)
SAGAN = dict(channels=8, initializer='glorot')
NETWORKS = {
    'deep': ('gan_jax.models.biggan_deep', dict(DEEP, shared=32), DEEP),
    'sagan': (
        'gan_jax.models.biggan',
        dict(SAGAN, shared=0, hierarchical=False),
        dict(SAGAN, compare_gan=False),
    ),
}


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name.

    Raises:
        ValueError: as `arguments.network_of` and `presets.blocks`.
    """
    name, rest = network_of(text, [*NETWORKS])
    defaults = dict(method='none', augment='translation', strength=0.15)
    given = ','.join(f'{key}={value}' for key, value in defaults.items())
    c = runpy.run_path(str(DIGITS))['get_config'](f'{given},{rest}')
    with_networks = runpy.run_path(str(BIGGAN))['with_networks']
    named = with_networks(base(), rest, 10, NETWORKS[name], **defaults)
    for block in ('generator', 'discriminator', 'logit'):
        c[block] = named[block]
    c.optim.g.b1 = c.optim.d.b1 = 0.0
    return c
