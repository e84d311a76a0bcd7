"""A trained run read back from its workdir: what sampling and evaluation start from."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gan_jax import checkpoint, config, workdir
from gan_jax.errors import MISSING, UserError
from gan_jax.load import TRUSTED
from gan_jax.parts import Parts, assemble


class Trained(NamedTuple):
    """A run's parts, on one device, and the checkpoint that was asked for."""

    parts: Parts
    checkpoint: checkpoint.Restored


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags by which a command names a trained run."""
    parser.add_argument('--workdir', required=True, metavar='DIR', type=Path, help='of the run')
    parser.add_argument(
        '--step', default='last', metavar='N', help="checkpoint: a number or 'last'"
    )
    parser.add_argument(
        '--data_dir', metavar='DIR', type=Path, help='of the data, if they lie elsewhere by now'
    )
    parser.add_argument(
        '--allow',
        action='append',
        default=[],
        metavar='PACKAGE',
        help='a package whose code the config of the workdir may run',
    )


def seed(text: str) -> int:
    """A seed from the command line, as an argparse type."""
    if not (text.isdigit() and int(text) < 2**31):
        raise argparse.ArgumentTypeError(f'is {text}: give a number from 0 to 2147483647')
    return int(text)


def read(folder: Path, step: str, allow: Sequence[str], *, data_dir: Path | None = None) -> Trained:
    """The run in a workdir at one of its checkpoints.

    Args:
        folder: the workdir.
        step: a number, or 'last'.
        allow: packages beside `load.TRUSTED` that its config may name.
        data_dir: where its data set lies; None is where it lay when the run began.

    Raises:
        UserError: no run, no such checkpoint, a config with faults, or one that names other code.
    """
    if step != 'last' and not step.isdigit():
        raise UserError(f"--step is '{step}': give a number or 'last'")
    settings = workdir.read_config(folder)
    trusted = (*TRUSTED, *allow)
    wrong = config.faults(settings, trusted)
    if wrong:
        raise UserError('\n'.join(f'{folder}/config.json: {fault}' for fault in wrong))
    if data_dir is not None:
        settings['data']['dir'] = str(data_dir)
    parts = assemble(settings, devices=1, allow=trusted)
    found = checkpoint.restore(
        folder / 'checkpoints', parts.program.shapes, step=None if step == 'last' else int(step)
    )
    if found is None:
        raise UserError(f'{folder} has no checkpoint yet: train it longer', MISSING)
    return Trained(parts, found)
