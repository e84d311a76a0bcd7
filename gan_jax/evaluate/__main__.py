"""The command that scores a trained run, or images: `python -m gan_jax.evaluate`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.evaluate')

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.evaluate import curve, equivariance, image_command, perceptual_path
from gan_jax.evaluate import result as result_file
from gan_jax.experiment import named_code
from gan_jax.experiment.schedule import everything
from gan_jax.experiment.setup import Setup, make_sampler
from gan_jax.flags.evaluate import parse
from gan_jax.run import evaluation, trained
from gan_jax.run.evaluation import make_evaluator
from gan_jax.runtime import brackets, cli, output, signals, workdir
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import bar
from gan_jax.runtime.versions import commit, versions
from gan_jax.sampling import truncation
from gan_jax.sampling.generate import BATCH


def main(arguments: Sequence[str]) -> int:
    """Evaluates one checkpoint, or images without a run."""
    flags = parse(arguments)
    if 'images' in flags:
        return image_command.main(flags)
    folder = flags.workdir / 'results'
    _warn_unwritable(folder)
    run = trained.restore_from_flags(flags, num=flags.num, unaugmented=flags.unaugmented)
    # Code that is named on the command line is the user's; the config of the workdir was read.
    allow = [*run.setup.allow, *named_code.modules(flags.metrics or '')]
    evaluator = make_evaluator(run.setup._replace(allow=allow), bar)
    settings, state = run.setup.settings, run.checkpoint.state
    metrics = everything(settings) if flags.metrics is None else flags.metrics
    if not any(brackets.split(metrics, ',')):
        named = f'the config of {flags.workdir}' if flags.metrics is None else '--metrics'
        raise UserError(
            f'{named} names no metrics: give --metrics=a,b, see docs/reference/metrics.md'
        )
    seed = settings['seed'] if flags.seed is None else flags.seed
    axis, values = _truncations(flags)
    setups = [_truncated(run.setup, axis, value, flags.psi_layers) for value in values]
    first = {} if flags.psi_layers is None else {'psi_layers': flags.psi_layers}
    if axis:
        _refuse_pairs(metrics)
    prepared, points, kept = evaluator.prepare(metrics), [], []
    for setup, value in zip(setups, values, strict=True):
        curves: dict[str, curve.Curves] = {}
        found = evaluation.evaluate(
            setup, evaluator, [metrics], state, seed, bar, keep=curves.__setitem__
        )
        protocol = {'seed': seed, **prepared.protocol, **({axis: value} if axis else {}), **first}
        result = _result(run, flags, found, {**protocol, 'num': prepared.num})
        signals.check()
        if len(values) > 1:
            output.show(f'{axis} {value:g}')
        result_file.show_values(result)
        points.append(curve.Point(value, result['metrics']))
        kept.append({'file': None, **result})
        output.result(results=kept)  # also if the file cannot be written
        path = folder / _name(result)
        result_file.write_beside(path, curves)
        result_file.write(path, lambda path=path, result=result: workdir.write_json(path, result))
        output.say(f'step {run.checkpoint.step}, {prepared.num} images, seed {seed}: {path}')
        kept[-1]['file'] = path
    if len(values) > 1:
        of = f'_{flags.psi_layers}_layers' if first else ''
        stem = folder / f'step_{run.checkpoint.step}_{axis}{of}'
        result_file.write_curves(stem, curve.of_points(axis, points))
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
        **result_file.values_of(found),
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


def _truncated(setup: Setup, axis: str, value: float | None, layers: int | None = None) -> Setup:
    """The setup with images of a truncated generator; `layers` as of `truncation.of_network`."""
    if not axis and layers is None:
        return setup
    gan = setup.experiment.gan
    psi, threshold = (value if axis == name else None for name in ('psi', 'truncation'))
    generator = truncation.of_network(psi, gan.generator, layers)
    gan = gan._replace(generator=generator, latent=truncation.of_latent(threshold, gan.latent))
    experiment = setup.experiment._replace(gan=gan)
    return setup._replace(generate=make_sampler(experiment, setup.settings, setup.decoder))


def _refuse_pairs(metrics: str) -> None:
    for name in brackets.split(metrics, ','):
        if perceptual_path.knows(name) or equivariance.knows(name):
            raise UserError(f"'{name}' is not measured under truncation: leave out one of both")


def _warn_unwritable(folder: Path) -> None:
    """Warns of a folder that cannot be written to, before minutes are spent.

    Nothing is refused here: only writing itself shows for certain.
    """
    place = folder if folder.exists() else folder.parent
    if place.exists() and not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        output.note(f'{place} cannot be written to: the scores will be printed and not kept')


def _name(result: Mapping[str, Any]) -> str:
    """A file name that differs between protocols, by 64 bits of a digest of the protocol."""
    protocol = result['protocol']
    step, num, seed = result['checkpoint']['step'], protocol['num'], protocol['seed']
    return f'step_{step}_num_{num}_seed_{seed}_{json_digest(protocol)[:16]}.json'


if __name__ == '__main__':
    cli.run(main)
