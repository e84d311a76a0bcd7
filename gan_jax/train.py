"""The training loop, and the command that runs it: `python -m gan_jax.train`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.train')

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gan_jax.experiment import config, summary
from gan_jax.experiment.dry_run import describe
from gan_jax.experiment.schedule import dispatch_length, due, evaluations, everything
from gan_jax.experiment.setup import Setup, build_setup
from gan_jax.flags.train import parse
from gan_jax.reports import training
from gan_jax.run import disk_space, log, preflight, resume, run
from gan_jax.run.evaluation import Evaluator, describe_metrics, make_evaluator
from gan_jax.run.next_commands import next_commands
from gan_jax.run.place import others_in, refuse_unfit
from gan_jax.run.start_from import refuse_own_workdir, start_from
from gan_jax.runtime import (
    callable_module,
    cli,
    determinism,
    distributed,
    output,
    sharding,
    signals,
    workdir,
)
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import bar

callable_module.calls(__name__, 'gan_jax.api.training.train')


def main(arguments: Sequence[str]) -> int:
    """Trains until config.steps, or until a signal asks it to save and stop."""
    # Config: all its faults are reported before anything is built.
    flags, overrides = parse(arguments)
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
        preflight.check(setup, flags.workdir, anew=flags.restart)
        if distributed.is_leader():
            numbers = summary.summary(setup)
            output.show(describe(setup, numbers))
            warnings = [*preflight.warnings(setup, flags.workdir)]
            for warning in warnings:
                output.show(f'warning: {warning}')
            output.show(describe_metrics(setup, evaluator))
            output.result(config=settings, **numbers, warnings=warnings)
        return os.EX_OK
    if flags.workdir is None:
        raise UserError('--workdir=DIR is missing: the folder that the run writes to')
    if distributed.is_leader():
        output.say(f'{settings["steps"]} steps in {flags.workdir}')
        output.say(summary.in_words(summary.summary(setup)))
    report = training.reporter(setup)
    stopped = train(setup, evaluator, flags.workdir, anew=flags.restart, report=report)
    if distributed.is_leader():
        output.result(workdir=flags.workdir, **_reached(flags.workdir))
        if not stopped:
            output.say(next_commands(flags.workdir, settings))
    return stopped


def train(
    setup: Setup,
    evaluator: Evaluator,
    folder: Path,
    *,
    anew: bool = False,
    report: Callable[[Path], object] = lambda folder: None,
    shown: bool = True,
    writers: Sequence[Any] = (),
    stopping: Callable[[], AbstractContextManager[Callable[[], int]]] = distributed.stop_together,
) -> int:
    """Trains a run in its workdir, from its newest checkpoint to its last step.

    Args:
        setup: the setup of the run.
        evaluator: the evaluator of the run.
        folder: the workdir.
        anew: begin at step 0, and set the run in the workdir aside.
        report: as in `run.opened`.
        shown: the progress is shown in the terminal.
        writers: further writers of metrics, see `runtime.writers`.
        stopping: a context that yields a function: the status to stop with, or 0.

    Returns:
        0 when the run is done; 129, 130 or 143 after a signal, when the step has been saved.

    Raises:
        UserError: the workdir cannot be used or holds another run, its disk has no room, the run
            has diverged, or the devices' memory is not enough.
    """
    settings, program = setup.settings, setup.program
    hyper, every = setup.experiment.hyper, setup.experiment.every
    refuse_unfit(folder, settings)
    if distributed.is_leader() and (others := others_in(folder)):
        output.note(others)
    evaluator.check(everything(settings))  # all faults, before minutes of preparation
    for metrics in evaluations(settings).values():
        evaluator.prepare(metrics)

    with distributed.lock_workdir(folder) as own, stopping() as stopped:
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
            output.say(f'{folder} goes on from step {step} of {settings["steps"]}')
        if ended := stopped():
            if distributed.is_leader():
                output.say(
                    f'stopped at step {step} in {folder}; the same command goes on from there'
                )
            return ended
        writing = run.opened(
            *(setup, evaluator, own, fingerprint, restored, stopped),
            shown=shown and distributed.is_leader(),
            writers=writers,
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


def _reached(folder: Path) -> dict[str, Any]:
    """The status of a run in its workdir, and its newest scores."""
    rows = [row for row in log.read_rows(folder / log.NAME) if any(map(_is_score, row))]
    newest = rows[-1] if rows else {}
    scores = {name: value for name, value in newest.items() if _is_score(name)}
    return {
        **(workdir.read_status(folder) or {}),
        'scores': scores,
        'scored_at': newest.get('step'),
    }


def _is_score(name: str) -> bool:
    return name.startswith('eval/')


if __name__ == '__main__':
    cli.run(main, saves=True)
