"""Refusals of flags that a trained run has no answer to."""

import importlib.util
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gan_jax.experiment import averages
from gan_jax.exported import own_code
from gan_jax.exported.description import is_exported
from gan_jax.runtime import ranges
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.standing import has_batch_norm


def refuse_packages(allow: Collection[str], *folders: Path) -> None:
    """Raises UserError if --allow names a package that can nowhere be imported from.

    Nothing is imported.

    Args:
        allow: the values of the flag.
        *folders: of --workdir; an exported one may bring its own code.
    """
    for name in allow:
        top = name.partition('.')[0]
        files = [f / own_code.FOLDER / one for f in folders for one in (top, f'{top}.py')]
        if not any(file.exists() for file in files) and not _is_there(top):
            raise UserError(
                f"--allow is '{name}', and there is no such package: spell it as in the config's "
                'paths, and look whether PYTHONPATH leads to it'
            )


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def refuse_exported(folder: Path) -> None:
    """Raises UserError if a folder that is to be read as a run's is an exported generator's."""
    if is_exported(folder):
        raise UserError(
            f'{folder} is an exported generator, and this needs a run: give the workdir of one'
        )


def refuse_weights(weights: str, settings: Mapping[str, Any]) -> None:
    """Raises UserError if --weights names an average of the generator that a run cannot give.

    Args:
        weights: the value of the flag.
        settings: the resolved config of the run.
    """
    blocks, std = settings['averages'], averages.std_of(weights)
    if std is None and (words := ranges.instead(averages.weights(blocks), weights)):
        raise UserError(f'--weights is {ranges.quoted(weights)}, and this run has {words}')
    if std is not None and not averages.STD.holds(std):
        raise UserError(
            f"--weights is {ranges.quoted(weights)}: give 'std:' and {averages.STD}, such as "
            'std:0.08'
        )
    if std is not None and not averages.with_std(blocks):
        raise UserError(
            f'--weights is {weights}, and this run has no average of the generator with a std, of '
            'which others are made: train one with config.averages such as short=dict(std=0.05), '
            'long=dict(std=0.10)'
        )


def refuse_batch_norm(batch_norm: str | None, variables: Mapping[str, Any]) -> None:
    """Raises UserError if --batch_norm is given for a generator without BatchNorm.

    Args:
        batch_norm: the value of the flag.
        variables: of the generator.
    """
    if batch_norm and not has_batch_norm(variables):
        raise UserError(
            f'--batch_norm is {batch_norm}, and the generator of this run has no BatchNorm: '
            'leave it out'
        )
