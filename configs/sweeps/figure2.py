"""Figure 2 of Zhao et al. 2020, arXiv 2006.02595: augmenting real images only, SNDCGAN, CIFAR-10.

    python -m gan_jax.sweep --sweep=configs/sweeps/figure2.py --workdir=workdirs/figure2

It only hurts, and the more the stronger. The paper's FID, against the 10,000 test images, is the
mean of the best 15 % of several seeds; read off the figure, to about 1 on the tall bars. The
baseline is 24.73; translation at 0.1 is 31.03 in the text.

| augmentation | 0.1 | 0.2 | 0.3 | 0.4 | 0.5 |
|---|---|---|---|---|---|
| zoom_in | 40.1 | 49.1 | 56.9 | 74.9 | 91.0 |
| zoom_out | 41.3 | 60.3 | 74.5 | 86.3 | 99.8 |
| translation | 31.2 | 36.7 | 40.4 | 43.3 | 53.2 |
| translation_x | 28.1 | 33.2 | 37.3 | 37.3 | 44.5 |
| translation_y | 26.3 | 26.7 | 29.2 | 31.2 | 34.0 |
| cutout | 41.1 | 47.6 | 50.7 | 69.0 | 91.1 |
| cutmix | 24.7 | 26.7 | 28.7 | 30.0 | 29.7 |
| mixup | 26.0 | 26.1 | 27.3 | 28.5 | 30.2 |
| brightness | 24.5 | 24.9 | 28.3 | 30.3 | 35.3 |
| redness | 25.5 | 28.8 | 33.0 | 37.7 | 45.7 |
| greenness | 26.8 | 33.3 | 42.9 | 54.2 | 66.5 |
| blueness | 24.4 | 26.8 | 30.2 | 34.6 | 39.2 |
"""

OPS = ['zoom_in', 'zoom_out', 'translation', 'translation_x', 'translation_y', 'cutout', 'cutmix']
OPS += ['mixup', 'brightness', 'redness', 'greenness', 'blueness']


def get_sweep() -> dict:
    """61 arms; the paper has 'several' seeds, here three."""
    return {
        'config': 'cifar10_sndcgan',
        'grid': [
            {'method': ['none']},
            {'method': ['real_only'], 'augment': OPS, 'strength': [0.1, 0.2, 0.3, 0.4, 0.5]},
        ],
        'seeds': 3,
        'baseline': {'method': 'none'},
        'metric': 'fid10k_test',
        'x': 'strength',
        'curve': 'augment',
    }
