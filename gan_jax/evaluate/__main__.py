"""Scores of a trained run: python -m gan_jax.evaluate --workdir=DIR

Prints the scores and writes them to DIR/results/*.json with all that they depend on. With --psi=X,Y
or --truncation=X,Y there is such a file for each, and DIR/results/step_N_psi.csv and .png of all.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.evaluate import curve, perceptual_path
from gan_jax.experiment import config
from gan_jax.experiment.schedule import everything
from gan_jax.experiment.setup import Setup, make_sampler
from gan_jax.run import evaluation, trained
from gan_jax.run.evaluation import make_evaluator
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import brackets, cli, files, signals, workdir
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.progress import bar
from gan_jax.runtime.ranges import POSITIVE, Number
from gan_jax.runtime.versions import commit, versions
from gan_jax.sampling import truncation
from gan_jax.sampling.generate import BATCH


def main(arguments: Sequence[str]) -> int:
    """Evaluates one checkpoint."""
    flags = _parse(arguments)
    folder = flags.workdir / 'results'
    _warn_unwritable(folder)
    run = trained.restore_from_flags(flags, num=flags.num, unaugmented=flags.unaugmented)
    evaluator = make_evaluator(run.setup, bar)
    settings, state = run.setup.settings, run.checkpoint.state
    metrics = everything(settings) if flags.metrics is None else flags.metrics
    if not metrics:
        raise UserError(
            f'the config of {flags.workdir} names no metrics: give --metrics=a,b, see the README'
        )
    seed = settings['seed'] if flags.seed is None else flags.seed
    axis, values = _truncations(flags)
    setups = [_truncated(run.setup, axis, value) for value in values]
    if axis:
        _refuse_paths(metrics)
    prepared, points = evaluator.prepare(metrics), []
    for setup, value in zip(setups, values, strict=True):
        found = evaluation.evaluate(setup, evaluator, [metrics], state, seed, bar)
        protocol = {'seed': seed, **prepared.protocol, **({axis: value} if axis else {})}
        result = _result(run, flags, found, {**protocol, 'num': prepared.num})
        signals.check()
        if len(values) > 1:
            print(f'{axis} {value:g}')
        for name, number in result['metrics'].items():
            print(f'{name}: {"not finite" if number is None else f"{number:.6g}"}')
        path = folder / _name(result)
        _write(path, lambda path=path, result=result: workdir.write_json(path, result))
        print(f'step {run.checkpoint.step}, {prepared.num} images, seed {seed}: {path}')
        points.append(curve.Point(value, result['metrics']))
    if len(values) > 1:
        _write_curve(folder / f'step_{run.checkpoint.step}_{axis}', axis, points)
    return os.EX_OK


def _result(
    run: trained.Trained,
    flags: argparse.Namespace,
    found: Mapping[str, float],
    protocol: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of a result file."""
    settings, asked = run.setup.settings, run.setup.settings['evaluate']
    return {
        **_values(found),
        'protocol': {
            **protocol,
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
        'commit': commit(),
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }


def _truncations(flags: argparse.Namespace) -> tuple[str, list[Any]]:
    """'psi' or 'truncation', and the values of that flag; '' and [None] without either."""
    given = [(axis, getattr(flags, axis)) for axis in ('psi', 'truncation')]
    return next(((axis, values) for axis, values in given if values), ('', [None]))


def _truncated(setup: Setup, axis: str, value: float | None) -> Setup:
    """The setup with images of a truncated generator."""
    if not axis:
        return setup
    gan = setup.experiment.gan
    if axis == 'psi':
        gan = gan._replace(generator=truncation.of_network(value, gan.generator))
    else:
        gan = gan._replace(latent=truncation.of_latent(value, gan.latent))
    experiment = setup.experiment._replace(gan=gan)
    return setup._replace(generate=make_sampler(experiment, setup.settings, setup.decoder))


def _refuse_paths(metrics: str) -> None:
    for name in brackets.split(metrics, ','):
        if perceptual_path.knows(name):
            raise UserError(f"'{name}' is not measured under truncation: leave out one of both")


def _write(path: Path, write: Callable[[], object]) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        write()
    except OSError as error:
        raise UserError(
            f'cannot write {path}: {error.strerror}; the scores are printed and not kept',
            UNWRITABLE,
        ) from error


def _replace(path: Path, content: bytes) -> None:
    with files.atomic_path(path) as partial:
        partial.write_bytes(content)


def _write_curve(stem: Path, axis: str, points: Sequence[curve.Point]) -> None:
    """Writes the table, and the figure if matplotlib is there."""
    contents = {'.csv': curve.table(axis, points).encode()}
    try:
        contents['.png'] = curve.render(axis, points)
    except ImportError:
        print("the figure is left out: matplotlib is missing; pip install 'gan_jax[plots]'")
    for ending, content in contents.items():
        path = stem.with_name(stem.name + ending)
        _write(path, lambda path=path, content=content: _replace(path, content))
        print(f'{axis}: {path}')


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


if __name__ == '__main__':
    cli.run(main)
