"""Scores of a trained run: python -m gan_jax.evaluate --workdir=DIR

Prints the scores and writes them to DIR/results/*.json with all that they depend on. With --psi=X,Y
or --truncation=X,Y there is such a file for each, and DIR/results/step_N_psi.csv and .png of all.
"""

import argparse
from collections.abc import Sequence

from gan_jax.experiment.values import VALUES
from gan_jax.flags import listed
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.ranges import POSITIVE, Number


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.evaluate', __doc__, epilog=listed.of_metrics())
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument(
        '--num',
        type=cli.within(VALUES['evaluate.num']),
        help='images; by default as in the config',
    )
    parser.add_argument('--metrics', type=cli.named, help='a,b; by default as in the config')
    parser.add_argument(
        '--unaugmented',
        type=cli.path_text,
        metavar='DIR',
        help='of runs without augmentation, which calibrate leak',
    )
    parser.add_argument(
        '--seed',
        type=cli.within(VALUES['seed']),
        help='of the latents; by default as in the config',
    )
    truncated = parser.add_mutually_exclusive_group()
    truncated.add_argument(
        '--psi',
        type=cli.several(cli.within(Number(0, 1))),
        metavar='X,Y,...',
        help="of StyleGAN2: shares of w's way from its average; several make a table and a figure",
    )
    truncated.add_argument(
        '--truncation',
        type=cli.several(cli.within(POSITIVE)),
        metavar='X,Y,...',
        help='likewise: bounds of the latents, in standard deviations',
    )
    return parser.parse_args(arguments)
