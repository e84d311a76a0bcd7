"""StyleGAN3-T on handwritten digits, 16x16, conditional, on a CPU.

    python -m gan_jax.train --config=configs/digits_stylegan3.py --workdir=workdirs/digits_stylegan3

Methods and other arguments as those of digits_stylegan2.py, whose discriminator, losses and rates
it has. StyleGAN3 (Karras et al. 2021, arXiv 2106.12423) has no experiment on digits: the network is
theirs, width and depth are chosen for a small machine.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

DIGITS = Path(__file__).with_name('digits_stylegan2.py')
FFHQ64 = Path(__file__).with_name('stylegan3_ffhq64.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(DIGITS))['get_config'](text)
    runpy.run_path(str(FFHQ64))['with_stylegan3'](c)
    c.generator.update(units=64, depth=4, base=256, most=32)
    return c
