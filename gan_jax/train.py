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

from gan_jax import checkpoint, cli, config, data, observe, workdir
from gan_jax.dry_run import describe
from gan_jax.errors import UserError
from gan_jax.generate import make_generate
from gan_jax.parts import Parts, assemble
from gan_jax.signals import stop_on_signal
from gan_jax.writers import JsonlWriter, TensorBoardWriter, TerminalWriter, Writers

NEXT = """\
  pictures     {folder}/samples/
  numbers      {folder}/metrics.jsonl, tensorboard --logdir={folder}
  more images  python -m gan_jax.sample --workdir={folder} --num=64 --out=grid.png
  evaluation   python -m gan_jax.evaluate --workdir={folder}"""


def main(arguments: Sequence[str]) -> int:
    """Trains until config.steps, or until a signal asks it to save and stop."""
    # Config: everything that is wrong with it, before anything is built.
    flags, overrides = _parse(arguments)
    settings = json.loads(config.read(flags.config, overrides).to_json())

    # Parts: data, devices, networks, terms. Nothing is compiled yet.
    parts = assemble(settings)
    if flags.dry_run:
        print(describe(parts))
        return os.EX_OK
    if flags.workdir is None:
        raise UserError('--workdir=DIR is missing: the folder that the run writes to')
    stopped = train(parts, Path(flags.workdir))
    if not stopped:
        print(NEXT.format(folder=flags.workdir))
    return stopped


def train(parts: Parts, folder: Path) -> int:
    """Trains a run in its workdir from where it is to its last step.

    Returns:
        0 when it is done; 130 or 143 when a signal came, after the step has been saved.

    Raises:
        UserError: the workdir cannot be used or holds another run, or the run has diverged.
    """
    settings, dataset, program = parts.settings, parts.dataset, parts.program
    game, *_, hyper = parts.experiment
    steps, every, seed = settings['steps'], settings['every'], settings['seed']
    evaluation = parts.evaluation(settings['evaluate']['metrics'])
    generate = make_generate(
        game.generator, latent_dim=game.latent_dim, num_classes=game.num_classes
    )

    with workdir.locked(folder), stop_on_signal() as stopped, contextlib.ExitStack() as open_files:
        # State: the newest valid checkpoint of this very experiment, or a fresh start.
        facts = {'config': settings, 'data': data.digest(dataset)}
        restored = _resume(folder, program.shapes, facts)
        state = restored.state if restored else program.init(hyper)
        step = saved = restored.step if restored else 0
        # Whether everything that is due at this step has been written. A signal during an
        # evaluation leaves it undone, and the resumed run does it first.
        seen = bool(restored and restored.facts['seen'])
        workdir.write_json(folder / 'config.json', settings)
        if parts.subset is not None:
            workdir.write_json(folder / 'subset.json', parts.subset.tolist())
        workdir.write_status(folder, 'running', step)
        open_files.enter_context(_report_failure(folder, lambda: step))
        writers = _writers(folder, steps, settings, since=step if seen else step - 1)
        open_files.callback(writers.close)
        checkpoints = open_files.enter_context(checkpoint.manager(folder / 'checkpoints'))
        mark = time.monotonic(), step

        while True:
            # Look. At most one row of metrics.jsonl for a step: a resumed run must write the same.
            last = step == steps
            if not seen:
                row, logging = {}, step > 0 and (last or step % every['log'] == 0)
                if logging:
                    row |= observe.means(state.metrics, step) | observe.rates(
                        mark, step, settings['d_steps'] * settings['batch_size']
                    )
                if last or observe.picture_due(step, every['sample']):
                    observe.write_picture(
                        folder, step, generate(state.ema, seed, observe.GRID), writers
                    )
                if last or step % every['evaluate'] == 0:
                    batches = generate(state.ema, seed, settings['evaluate']['num'])
                    images = observe.collect(batches, stopped)
                    if images is not None:
                        values = evaluation.measure(images, state.d.variables)
                        row |= {f'eval/{name}': value for name, value in values.items()}
                seen = not stopped()
                if seen and row:
                    writers.write_scalars(step, row)
                    mark = time.monotonic(), step
                if seen and logging:
                    state = state.replace(metrics=program.reset(state.metrics))

            # Save.
            due = last or (step > 0 and step % every['checkpoint'] == 0)
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
        if stopped():
            print(f'saved step {step} in {folder}; the same command goes on from there', flush=True)
        else:
            print(f'done: {step} steps in {folder}', flush=True)
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
            workdir.write_status(folder, 'failed', step(), reason=str(error), exit=error.status)
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


if __name__ == '__main__':
    cli.run(main)
