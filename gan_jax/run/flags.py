"""The flags by which a command names a trained run; they are read without JAX."""

import argparse
from pathlib import Path

from gan_jax import data
from gan_jax.experiment.values import VALUES, WITHOUT_AVERAGES
from gan_jax.runtime import cli, workdir
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import Text

STEP = Text(f'last|best|{workdir.STEP.pattern}', "a number, 'last' or 'best'")


def add_flags(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds the flags that name a trained run: --workdir, --step, --weights and others.

    Args:
        parser: of the command.
        required: False where something else may take the place of the run.
    """
    parser.add_argument(
        '--workdir', required=required, metavar='DIR', type=cli.path, help='of the run'
    )
    parser.add_argument(
        '--step',
        default='last',
        metavar='N',
        type=cli.within(STEP),
        help="checkpoint: a number, 'last' or 'best'",
    )
    parser.add_argument(
        '--weights',
        metavar='|'.join((*WITHOUT_AVERAGES, 'NAME', 'std:X')),
        type=cli.named,
        help="of the generator: averaged, the optimiser's own, an average by its name in the "
        'config, or std:NUMBER, made of the averages with a std',
    )
    parser.add_argument(
        '--batch_norm',
        type=cli.within(VALUES['evaluate.batch_norm']),
        metavar='MODE',
        help="statistics: 'moving', 'batch' or 'standing(N)', of N batches",
    )
    add_allow_flag(parser)


def add_allow_flag(parser: argparse.ArgumentParser) -> None:
    """Adds --allow, for a command that reads a config which may be from somebody else."""
    parser.add_argument(
        '--allow',
        action='append',
        default=[],
        metavar='PACKAGE',
        type=cli.named,
        help='a package that you trust: the config of the workdir may run any of its code',
    )


def add_data_flag(parser: argparse.ArgumentParser) -> None:
    """Adds --data_dir, for a command that needs, or may need, the data set of the run."""
    parser.add_argument(
        '--data_dir',
        metavar='DIR',
        type=cli.path,
        help='of the data, if they lie elsewhere by now, and of the references that are kept, '
        f'else in ${data.VARIABLE} or ./data',
    )


def refuse_full(out: Path) -> None:
    """Raises UserError if --out is a folder with files in it, which would mix with new ones."""
    if out.is_dir() and (found := sorted(path.name for path in out.iterdir())):
        raise UserError(
            f'--out={out} is a folder that holds {found[0]} and {len(found) - 1} more: give '
            'another, or empty it'
        )
