"""Figure 5 of Zhao et al. 2020, arXiv 2006.02595: real and generated, and bCR; BigGAN, CIFAR-10.

    python -m gan_jax.sweep --sweep=configs/sweeps/figure5.py --workdir=workdirs/figure5

As figure 3, with the class-conditional BigGAN; the best is bCR (weight 10) with translation at 0.4.
The paper's FID, against the 10,000 test images, is the mean of the best 15 % of several seeds; read
off the figure, to about 0.3. The baseline is 14.73. Strengths from weak to strong: S stands for
0.1 0.2 0.3 0.4 0.5, B for 0.02 0.06 0.1 0.2 0.3, C for 0.06 0.08 0.1 0.2 0.3, W for
0.02 0.04 0.06 0.08 0.1.

| augmentation | | real_fake | bcr |
|---|---|---|---|
| zoom_out | S | 13.8 11.4 11.8 13.2 14.7 | 9.7 9.2 8.7 8.8 8.7 |
| zoom_in | S | 12.6 13.4 12.0 11.7 13.6 | 10.8 10.0 10.0 10.2 11.2 |
| translation | S | 11.0 11.2 11.8 13.6 15.3 | 9.3 8.9 8.8 8.6 9.9 |
| translation_x | S | 13.2 12.7 12.4 11.9 12.0 | 9.9 10.0 9.7 9.8 9.1 |
| translation_y | S | 13.1 11.3 12.5 12.3 12.0 | 9.8 9.8 9.8 9.6 8.9 |
| cutmix | S | 12.2 11.7 11.8 11.2 11.6 | 10.8 9.8 9.5 10.5 11.6 |
| cutout | S | 12.7 11.6 11.2 11.2 11.9 | 11.4 9.9 10.0 10.6 12.1 |
| brightness | B | 12.7 13.0 12.1 11.9 12.2 | 12.3 11.7 11.5 11.3 11.7 |
| redness | C | 12.9 12.8 12.7 13.5 13.4 | 13.4 11.6 12.3 13.0 14.6 |
| greenness | C | 13.0 12.8 12.7 12.9 13.6 | 12.6 13.3 12.7 13.2 13.7 |
| mixup | C | 12.1 12.7 12.5 12.4 13.1 | 12.3 11.9 12.2 13.7 16.3 |
| instance_noise | W | 15.8 20.4 25.6 27.8 35.6 | 14.7 15.4 15.8 16.1 16.0 |
"""

import runpy
from pathlib import Path

FIGURE3 = runpy.run_path(str(Path(__file__).with_name('figure3.py')))
METHODS = FIGURE3['METHODS']
COLOURS = ['redness', 'greenness', 'mixup']


def get_sweep() -> dict:
    """Figure 3's 121 arms with another config, and stronger colours."""
    sweep = FIGURE3['get_sweep']()
    none, places, brightness, weak = sweep['grid']
    colours = {'method': METHODS, 'augment': COLOURS, 'strength': [0.06, 0.08, 0.1, 0.2, 0.3]}
    noise = {**weak, 'augment': ['instance_noise']}
    config = 'cifar10_biggan'
    return {**sweep, 'config': config, 'grid': [none, places, brightness, colours, noise]}
