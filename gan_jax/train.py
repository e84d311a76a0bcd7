"""Trains the experiment of a config: python -m gan_jax.train --config=FILE --workdir=DIR

Typing the same command again resumes the run from its last checkpoint, bit for bit.
"""

import argparse
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax import checkpoint, cli, config, data, observe, sharding, workdir
from gan_jax.dry_run import describe
from gan_jax.errors import DATA, UserError
from gan_jax.evaluate import protocol
from gan_jax.experiment import build
from gan_jax.generate import make_generate
from gan_jax.program import make_program
from gan_jax.signals import stop_on_signal
from gan_jax.writers import JsonlWriter, TensorBoardWriter, TerminalWriter, Writers


def main(arguments: Sequence[str]) -> int:
    """Trains until config.steps, or until a signal asks it to save and stop."""
    # Config: everything that is wrong with it, before anything is built.
    flags, overrides = _parse(arguments)
    c = config.read(flags.config, overrides)
    settings = json.loads(c.to_json())

    # Parts: data, devices, networks, terms. Nothing is compiled yet.
    dataset = data.load(c.data.name, size=c.data.size)
    _check_size(dataset, c.batch_size)
    mesh = sharding.make_mesh(c.mesh.data, c.batch_size)
    names = [name for name in c.evaluate.metrics.split(',') if name]
    with _as_sentences():
        game, *_, hyper = experiment = build(
            settings, shape=dataset.images.shape[1:], num_classes=dataset.num_classes
        )
        program = make_program(
            experiment, dataset, mesh, batch_size=c.batch_size, d_steps=c.d_steps
        )
    if flags.dry_run:
        print(describe(settings, experiment, program))
        return os.EX_OK
    if flags.workdir is None:
        raise UserError('--workdir=DIR is missing: the folder that the run writes to')
    evaluation = protocol.prepare(names, c.data.name, c.data.size)
    generate = make_generate(
        game.generator, latent_dim=game.latent_dim, num_classes=game.num_classes
    )

    folder = Path(flags.workdir)
    with workdir.locked(folder), stop_on_signal() as stopped, contextlib.ExitStack() as open_files:
        # State: the newest valid checkpoint of this very experiment, or a fresh start.
        facts = {'config': settings, 'data': data.digest(dataset)}
        restored = _resume(folder, program.shapes, facts)
        state = restored.state if restored else program.init()
        step = saved = restored.step if restored else 0
        # Whether everything that is due at this step has been written. A signal during an
        # evaluation leaves it undone, and the resumed run does it first.
        seen = bool(restored and restored.facts['seen'])
        workdir.write_json(folder / 'config.json', settings)
        workdir.write_status(folder, 'running', step)
        open_files.enter_context(_report_failure(folder, lambda: step))
        writers = _writers(folder, c.steps, settings, since=step if seen else step - 1)
        open_files.callback(writers.close)
        checkpoints = open_files.enter_context(checkpoint.manager(folder / 'checkpoints'))
        mark = time.monotonic(), step

        while True:
            # Look. At most one row of metrics.jsonl for a step: a resumed run must write the same.
            last = step == c.steps
            if not seen:
                row, logging = {}, step > 0 and (last or step % c.every.log == 0)
                if logging:
                    row |= observe.means(state.metrics, step) | observe.rates(
                        mark, step, c.d_steps * c.batch_size
                    )
                if last or observe.picture_due(step, c.every.sample):
                    observe.write_picture(
                        folder, step, generate(state.ema, c.seed, observe.GRID), writers
                    )
                if last or step % c.every.evaluate == 0:
                    images = observe.collect(generate(state.ema, c.seed, c.evaluate.num), stopped)
                    if images is not None:
                        values = evaluation.measure(images)
                        row |= {f'eval/{name}': value for name, value in values.items()}
                seen = not stopped()
                if seen and row:
                    writers.write_scalars(step, row)
                    mark = time.monotonic(), step
                if seen and logging:
                    state = state.replace(metrics=program.reset(state.metrics))

            # Save.
            due = last or (step > 0 and step % c.every.checkpoint == 0)
            if step != saved and (due or stopped()):
                checkpoint.save(checkpoints, state, {**facts, 'seen': seen})
                saved = step
            if stopped() or last:
                break

            # Step.
            state = program.update(state, step, hyper)
            step, seen = step + 1, False

        writers.close()  # the live bar ends before the last words
        workdir.write_status(folder, 'stopped' if stopped() else 'done', step)
        print(_farewell(folder, step, stopped()), flush=True)
        return stopped()


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        'python -m gan_jax.train',
        description=__doc__,
        epilog='--config.KEY=VALUE overrides one value; --debug shows tracebacks.',
        allow_abbrev=False,
    )
    parser.add_argument('--config', required=True, metavar='FILE[:ARGUMENTS]')
    parser.add_argument('--workdir', metavar='DIR', help='where the run writes, and resumes from')
    parser.add_argument('--dry_run', action='store_true', help='say what would be done, and stop')
    flags, rest = parser.parse_known_args(arguments)
    overrides = [a for a in rest if a.startswith(('--config.', '--noconfig.'))]
    for argument in rest:
        if argument not in overrides:
            parser.error(f'unknown argument {argument}; overrides are --config.key=value')
    return flags, overrides


def _check_size(dataset: data.DataSet, batch_size: int) -> None:
    if len(dataset.images) < batch_size:
        raise UserError(
            f"'{dataset.name}' has {len(dataset.images)} images, fewer than config.batch_size "
            f'{batch_size}: make the batch smaller',
            DATA,
        )


@contextlib.contextmanager
def _as_sentences() -> Iterator[None]:
    """Parts that do not fit together are the config's fault, whoever's code says so."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise UserError(f'the config does not work: {error}') from error


def _resume(folder: Path, shapes: Any, facts: Mapping[str, Any]) -> checkpoint.Restored | None:
    checkpoints = folder / 'checkpoints'
    if (folder / 'config.json').exists() and any(checkpoints.glob('[0-9]*')):
        _refuse_changes(folder, workdir.read_config(folder), facts['config'])
    restored = checkpoint.restore(checkpoints, shapes, quarantine=True)
    if restored is None:
        return None
    for step in restored.damaged:
        print(f'gan_jax: the checkpoint of step {step} is damaged; moved to {folder}/quarantine')
    _refuse_changes(folder, restored.facts['config'], facts['config'])
    if restored.facts['data'] != facts['data']:
        raise UserError(
            f'the images of config.data are not those that {folder} was trained on: '
            'restore them, or start again with another --workdir'
        )
    return restored


def _refuse_changes(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = config.differences(old, new)
    if changed:
        raise UserError(
            f'{folder} holds a run of another config; give it back, or choose another --workdir:\n'
            + '\n'.join(f'  {line}' for line in changed)
        )


@contextlib.contextmanager
def _report_failure(folder: Path, step: Callable[[], int]) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        with contextlib.suppress(OSError):
            workdir.write_status(folder, 'failed', step(), reason=str(error))
        raise


def _writers(folder: Path, steps: int, settings: Mapping[str, Any], *, since: int) -> Writers:
    writers = Writers(
        [
            JsonlWriter(folder / 'metrics.jsonl', since),
            TensorBoardWriter(folder / 'tensorboard', since),
            TerminalWriter(steps, max(since, 0)),
        ]
    )
    writers.write_hparams(settings)
    return writers


def _farewell(folder: Path, step: int, stopped: int) -> str:
    if stopped:
        return f'saved step {step} in {folder}; the same command goes on from there'
    return '\n'.join(
        [
            f'done: {step} steps in {folder}',
            f'  pictures     {folder}/samples/',
            f'  numbers      {folder}/metrics.jsonl, tensorboard --logdir={folder}',
            f'  more images  python -m gan_jax.sample --workdir={folder} --num=64 --out=grid.png',
            f'  evaluation   python -m gan_jax.evaluate --workdir={folder}',
        ]
    )


if __name__ == '__main__':
    cli.run(main)
