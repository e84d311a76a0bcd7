"""A result file: values of metrics as JSON, written beside all that they depend on."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_jax.runtime import output
from gan_jax.runtime.errors import UNWRITABLE, UserError


def values_of(metrics: Mapping[str, float]) -> dict[str, Any]:
    """The metrics as JSON, which has no number that is not finite: null, listed in 'not_finite'."""
    bad = {name: f'{value}' for name, value in metrics.items() if not math.isfinite(value)}
    values = {name: None if name in bad else value for name, value in metrics.items()}
    return {'metrics': values, **({'not_finite': bad} if bad else {})}


def show_values(result: Mapping[str, Any]) -> None:
    """Shows the metrics of a result, a line each."""
    for name, number in result['metrics'].items():
        output.show(f'{name}: {"not finite" if number is None else f"{number:.6g}"}')


def write(path: Path, write: Callable[[], object]) -> None:
    """Calls `write`, with the folder of the path made first.

    Raises:
        UserError: the file cannot be written (73).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        raise UserError(
            f'cannot write {path}: {error.strerror}; the scores are printed and not kept',
            UNWRITABLE,
        ) from error
