"""A result file: values of metrics as JSON, with all that they depend on; curves beside it."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_jax.evaluate import curve
from gan_jax.evaluate.curve import Curves
from gan_jax.runtime import environment, files, output
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


def write_beside(path: Path, curves: Mapping[str, Curves]) -> None:
    """Writes the curves of a result file beside it, as `write_curves` and before the file itself.

    A result that is there then has its curves.

    Args:
        path: of the result file; 'a.json' has its curves in 'a_NAME.csv' and 'a_NAME.png'.
        curves: by their names.
    """
    for name, one in curves.items():
        write_curves(path.with_name(f'{path.name.removesuffix(".json")}_{name}'), one)


def write_curves(stem: Path, curves: Curves) -> None:
    """Writes STEM.csv, and STEM.png if matplotlib is installed; files of an earlier call go.

    Raises:
        UserError: a file cannot be written (73).
    """
    table, figure = (stem.with_name(stem.name + ending) for ending in ('.csv', '.png'))
    _write_bytes(table, curve.table(curves).encode())
    try:
        content = curve.render(curves)
    except ImportError:
        # An earlier one would show other numbers than the table.
        write(figure, lambda: figure.unlink(missing_ok=True))
        output.say(f'the figure is left out: matplotlib is missing; {environment.install("plots")}')
    else:
        _write_bytes(figure, content)


def _write_bytes(path: Path, content: bytes) -> None:
    write(path, lambda: files.replace(path, content))
    output.say(f'curves: {path}')
