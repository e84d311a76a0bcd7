"""The checkpoint of a run that a command asks for: the last one, the best one, or a number."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from gan_jax.run import resume
from gan_jax.run.best import best_by
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.checkpoint import Restored
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.ranges import Text

STEP = Text(f'last|best|{workdir.STEP.pattern}', "a number, 'last' or 'best'")


class Restore(Protocol):
    """`checkpoint.restore`, or a part of it, for a folder of checkpoints and a step."""

    def __call__(self, folder: Path, *, step: int | None) -> Restored | None:
        """The newest sound checkpoint, or the one of `step`; None where there is none."""


def restore_step(
    folder: Path, step: str, settings: Mapping[str, Any], restore: Restore
) -> Restored:
    """The checkpoint of a run by name, which config.json describes.

    A checkpoint that is damaged or gone is named on standard error, where another takes its place.

    Args:
        folder: the workdir.
        step: a number, 'last', or 'best', see `best.best_by`.
        settings: its config, as config.json has it.
        restore: reads a checkpoint.

    Raises:
        UserError: there is no such checkpoint (66), or none any more (65), or config.json is not
            the config that it was trained with (65).
    """
    wanted = None if step in ('last', 'best') else int(step)
    place = folder / ('best' if step == 'best' else 'checkpoints')
    newest = resume.last_saved(folder) if step == 'last' else -1
    if (metadata := checkpoint.newest_metadata(place)) is not None:
        # First: networks of another config have other leaves, and the fault would seem the code's.
        _refuse_edits(folder, metadata, settings)
    found = restore(place, step=wanted)
    if found is None:
        raise _missing(folder, step, settings)
    if resume.is_gone(newest, found):
        found = found._replace(damaged=[newest, *found.damaged])
    for damaged in found.damaged:
        print(
            f'gan_jax: the checkpoint of step {damaged} in {place} is damaged or gone; that of '
            f'step {found.step} is used',
            file=sys.stderr,
        )
    _refuse_edits(folder, found.metadata, settings)
    return found


def _refuse_edits(folder: Path, metadata: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    if changed := resume.differences(metadata['config'], settings):
        raise UserError(
            f'{folder}/config.json is not the config that this run was trained with: undo the '
            'changes\n' + '\n'.join(f'  {line}' for line in changed),
            DATA,
        )


def _missing(folder: Path, step: str, settings: Mapping[str, Any]) -> UserError:
    if step == 'best':
        by = best_by(settings)
        why = f'{by} has not been measured yet' if by else 'its config.evaluate names no distance'
        return UserError(f'{folder} has kept no best checkpoint: {why}', MISSING)
    if resume.was_saved(folder):
        return UserError(
            f'{folder} has no checkpoint any more: restore one from a copy, or try --step=best',
            DATA,
        )
    return UserError(f'{folder} has no checkpoint yet: train it longer', MISSING)
