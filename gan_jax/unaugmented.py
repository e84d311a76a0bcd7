"""Fakes of models that were trained without augmentation, which calibrate the leak meter."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from gan_jax import checkpoint, trained, views, workdir
from gan_jax.errors import MISSING, UserError
from gan_jax.evaluate.contract import Watch, unwatched
from gan_jax.parts import Parts


def fakes(
    folder: Path, count: int, allow: Collection[str] = (), watch: Watch = unwatched
) -> list[list[np.ndarray]]:
    """Images of every checkpoint of every run below a folder, such as that of a sweep's arm.

    Args:
        folder: of the runs' workdirs, or one of them.
        count: images of a checkpoint.
        allow: packages that their configs may name, as in `trained.read`.
        watch: the drawing.

    Returns:
        For each run, by name, uint8 [count, H, W, C] of each of its checkpoints.

    Raises:
        UserError: there are no runs, or one shows its discriminator augmented images.
    """
    runs = sorted(path.parent for path in folder.rglob('config.json'))
    if not runs:
        raise UserError(f'config.evaluate.unaugmented: {folder} has no runs in it', MISSING)
    found = []
    with watch(f'images of {len(runs)} unaugmented models') as tick:
        for run in runs:
            found.append(_drawn(run, count, allow))
            tick(len(found), len(runs))
    return found


def _drawn(run: Path, count: int, allow: Collection[str]) -> list[np.ndarray]:
    parts, newest = trained.read(run, 'last', allow)
    if _augments(parts):
        raise UserError(
            f'config.evaluate.unaugmented: {run} was trained with augmentation, and what it leaks '
            'would be taken for what bad images look like: give runs of method=none'
        )
    drawn = []
    for step in sorted(workdir.steps(run / 'checkpoints')):
        found = newest
        if step != newest.step:
            found = checkpoint.restore(run / 'checkpoints', parts.program.shapes, step=step)
        batches = parts.generate(found.state, parts.settings['seed'], range(count))
        drawn.append(np.concatenate(list(batches)))
    return drawn


def _augments(parts: Parts) -> bool:
    """Whether the discriminator was shown anything but images as they are."""
    game, terms = parts.experiment.game, parts.experiment.terms.values()
    objectives = [one for term in terms for one in (term.d, term.g) if one is not None]
    shown = [view for objective in objectives for view in objective.views.values()]
    return bool(game.augment.real or game.augment.critic) or any(
        view.make is not views.plain for view in shown
    )
