"""A trained run, restored from its workdir for sampling and evaluation."""

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax import data
from gan_jax.experiment import config
from gan_jax.experiment.setup import Setup, build_setup
from gan_jax.run import resume
from gan_jax.run.best import best_by
from gan_jax.runtime import checkpoint, cli, workdir
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.ranges import Text
from gan_jax.sampling.generate import WEIGHTS
from gan_jax.sampling.standing import has_batch_norm

STEP = Text(f'last|best|{workdir.STEP.pattern}', "a number, 'last' or 'best'")


class Trained(NamedTuple):
    """A run's setup, on one device, and one of its checkpoints."""

    setup: Setup
    checkpoint: checkpoint.Restored


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name a trained run: --workdir, --step, --weights and others."""
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
        '--data_dir',
        metavar='DIR',
        type=cli.path,
        help='of the data, if they lie elsewhere by now, and of the references that are kept, '
        f'else in ${data.VARIABLE} or ./data',
    )
    parser.add_argument(
        '--allow',
        action='append',
        default=[],
        metavar='PACKAGE',
        type=cli.package,
        help='a package that you trust: the config of the workdir may run any of its code',
    )


def restore_from_flags(flags: argparse.Namespace, **evaluate: Any) -> Trained:
    """The run that the flags of `add_flags` name; `evaluate` and errors as in `restore_run`."""
    run = restore_run(
        flags.workdir,
        flags.step,
        flags.allow,
        data_dir=flags.data_dir,
        evaluate={'weights': flags.weights, 'batch_norm': flags.batch_norm, **evaluate},
    )
    if flags.batch_norm and not has_batch_norm(run.checkpoint.state.g.variables):
        raise UserError(
            f'--batch_norm is {flags.batch_norm}, and the generator of this run has no BatchNorm: '
            'leave it out'
        )
    return run


def restore_run(
    folder: Path,
    step: str,
    allow: Sequence[str],
    *,
    data_dir: Path | None = None,
    evaluate: Mapping[str, Any] | None = None,
) -> Trained:
    """The run in a workdir at one of its checkpoints.

    Args:
        folder: the workdir.
        step: a number, 'last', or 'best', see `best.best_by`.
        allow: packages whose code the run's config may name, as in `load.resolve`.
        data_dir: folder of the data set; None is the folder in the config. References and
            Inception's weights are kept in `data_dir`, see `data.folder_of`, never in the config's
            folder.
        evaluate: replacements for values of config.evaluate; None keeps a value.

    Raises:
        UserError: there is no run or no such checkpoint, the config is invalid or names other
            code, or the config or the data do not match the checkpoint (65).
    """
    settings = workdir.read_config(folder)
    workdir.refuse_links(folder)  # a pipe in a checkpoint would be waited for
    wrong = config.faults(settings, allow)
    if wrong:
        raise UserError('\n'.join(f'{folder}/config.json: {fault}' for fault in wrong))
    saved = copy.deepcopy(settings)
    if data_dir is not None:
        settings['data']['dir'] = str(data_dir)
    settings['evaluate'] |= {k: v for k, v in (evaluate or {}).items() if v is not None}
    setup = build_setup(settings, devices=1, allow=allow, data_dir=data_dir)
    wanted = None if step in ('last', 'best') else int(step)
    place = folder / ('best' if step == 'best' else 'checkpoints')
    newest = resume.last_saved(folder) if step == 'last' else -1
    found = checkpoint.restore(place, setup.program.shapes, step=wanted)
    if found and resume.is_gone(newest, found):
        found = found._replace(damaged=[newest, *found.damaged])
    for damaged in found.damaged if found else []:
        print(
            f'gan_jax: the checkpoint of step {damaged} in {place} is damaged or gone; that of '
            f'step {found.step} is used',
            file=sys.stderr,
        )
    if found is None and step == 'best':
        by = best_by(settings)
        why = f'{by} has not been measured yet' if by else 'its config.evaluate names no distance'
        raise UserError(f'{folder} has kept no best checkpoint: {why}', MISSING)
    if found is None and resume.was_saved(folder):
        raise UserError(
            f'{folder} has no checkpoint any more: restore one from a copy, or try --step=best',
            DATA,
        )
    if found is None:
        raise UserError(f'{folder} has no checkpoint yet: train it longer', MISSING)
    if changed := resume.differences(found.metadata['config'], saved):
        raise UserError(
            f'{folder}/config.json is not the config that step {found.step} was trained with: give '
            'it back\n' + '\n'.join(f'  {line}' for line in changed),
            DATA,
        )
    if found.metadata['data'] != resume.fingerprint(setup)['data']:
        raise UserError(
            f"the images of '{settings['data']['name']}' are not those that {folder} was trained "
            'on: restore them, or give the folder that they lie in now by --data_dir=DIR',
            DATA,
        )
    return Trained(setup, found)
