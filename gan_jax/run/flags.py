"""The flags by which a command names a trained run."""

import argparse
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax import data
from gan_jax.experiment import averages, config
from gan_jax.exported import own_code
from gan_jax.run.choose_checkpoint import STEP
from gan_jax.runtime import cli, ranges
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.standing import has_batch_norm


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
        metavar='|'.join((*averages.CHOSEN_WITHOUT, 'NAME', 'std:X')),
        type=cli.named,
        help="of the generator: averaged, the optimiser's own, an average by its name in the "
        'config, or std:NUMBER, made of the averages with a std',
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
        type=cli.named,
        help='a package that you trust: the config of the workdir may run any of its code',
    )


def refuse_packages(flags: argparse.Namespace) -> None:
    """Raises UserError if --allow names a package that can nowhere be imported from.

    An exported folder, as --workdir, may bring its own code. Nothing is imported.

    Args:
        flags: with `allow` and `workdir`.
    """
    for name in flags.allow:
        top = name.partition('.')[0]
        brought = flags.workdir / own_code.FOLDER
        if not any((brought / file).exists() for file in (top, f'{top}.py')) and not _is_there(top):
            raise UserError(
                f"--allow is '{name}', and there is no such package: spell it as in the config's "
                'paths, and look whether PYTHONPATH leads to it'
            )


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def refuse_weights(weights: str, settings: Mapping[str, Any]) -> None:
    """Raises UserError if --weights names an average of the generator that a run cannot give.

    Args:
        weights: the value of the flag.
        settings: the resolved config of the run.
    """
    blocks, std = settings['averages'], averages.std_of(weights)
    if std is None and (words := ranges.instead(averages.weights(blocks), weights)):
        raise UserError(f'--weights is {ranges.quoted(weights)}, and this run has {words}')
    if std is not None and not averages.STD.holds(std):
        raise UserError(
            f"--weights is {ranges.quoted(weights)}: give 'std:' and {averages.STD}, such as "
            'std:0.08'
        )
    if std is not None and not averages.with_std(blocks):
        raise UserError(
            f'--weights is {weights}, and this run has no average of the generator with a std, of '
            'which others are made: train one with config.averages such as short=dict(std=0.05), '
            'long=dict(std=0.10)'
        )


def refuse_batch_norm(batch_norm: str | None, variables: Mapping[str, Any]) -> None:
    """Raises UserError if --batch_norm is given for a generator without BatchNorm.

    Args:
        batch_norm: the value of the flag.
        variables: of the generator.
    """
    if batch_norm and not has_batch_norm(variables):
        raise UserError(
            f'--batch_norm is {batch_norm}, and the generator of this run has no BatchNorm: '
            'leave it out'
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
