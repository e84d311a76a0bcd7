"""Trains the experiment of a config: python -m gan_jax.train --config=FILE --workdir=DIR

The same command again resumes the run from its last checkpoint, bit for bit.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.experiment import config, named_code
from gan_jax.experiment.dry_run import describe
from gan_jax.experiment.flags import config_parser, parse_config
from gan_jax.experiment.schedule import dispatch_length, due, evaluations, everything
from gan_jax.experiment.setup import Setup, build_setup
from gan_jax.reports import training
from gan_jax.run import disk_space, resume, run
from gan_jax.run.evaluation import Evaluator, describe_metrics, make_evaluator
from gan_jax.run.place import refuse_among_images
from gan_jax.run.start_from import refuse_own_workdir, start_from
from gan_jax.runtime import cli, determinism, distributed, sharding, signals
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import bar

NEXT = """\
  pictures     {folder}/samples/
  report       {folder}/report.html
  numbers      {folder}/metrics.jsonl, tensorboard {logdir}
  more images  python -m gan_jax.sample {run} --num=64 --out=grid.png"""
EVALUATION = '\n  evaluation   python -m gan_jax.evaluate {run}'


def main(arguments: Sequence[str]) -> int:
    """Trains until config.steps, or until a signal asks it to save and stop."""
    # Config: all its faults are reported before anything is built.
    flags, overrides = _parse(arguments)
    if flags.deterministic:
        determinism.require()  # before the config, which is Python and may use a device
    settings = json.loads(config.load_config(flags.config, overrides).to_json())

    # Processes: one, unless a scheduler or --cluster says otherwise.
    distributed.join(flags.cluster or '')

    # Setup: data, devices, networks, terms. Nothing is compiled, and there is nothing to save yet.
    setup = build_setup(settings, outline=flags.dry_run)
    evaluator = make_evaluator(setup, bar)
    signals.check()
    if flags.dry_run:
        if distributed.is_leader():
            print(describe(setup), flush=True)
            print(describe_metrics(setup, evaluator))
        return os.EX_OK
    if flags.workdir is None:
        raise UserError('--workdir=DIR is missing: the folder that the run writes to')
    report = training.reporter(setup)
    stopped = train(setup, evaluator, flags.workdir, anew=flags.restart, report=report)
    if not stopped and distributed.is_leader():
        print(_what_next(flags.workdir, settings))
    return stopped


def train(
    setup: Setup,
    evaluator: Evaluator,
    folder: Path,
    *,
    anew: bool = False,
    report: Callable[[Path], object] = lambda folder: None,
) -> int:
    """Trains a run in its workdir, from its newest checkpoint to its last step.

    Args:
        setup: the setup of the run.
        evaluator: the evaluator of the run.
        folder: the workdir.
        anew: begin at step 0, and set the run in the workdir aside.
        report: as in `run.opened`.

    Returns:
        0 when the run is done; 129, 130 or 143 after a signal, when the step has been saved.

    Raises:
        UserError: the workdir cannot be used or holds another run, its disk has no room, the run
            has diverged, or the devices' memory is not enough.
    """
    settings, program = setup.settings, setup.program
    hyper, every = setup.experiment.hyper, setup.experiment.every
    refuse_among_images(folder, settings['data'])
    evaluator.check(everything(settings))  # all faults, before minutes of preparation
    for metrics in evaluations(settings).values():
        evaluator.prepare(metrics)

    with distributed.lock_workdir(folder) as own, distributed.stop_together() as stopped:
        distributed.broadcast_json(lambda: disk_space.check_disk_space(folder, [setup]))
        # State: the newest valid checkpoint of the same experiment, or a fresh start.
        if anew:
            refuse_own_workdir(settings, folder)
            resume.set_aside(folder)
        fingerprint = resume.fingerprint(setup)
        with distributed.guard_peers():
            restored = resume.resume(setup, folder, fingerprint)
        step = restored.step if restored else 0
        if 0 < step < settings['steps'] and distributed.is_leader():
            print(f'{folder} goes on from step {step} of {settings["steps"]}', flush=True)
        if ended := stopped():
            if distributed.is_leader():
                print(f'stopped at step {step} in {folder}; the same command goes on from there')
            return ended
        writing = run.opened(
            *(setup, evaluator, own, fingerprint, restored, stopped),
            shown=distributed.is_leader(),
            report=report,
        )
        with writing as opened, distributed.guard_peers():
            if restored:
                state = sharding.place(restored.state, program.shapes)
            else:
                generator = start_from(settings, program.init_generator(hyper))
                opened.draw_first(generator)  # before the rest is compiled
                state = start_from(settings, program.init(hyper, generator))
            while True:
                # Observe: log, sample, evaluate.
                if opened.on_step(state, step):
                    state = state.replace(metrics=program.reset(state.metrics))

                # Save. `stopped` is called once: a later signal waits for the next step.
                ending = stopped() or step == settings['steps']
                opened.save_best(state, step)
                opened.save_snapshot(state, step)
                if ending or 'checkpoint' in due(step, settings):
                    opened.save(state, step)
                if ending:
                    break

                # Step: one, or several in one dispatch if nothing is due between them.
                count = dispatch_length(step, setup.steps_per_dispatch, settings, every)
                state = program.update(state, step, hyper, count)
                step += count
        return opened.status


def _what_next(folder: Path, settings: Mapping[str, Any]) -> str:
    """The folders and next commands for a finished run, quoted for a shell.

    The commands allow the packages that the config names, which this run has executed already.
    """
    allowed = [f'--allow={package}' for package in named_code.outside(settings)]
    run = shlex.join([f'--workdir={folder}', *allowed])
    quoted = shlex.quote(str(folder))
    said = NEXT + (EVALUATION if everything(settings) else '')
    return said.format(folder=quoted, logdir=shlex.quote(f'--logdir={folder}'), run=run)


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = config_parser('train', __doc__)
    parser.add_argument(
        '--workdir',
        metavar='DIR',
        type=cli.path,
        help='where the run writes, and resumes from',
    )
    parser.add_argument(
        '--cluster',
        metavar='HOST:PORT,I/N',
        type=cli.named,
        help='process I of N; detect: ask JAX',
    )
    parser.add_argument(
        '--restart', action='store_true', help='set aside what the workdir holds, and begin again'
    )
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='on a GPU: the same bits in every process, so that a run resumes bit for bit',
    )
    parser.add_argument('--dry_run', action='store_true', help='say what would be done, and stop')
    parser.add_argument(
        '--data_dir',
        metavar='DIR',
        type=cli.named,
        help='where the data lie; short for --config.data.dir=DIR',
    )
    flags, overrides = parse_config(parser, arguments)
    if flags.data_dir is not None:
        overrides.append(f'--config.data.dir={flags.data_dir}')
    return flags, overrides


if __name__ == '__main__':
    cli.run(main, saves=True)
