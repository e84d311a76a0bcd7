"""Table 1 of Zhao et al. 2020, arXiv 2006.02595: Cntr, bCR and both; BigGAN, CIFAR-10.

    python -m gan_jax.sweep --sweep=configs/sweeps/table1.py --workdir=workdirs/table1

| regularisation | FID | Inception score |
|---|---|---|
| none | 14.73 | 9.22 (from Brock et al. 2018) |
| cntr | 12.27 | 9.23 |
| bcr | 9.21 | 9.29 |
| bcr_cntr | 8.30 | 9.41 |

FID against the 10,000 test images, the mean of the best 15 % of several seeds. Weights: bCR 10
alone, 5 beside Cntr's 0.1. The augmentations of the table are not given: here are those that are
best in figures 5 and 6, translation at 0.4 for bCR and simclr at 0.3 for Cntr. The table's 9.21 for
bCR is also what Zhao et al. 2020, arXiv 2002.04724, report for ICR (their bCR is at 10.54), and
figure 5 shows bCR at about 8.6: compare with both.
"""


def get_sweep() -> dict:
    """Four arms; the paper has 'several' seeds, here three."""
    return {
        'config': 'cifar10_biggan',
        'grid': [
            {'method': ['none']},
            {'method': ['cntr'], 'augment': ['simclr'], 'strength': [0.3]},
            {'method': ['bcr'], 'augment': ['translation'], 'strength': [0.4]},
            {
                'method': ['bcr_cntr'],
                'augment': ['translation'],
                'strength': [0.4],
                'cntr_augment': ['simclr'],
                'cntr_strength': [0.3],
            },
        ],
        'seeds': 3,
        'baseline': {'method': 'none'},
        'metric': 'fid10k_test',
    }
