"""Scores of a trained run: python -m gan_jax.evaluate --workdir=DIR

Prints the scores and writes them to DIR/results/*.json with all that they depend on.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.experiment import config
from gan_jax.experiment.schedule import everything
from gan_jax.run import evaluation, trained
from gan_jax.run.evaluation import make_evaluator
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli, signals, workdir
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.leaves import json_digest
from gan_jax.runtime.progress import bar
from gan_jax.runtime.versions import versions
from gan_jax.sampling.generate import BATCH


def main(arguments: Sequence[str]) -> int:
    """Evaluates one checkpoint."""
    flags = _parse(arguments)
    folder = flags.workdir / 'results'
    _warn_unwritable(folder)
    run = trained.restore_from_flags(flags, num=flags.num, unaugmented=flags.unaugmented)
    evaluator = make_evaluator(run.setup, bar)
    settings, state = run.setup.settings, run.checkpoint.state
    asked = settings['evaluate']
    metrics = everything(settings) if flags.metrics is None else flags.metrics
    if not metrics:
        raise UserError(
            f'the config of {flags.workdir} names no metrics: give --metrics=a,b, see the README'
        )
    seed = settings['seed'] if flags.seed is None else flags.seed
    prepared = evaluator.prepare(metrics)
    count = prepared.num
    result = {
        **_values(evaluation.evaluate(run.setup, evaluator, [metrics], state, seed, bar)),
        'protocol': {
            **prepared.protocol,
            'num': count,
            'seed': seed,
            'labels': settings['latent']['labels'],
            'weights': asked['weights'],
            'batch_norm': asked['batch_norm'],
            'unaugmented': asked['unaugmented'],
            'batch': BATCH,
            'quantised': 'uint8',
        },
        'checkpoint': {
            'which': flags.step,
            'step': run.checkpoint.step,
            'digest': run.checkpoint.digest,
            'damaged': run.checkpoint.damaged,  # newer ones, which would have been taken
        },
        'classes': run.setup.reference.class_names,
        'config_sha256': json_digest(workdir.read_config(flags.workdir)),
        'training_seed': settings['seed'],
        'versions': versions(),
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }
    signals.check()
    for name, value in result['metrics'].items():
        print(f'{name}: {"not finite" if value is None else f"{value:.6g}"}')
    path = folder / _name(result)
    try:
        folder.mkdir(exist_ok=True)
        workdir.write_json(path, result)
    except OSError as error:
        raise UserError(
            f'cannot write {path}: {error.strerror}; the scores are printed and not kept',
            UNWRITABLE,
        ) from error
    print(f'step {run.checkpoint.step}, {count} images, seed {seed}: {path}')
    return os.EX_OK


def _warn_unwritable(folder: Path) -> None:
    """Warns of a folder that cannot be written to, before minutes are spent.

    Nothing is refused here: only writing itself shows for certain.
    """
    place = folder if folder.exists() else folder.parent
    if place.exists() and not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        print(
            f'gan_jax: {place} cannot be written to: the scores will be printed and not kept',
            file=sys.stderr,
        )


def _name(result: Mapping[str, Any]) -> str:
    """A file name that differs between protocols, by 64 bits of a digest of the protocol."""
    protocol = result['protocol']
    step, num, seed = result['checkpoint']['step'], protocol['num'], protocol['seed']
    return f'step_{step}_num_{num}_seed_{seed}_{json_digest(protocol)[:16]}.json'


def _values(metrics: Mapping[str, float]) -> dict[str, Any]:
    """The metrics as JSON, which has no number that is not finite: null, listed in 'not_finite'."""
    bad = {name: f'{value}' for name, value in metrics.items() if not math.isfinite(value)}
    values = {name: None if name in bad else value for name, value in metrics.items()}
    return {'metrics': values, **({'not_finite': bad} if bad else {})}


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.evaluate', __doc__)
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument(
        '--num',
        type=cli.within(config.VALUES['evaluate.num']),
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
        type=cli.within(config.VALUES['seed']),
        help='of the latents; by default as in the config',
    )
    return parser.parse_args(arguments)


if __name__ == '__main__':
    cli.run(main)
