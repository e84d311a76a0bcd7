"""A run as its workdir tells of it; the workdir may be from somebody else, or damaged."""

import contextlib
import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.experiment.blocks import flat
from gan_jax.experiment.earlier import completed
from gan_jax.reports.curves import Curve, curves_of
from gan_jax.run import log
from gan_jax.run.refusals import refuse_exported
from gan_jax.runtime import workdir

LARGEST = 1_000_000  # bytes of such a file


class Scores(NamedTuple):
    """A file of scores.

    Attributes:
        content: an object with 'metrics', an object; the rest is of any content.
        figures: of the curves beside it, by their names.
    """

    content: Mapping[str, Any]
    figures: Mapping[str, Path]


class RunRecord(NamedTuple):
    """The content of a workdir.

    Attributes:
        name: by which the page calls the run.
        folder: the workdir.
        settings: the config, flat: {'optim.g.b1': 0.5}.
        status: as in status.json, of any content; {} if no run has begun.
        curves: of the log, by metric.
        left_out: how many metrics are left out.
        failures: sentences of metrics that failed.
        pictures: (step, file) of each picture of samples, ascending.
        results: the files of scores, in the order of their time.
        classes: the names of the classes.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    status: Mapping[str, Any]
    curves: Mapping[str, Curve]
    left_out: int
    failures: Sequence[str]
    pictures: Sequence[tuple[int, Path]]
    results: Sequence[Scores]
    classes: Sequence[str]

    @property
    def size(self) -> int | None:
        """Pixels of an image's side; None if the config does not say."""
        size = self.settings.get('data.size')
        return size if type(size) is int and size > 0 else None


def read_run(folder: Path, name: str) -> RunRecord:
    """The run in a workdir.

    Raises:
        UserError: there is no run (66) but an exported generator (2), config.json is damaged (65),
            or the workdir has links (65).
    """
    refuse_exported(folder)
    settings = completed(workdir.read_config(folder))
    workdir.refuse_links(folder)
    rows = []
    with contextlib.suppress(OSError):
        rows = log.read_rows(folder / log.NAME)
    curves, left_out = curves_of(rows)
    failed = [row['eval_failed'] for row in rows if isinstance(row.get('eval_failed'), str)]
    classes = _read_json(folder / 'classes.json')
    return RunRecord(
        name,
        folder,
        flat(settings),
        workdir.read_status(folder) or {},
        curves,
        left_out,
        [*dict.fromkeys(failed)],
        _pictures(folder),
        _results(folder),
        [one for one in classes.values() if isinstance(one, str)],
    )


def names_of(folders: Sequence[Path]) -> list[str]:
    """A name for each folder: its last part, or as many parts as tell them apart."""
    paths = [folder.absolute().parts for folder in folders]
    for count in range(1, max(map(len, paths))):
        names = ['/'.join(parts[-count:]) for parts in paths]
        if len({*names}) == len(names):
            return names
    return [str(folder) for folder in folders]


def _pictures(folder: Path) -> list[tuple[int, Path]]:
    found = [path for path in (folder / 'samples').glob('*.png') if path.stem.isdecimal()]
    return sorted((int(path.stem), path) for path in found)


def _results(folder: Path) -> list[Scores]:
    files = sorted((folder / 'results').glob('*.json'))
    read = [Scores(_read_json(path), _figures(path)) for path in files]
    found = [one for one in read if isinstance(one.content.get('metrics'), dict)]
    return sorted(found, key=lambda one: str(one.content.get('time', '')))


def _figures(path: Path) -> dict[str, Path]:
    """The figures that `evaluate.result.write_beside` has written beside a file of scores."""
    found = sorted(path.parent.glob(f'{glob.escape(path.stem)}_*.png'))
    return {one.stem.removeprefix(f'{path.stem}_'): one for one in found}


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object; {} if the file is missing, large or damaged."""
    with contextlib.suppress(OSError, ValueError):
        if path.stat().st_size <= LARGEST:
            return workdir.read_json(path)
    return {}
