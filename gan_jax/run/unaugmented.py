"""Images of models that were trained without augmentation; they calibrate the leak meter."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax import data, views
from gan_jax.evaluate.context import Unaugmented
from gan_jax.experiment import config
from gan_jax.experiment.setup import Setup
from gan_jax.run import posthoc, trained
from gan_jax.runtime import checkpoint, output, workdir
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.progress import Progress, no_progress

DEPTH = 3  # levels of folders that are searched for runs; more could walk a whole disk


def fakes(
    folder: Path,
    count: int,
    evaluated_config: Mapping[str, Any],
    reference: data.DataSet,
    *,
    allow: Collection[str] = (),
    progress: Progress = no_progress,
) -> list[Unaugmented]:
    """Images of every valid checkpoint of every finished run below a folder, such as a sweep's.

    Runs lie at most `DEPTH` folders below it. A run with the config of the evaluated run is left
    out, since a run must not calibrate itself.

    Args:
        folder: folder of the runs' workdirs.
        count: number of images of each checkpoint; 0 only checks the runs.
        evaluated_config: the settings of the evaluated run; images are drawn with its options.
        reference: the train split of the evaluated run; the runs must have the same.
        allow: packages whose code the runs' configs may name, as in `trained.restore_run`.
        progress: reports the drawing.

    Returns:
        The models, named by their folders.

    Raises:
        UserError: there are no such runs, or a run cannot be read, was trained on other images, or
            was trained with augmentation.
    """
    runs = [run for run in _finished(folder) if not _same(run, evaluated_config)]
    if not runs:
        raise UserError(f'the folder of unaugmented models, {folder}, has no finished run', MISSING)
    asked = {name: evaluated_config['evaluate'][name] for name in ('weights', 'batch_norm')}
    options = {'data_dir': evaluated_config['data']['dir'] or None, 'evaluate': asked}
    digest, found = data.digest(reference), []
    with progress(f'images of {len(runs)} unaugmented models') as tick:
        for run in runs:
            with _named(run):
                setup, _ = trained.restore_run(run, 'last', allow, **options)
            _refuse(run, setup, digest)
            found.append(_drawn(run, setup, count))
            tick(len(found), len(runs))
    return found


@contextlib.contextmanager
def _named(run: Path) -> Iterator[None]:
    """Marks errors inside as errors of an unaugmented model, not of the evaluated run."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f'the unaugmented model in {run} cannot calibrate anything: {error}; mend it, or move '
            'it out of that folder',
            error.status,
        ) from error


def _finished(folder: Path) -> list[Path]:
    patterns = ['*/' * depth + 'status.json' for depth in range(DEPTH + 1)]
    runs = sorted({path.parent for pattern in patterns for path in folder.glob(pattern)})
    kept = [run for run in runs if workdir.EARLIER not in run.relative_to(folder).parts]
    return [run for run in kept if (workdir.read_status(run) or {}).get('status') == 'done']


def _same(run: Path, evaluated_config: Mapping[str, Any]) -> bool:
    with _named(run):
        return not config.differences(workdir.read_config(run), evaluated_config)


def _refuse(run: Path, setup: Setup, digest: str) -> None:
    if data.digest(setup.reference) != digest:
        raise UserError(f'{run} was trained on other images, and calibrates nothing here')
    gan, terms = setup.experiment.gan, setup.experiment.terms.values()
    objectives = [one for term in terms for one in (term.d, term.g) if one is not None]
    shown = [view for objective in objectives for view in objective.views.values()]
    augmented = any(view.make is not views.plain for view in shown)
    if augmented or gan.augment.real or gan.augment.critic:
        raise UserError(
            f'{run} was trained with augmentation, and what it leaks would be taken for what bad '
            'images look like: give a folder with runs of method=none alone'
        )


def _drawn(run: Path, setup: Setup, count: int) -> Unaugmented:
    folder, found, images = run / 'checkpoints', [], []
    for step in sorted(workdir.steps(folder)) if count else ():
        try:
            one = checkpoint.restore(folder, setup.program.shapes, step=step)
        except checkpoint.AllDamaged:
            output.note(f'step {step} in {folder} is damaged and left out')
            continue
        weights = setup.settings['evaluate']['weights']
        state = posthoc.completed(run, one.state, setup.settings, weights)
        batches = setup.generate(state, setup.settings['seed'], range(count))
        images.append(np.concatenate(list(batches)))
        found.append({'step': one.step, 'digest': one.digest})
    return Unaugmented(str(run), found, images)
