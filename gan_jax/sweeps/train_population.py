"""The training loop of several runs as one population, each in its own workdir.

A member writes the same files as a separate run, with the same numbers up to rounding.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.experiment.schedule import due
from gan_jax.experiment.setup import Setup
from gan_jax.run import disk_space, resume, run
from gan_jax.run.evaluation import Evaluator
from gan_jax.run.place import refuse_among_images
from gan_jax.runtime import output, workdir
from gan_jax.runtime.checkpoint import Restored
from gan_jax.runtime.errors import BUSY, DIVERGED, UserError
from gan_jax.runtime.signals import stop_on_signal
from gan_jax.state import TrainState
from gan_jax.sweeps.population import Population


class Ended(NamedTuple):
    """The outcome of training several runs.

    Attributes:
        stopped: 129, 130 or 143 if a signal came, after the step has been saved; else 0.
        failed: errors of runs that did not reach their last step, by name: diverged, damaged, or
            held by another process.
        apart: True if nothing was trained, since fewer than two runs could be, or the runs have no
            checkpoint of a common step.
    """

    stopped: int
    failed: Mapping[str, UserError] = {}
    apart: bool = False


def train_population(
    folder: Path,
    setups: Mapping[str, Setup],
    evaluator: Evaluator,
    population_of: Callable[[Sequence[Setup]], Population],
) -> Ended:
    """Trains runs together, from the newest step that all can resume from to their last step.

    A member that diverges is recorded as failed, and the others go on.

    Args:
        folder: the sweep's workdir, with a folder for each run.
        setups: setups of runs from `groups.members`, by the runs' names.
        evaluator: the evaluator of their group.
        population_of: from `shared.population_factory`.

    Raises:
        UserError: a workdir lies among the images or cannot be written, the disk is full or fails,
            or the data set is streamed from a disk.
    """
    for name, one in setups.items():
        refuse_among_images(folder / name, one.settings['data'])
    failed: dict[str, UserError] = {}
    with stop_on_signal() as stopped, contextlib.ExitStack() as files:
        setups = {n: one for n, one in setups.items() if _held(folder / n, n, files, failed)}
        if setups:
            disk_space.check_disk_space(folder, setups.values())
        fingerprint = {name: resume.fingerprint(one) for name, one in setups.items()}
        restored = _restored(folder, setups, fingerprint, failed)
        if len(restored) < 2:
            return Ended(0, failed, apart=True)

        # State: from the checkpoints, or a fresh start of all members.
        members = [setups[name] for name in restored]
        settings, population = members[0].settings, population_of(members)
        runs = {}
        for name, own in restored.items():
            opened = run.opened(
                setups[name],
                evaluator,
                folder / name,
                fingerprint[name],
                own,
                stopped,
                shown=not runs,
            )
            runs[name] = files.enter_context(opened)
        everyone = dict(enumerate(runs.values()))
        step, state = _start(population, [*restored.values()])

        while True:
            # Observe. Members are taken out of the population only if something is due.
            now = due(step, settings)
            if now:
                state = _on_step(population, [*runs.values()], state, step)
                best = {i: one for i, one in enumerate(runs.values()) if one.improved}
                _save(run.Run.save_best, population, best, state, step)
            if 'snapshot' in now:
                _save(run.Run.save_snapshot, population, everyone, state, step)

            # Save all or none. `stopped` is called once: a later signal waits for the next step.
            ending = stopped() or step == settings['steps']
            if ending or 'checkpoint' in now:
                _save(run.Run.save, population, everyone, state, step)
            if ending or all(one.failed for one in runs.values()):
                break

            # Step.
            state = population.update(state, step)
            step += 1
        for one in runs.values():
            with _failing_alone(one):
                one.finish()
    failed |= {name: one.failed for name, one in runs.items() if one.failed}
    return Ended(max(one.status for one in runs.values()), failed)


def _held(
    folder: Path, name: str, files: contextlib.ExitStack, failed: dict[str, UserError]
) -> bool:
    """Locks a run's workdir until `files` closes; False if another process holds it."""
    try:
        files.enter_context(workdir.locked(folder))
    except UserError as error:
        if error.status != BUSY:
            raise
        failed[name] = error
    return name not in failed


def _restored(
    folder: Path,
    setups: Mapping[str, Setup],
    fingerprint: Mapping[str, resume.Fingerprint],
    failed: dict[str, UserError],
) -> dict[str, Restored | None]:
    """The checkpoints of the newest common step, by name; None for each run at a fresh start.

    {} if there is no common step. Later checkpoints are removed, since they will be made again.
    """
    left = dict(setups)
    while left:
        saved = {name: workdir.steps(folder / name / 'checkpoints') for name in left}
        common = set.intersection(*saved.values())
        if any(saved.values()) and not common:
            break
        newest, found = max(common, default=None), {}
        try:
            for name, one in left.items():
                found[name] = resume.resume(one, folder / name, fingerprint[name], step=newest)
        except UserError as error:
            sound = workdir.steps(folder / name / 'checkpoints')
            if sound and sound != saved[name]:
                output.note(f'step {newest} is damaged; moved to {folder / name}/quarantine')
            else:  # a checkpoint of another experiment, or the last one of the run
                failed[name] = error
                del left[name]
            continue
        for name, steps in saved.items():
            _forget(folder / name, {step for step in steps if step > newest})
        return found
    return {}


def _forget(folder: Path, steps: Iterable[int]) -> None:
    for step in steps:
        shutil.rmtree(folder / 'checkpoints' / str(step))


def _start(population: Population, restored: Sequence[Restored | None]) -> tuple[int, TrainState]:
    if restored[0] is None:
        return 0, population.init()
    return restored[0].step, population.stack([one.state for one in restored])


def _on_step(
    population: Population, runs: Sequence[run.Run], state: TrainState, step: int
) -> TrainState:
    """Calls `on_step` of every member; returns the state, with metrics reset where they ended."""
    windows = []
    for i, one in enumerate(runs):
        # On the device of a separate run, so that sampling and evaluation compile for one device.
        own = jax.device_put(population.member(state, i), jax.local_devices()[0])
        with _failing_alone(one):
            if one.on_step(own, step):
                own = own.replace(metrics=jax.tree.map(jnp.zeros_like, own.metrics))
        windows.append(own.metrics)
    return state.replace(metrics=population.stack(windows))


def _save(
    save: Callable[[run.Run, TrainState, int], None],
    population: Population,
    runs: Mapping[int, run.Run],
    state: TrainState,
    step: int,
) -> None:
    for i, one in runs.items():
        with _failing_alone(one):
            save(one, population.member(state, i), step)


@contextlib.contextmanager
def _failing_alone(one: run.Run) -> Iterator[None]:
    """Records the divergence of a member inside, so that the other members go on."""
    try:
        yield
    except UserError as error:
        if error.status != DIVERGED:
            raise
        one.fail(error)
