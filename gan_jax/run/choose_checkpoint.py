"""A workdir read back: its checked config, and the checkpoint that a command asks for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from gan_jax import data
from gan_jax.data.dataset import training_digest
from gan_jax.experiment.earlier import completed
from gan_jax.run import resume
from gan_jax.run.best import best_by
from gan_jax.run.refusals import refuse_exported
from gan_jax.runtime import output, workdir
from gan_jax.runtime.checkpoint import Check, Restored
from gan_jax.runtime.errors import DATA, MISSING, UserError


class Restore(Protocol):
    """`checkpoint.restore`, or a part of it, for a folder of checkpoints and a step."""

    def __call__(self, folder: Path, *, step: int | None, check: Check) -> Restored | None:
        """The newest sound checkpoint, or the one of `step`; None where there is none."""


def read_settings(
    folder: Path, faults: Callable[[Mapping[str, Any]], list[str]]
) -> Mapping[str, Any]:
    """The config of a workdir that may be from somebody else, or of an earlier version.

    Args:
        folder: the workdir.
        faults: settings -> everything wrong with what the command needs of them.

    Raises:
        UserError: there is no run, the workdir contains links, or the config has faults.
    """
    refuse_exported(folder)
    settings = completed(workdir.read_config(folder))
    workdir.refuse_links(folder)  # a pipe in a checkpoint would be waited for
    if wrong := faults(settings):
        raise UserError('\n'.join(f'{folder}/config.json: {fault}' for fault in wrong))
    return settings


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

    def check(metadata: Mapping[str, Any]) -> None:
        # Networks of another config have other leaves, and the fault would seem the code's.
        if changed := resume.differences(metadata['config'], settings):
            raise UserError(
                f'{folder}/config.json is not the config that this run was trained with: undo the '
                'changes\n' + '\n'.join(f'  {line}' for line in changed),
                DATA,
            )

    found = restore(place, step=wanted, check=check)
    if found is None:
        raise _missing(folder, step, settings)
    if resume.is_gone(newest, found):
        found = found._replace(damaged=[newest, *found.damaged])
    for damaged in found.damaged:
        output.note(
            f'the checkpoint of step {damaged} in {place} is damaged or gone; that of '
            f'step {found.step} is used'
        )
    return found


def refuse_other_images(
    folder: Path, name: str, dataset: data.DataSet, metadata: Mapping[str, Any]
) -> None:
    """Raises UserError (65) if a data set is not what a checkpoint was trained on.

    Args:
        folder: the workdir.
        name: of the data set.
        dataset: the images to train on.
        metadata: of the checkpoint.
    """
    if training_digest(dataset) != metadata['data']:
        raise UserError(
            f"the images of '{name}' are not those that {folder} was trained on: restore them, or "
            'give the folder that they lie in now by --data_dir=DIR',
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
