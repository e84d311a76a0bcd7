"""A trained run read back from its workdir: what sampling and evaluation start from."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax import checkpoint, config, data, workdir
from gan_jax.errors import MISSING, UserError
from gan_jax.experiment import Experiment, build
from gan_jax.load import TRUSTED
from gan_jax.program import make_program
from gan_jax.sharding import make_mesh


class Trained(NamedTuple):
    """A run's parts and the checkpoint that was asked for."""

    config: dict[str, Any]
    experiment: Experiment
    dataset: data.DataSet
    checkpoint: checkpoint.Restored


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags by which a command names a trained run."""
    parser.add_argument('--workdir', required=True, metavar='DIR', type=Path, help='of the run')
    parser.add_argument(
        '--step', default='last', metavar='N', help="checkpoint: a number or 'last'"
    )
    parser.add_argument(
        '--allow',
        action='append',
        default=[],
        metavar='PACKAGE',
        help='a package whose code the config of the workdir may run',
    )


def read(folder: Path, step: str, allow: Sequence[str]) -> Trained:
    """The run in a workdir at one of its checkpoints.

    Args:
        folder: the workdir.
        step: a number, or 'last'.
        allow: packages beside `load.TRUSTED` that its config may name.

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
    dataset = data.load(settings['data']['name'], size=settings['data']['size'])
    experiment = build(
        settings,
        shape=dataset.images.shape[1:],
        num_classes=dataset.num_classes,
        allow=trusted,
    )
    program = make_program(
        experiment,
        dataset,
        make_mesh(1, settings['batch_size']),
        batch_size=settings['batch_size'],
        d_steps=settings['d_steps'],
    )
    found = checkpoint.restore(
        folder / 'checkpoints', program.shapes, step=None if step == 'last' else int(step)
    )
    if found is None:
        raise UserError(f'{folder} has no checkpoint yet: train it longer', MISSING)
    return Trained(settings, experiment, dataset, found)
