"""`gan_jax.load_run`: what a run has written, as arrays."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.run import log
from gan_jax.runtime import workdir
from gan_jax.runtime.paths import expanded


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that is done or under way, as its workdir had it when it was loaded.

    Attributes:
        workdir: its folder.
        config: the resolved config, nested.
        status: 'status', 'step' and more, see `workdir.write_status`.
        rows: the log by name: 'step', int64 [N], and every number that some row has, such as
            'd/adversarial/real', float64 [N], NaN in rows that have none.
        checkpoints: the steps that are saved, ascending.
        best: the step of the best checkpoint; None without one.
    """

    workdir: Path
    config: Mapping[str, Any]
    status: Mapping[str, Any]
    rows: Mapping[str, np.ndarray]
    checkpoints: tuple[int, ...]
    best: int | None

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The steps and the values of a number, [M] each, without the rows that have none.

        Raises:
            KeyError: no row has it; names those that there are.
        """
        if name not in self.rows:
            raise KeyError(f'{name!r} is in no row of {self.workdir}: {", ".join(self.rows)}')
        there = np.isfinite(self.rows[name])
        return self.rows['step'][there], self.rows[name][there]


def load_run(folder: str | Path) -> Run:
    """The config, the log and the checkpoints of a run; no checkpoint is read, and no code is run.

    Args:
        folder: its workdir.

    Raises:
        UserError: there is no run in it, or its config.json is damaged.
    """
    place = expanded(folder)
    found = workdir.read_config(place)
    saved = workdir.steps(place / 'checkpoints')
    return Run(
        place,
        found,
        workdir.read_status(place) or {},
        _columns(log.read_rows(place / log.NAME)),
        tuple(sorted(saved)),
        max(workdir.steps(place / 'best'), default=None),
    )


def _columns(rows: list[log.Row]) -> dict[str, np.ndarray]:
    names = dict.fromkeys(n for row in rows for n, x in row.items() if _is_number(x))
    columns = {
        name: np.array([row[name] if _is_number(row.get(name)) else np.nan for row in rows], float)
        for name in names
    }
    return {**columns, 'step': np.array([row['step'] for row in rows], np.int64)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
