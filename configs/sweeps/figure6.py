"""Figure 6 of Zhao et al. 2020, arXiv 2006.02595: Cntr under six augmentations, BigGAN, CIFAR-10.

    python -m gan_jax.sweep --sweep=configs/sweeps/figure6.py --workdir=workdirs/figure6

Cntr wants a stronger augmentation than bCR, and places still help more than colours. The strength
of simclr drives its crop only. The paper's FID, against the 10,000 test images, is the mean of the
best 15 % of several seeds; read off the figure, to about 0.3. The baseline is 14.73. The weight of
Cntr alone is not given: ours is 0.1, which the paper uses beside bCR.

| augmentation | 0.1 | 0.3 | 0.5 | 0.7 | 0.9 |
|---|---|---|---|---|---|
| brightness | 13.9 | 13.9 | 14.2 | 14.2 | 14.2 |
| cutout | 14.8 | 14.4 | 13.7 | 13.7 | 14.4 |
| mixup | 14.3 | 12.7 | 13.1 | 12.9 | 13.0 |
| simclr | 12.5 | 11.9 | 12.7 | 13.6 | 14.7 |
| translation | 13.3 | 12.8 | 12.6 | 12.4 | 12.9 |
| zoom_in | 13.6 | 12.6 | 13.1 | 13.8 | 15.5 |
"""

OPS = ['brightness', 'cutout', 'mixup', 'simclr', 'translation', 'zoom_in']


def get_sweep() -> dict:
    """31 arms; the paper has 'several' seeds, here three."""
    return {
        'config': 'cifar10_biggan',
        'grid': [
            {'method': ['none']},
            {'method': ['cntr'], 'augment': OPS, 'strength': [0.1, 0.3, 0.5, 0.7, 0.9]},
        ],
        'seeds': 3,
        'baseline': {'method': 'none'},
        'metric': 'fid10k_test',
        'x': 'strength',
        'curve': 'augment',
    }
