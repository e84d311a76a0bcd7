"""The flags by which a command names a trained run."""

import argparse

from gan_jax import data
from gan_jax.experiment import config
from gan_jax.run.choose_checkpoint import STEP
from gan_jax.runtime import cli
from gan_jax.sampling.generate import WEIGHTS


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags by which a command names a trained run."""
    parser.add_argument('--workdir', required=True, metavar='DIR', type=cli.path, help='of the run')
    parser.add_argument(
        '--step',
        default='last',
        metavar='N',
        type=cli.within(STEP),
        help="checkpoint: a number, 'last' or 'best'",
    )
    parser.add_argument(
        '--weights',
        metavar='|'.join(WEIGHTS),
        type=cli.within(config.VALUES['evaluate.weights']),
        help="of the generator: averaged, or the optimiser's own",
    )
    parser.add_argument(
        '--batch_norm',
        type=cli.within(config.VALUES['evaluate.batch_norm']),
        metavar='MODE',
        help="statistics: 'moving', 'batch' or 'standing(N)', of N batches",
    )
    parser.add_argument(
        '--allow',
        action='append',
        default=[],
        metavar='PACKAGE',
        type=cli.package,
        help='a package that you trust: the config of the workdir may run any of its code',
    )


def add_data_flag(parser: argparse.ArgumentParser) -> None:
    """Adds --data_dir, for a command that needs the data set of the run."""
    parser.add_argument(
        '--data_dir',
        metavar='DIR',
        type=cli.path,
        help='of the data, if they lie elsewhere by now, and of the references that are kept, '
        f'else in ${data.VARIABLE} or ./data',
    )
