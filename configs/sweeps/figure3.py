"""Figure 3 of Zhao et al. 2020, arXiv 2006.02595: real and generated, and bCR; SNDCGAN, CIFAR-10.

    python -m gan_jax.sweep --sweep=configs/sweeps/figure3.py --workdir=workdirs/figure3

Augmenting both helps, bCR (weight 10) helps more, places more than colours; the best is bCR with
zoom_out at 0.4. The paper's FID, against the 10,000 test images, is the mean of the best 15 % of
several seeds; read off the figure, to about 0.3. The baseline is 24.73. Strengths from weak to
strong: S stands for 0.1 0.2 0.3 0.4 0.5, B for 0.02 0.06 0.1 0.2 0.3, W for 0.02 0.04 0.06 0.08
0.1.

| augmentation | | real_fake | bcr |
|---|---|---|---|
| zoom_out | S | 21.1 20.4 20.4 21.1 22.3 | 16.4 15.5 15.1 14.8 15.0 |
| zoom_in | S | 21.9 20.7 21.4 22.9 31.7 | 21.1 18.0 16.7 17.4 19.2 |
| translation | S | 19.1 19.1 19.4 21.4 22.8 | 16.3 16.3 17.0 17.3 19.3 |
| translation_x | S | 20.7 20.9 20.4 20.2 20.1 | 18.5 18.3 18.5 19.3 19.2 |
| translation_y | S | 20.7 20.4 20.6 20.2 20.5 | 18.1 18.3 19.4 18.9 18.8 |
| cutmix | S | 23.9 22.4 22.6 24.6 26.9 | 22.0 20.4 21.3 23.7 25.7 |
| cutout | S | 22.9 22.6 22.6 23.3 24.5 | 21.4 19.2 19.4 21.2 24.2 |
| brightness | B | 25.2 24.6 23.9 24.4 24.4 | 24.2 24.0 24.5 25.2 26.2 |
| redness | W | 24.6 24.6 24.7 24.1 24.6 | 24.7 24.7 24.7 25.2 26.5 |
| greenness | W | 24.6 25.0 25.8 25.8 25.3 | 25.6 24.8 25.6 25.2 25.8 |
| mixup | W | 24.4 24.6 24.7 25.5 23.8 | 24.7 25.0 25.6 25.9 26.1 |
| instance_noise | W | 25.1 26.4 28.3 28.8 31.8 | 24.1 25.6 24.4 25.0 24.4 |
"""

METHODS = ['real_fake', 'bcr']
PLACES = [
    'zoom_out',
    'zoom_in',
    'translation',
    'translation_x',
    'translation_y',
    'cutmix',
    'cutout',
]
WEAK = ['redness', 'greenness', 'mixup', 'instance_noise']


def get_sweep() -> dict:
    """121 arms; the paper has 'several' seeds, here three."""
    return {
        'config': 'cifar10_sndcgan',
        'grid': [
            {'method': ['none']},
            {'method': METHODS, 'augment': PLACES, 'strength': [0.1, 0.2, 0.3, 0.4, 0.5]},
            {'method': METHODS, 'augment': ['brightness'], 'strength': [0.02, 0.06, 0.1, 0.2, 0.3]},
            {'method': METHODS, 'augment': WEAK, 'strength': [0.02, 0.04, 0.06, 0.08, 0.1]},
        ],
        'seeds': 3,
        'baseline': {'method': 'none'},
        'metric': 'fid10k_test',
        'x': 'strength',
        'curve': 'method',
    }
