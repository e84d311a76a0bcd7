"""The scores of one checkpoint that a workdir keeps: result files, and the row of its log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.run import log
from gan_jax.runtime.workdir import read_json

EVALUATED = 'eval/'


class Scores(NamedTuple):
    """Metrics of one checkpoint that were measured together.

    Attributes:
        source: the file that they stand in, within the workdir.
        metrics: name -> number; None is one that was not finite.
        protocol: all that the numbers depend on; of a row of the log what the config says.
    """

    source: str
    metrics: Mapping[str, float | None]
    protocol: Mapping[str, Any]


def of_checkpoint(
    folder: Path, settings: Mapping[str, Any], *, step: int, weights: str, batch_norm: str
) -> list[Scores]:
    """The scores of some weights of a checkpoint, result files first, in the order of their names.

    Damaged files, scores of a truncated generator, and what the log says again are left out.

    Args:
        folder: the workdir.
        settings: its resolved config.
        step: of the checkpoint.
        weights: name of the average.
        batch_norm: the statistics of BatchNorm.
    """
    wanted = {'weights': weights, 'batch_norm': batch_norm}
    found = [
        one
        for file in sorted((folder / 'results').glob('*.json'))
        if (one := _result(folder, file, step)) is not None
        and wanted.items() <= one.protocol.items()
        and not {'psi', 'truncation'} & one.protocol.keys()
    ]
    asked = settings['evaluate']
    if {name: asked[name] for name in wanted} == wanted:
        found += [*_not_among(found, _logged(folder, settings, step))]
    return found


def _not_among(found: Sequence[Scores], logged: Iterable[Scores]) -> Iterator[Scores]:
    """The logged scores without those that a result file has by the same protocol."""
    for one in logged:
        same = [other for other in found if one.protocol.items() <= other.protocol.items()]
        told = {name for other in same for name in other.metrics}
        if rest := {name: value for name, value in one.metrics.items() if name not in told}:
            yield one._replace(metrics=rest)


def _result(folder: Path, file: Path, step: int) -> Scores | None:
    try:
        found = read_json(file)
        if found['checkpoint']['step'] != step:
            return None
        metrics = {name: None if x is None else float(x) for name, x in found['metrics'].items()}
        return Scores(f'{file.relative_to(folder)}', metrics, {**found['protocol']})
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None


def _logged(folder: Path, settings: Mapping[str, Any], step: int) -> Iterator[Scores]:
    """The metrics of the log's row of a step, if it has some."""
    asked = settings['evaluate']
    for row in log.read_rows(folder / log.NAME):
        names = [name for name in row if name.startswith(EVALUATED)]
        if row['step'] == step and names:
            metrics = {name.removeprefix(EVALUATED): row[name] for name in names}
            protocol = {
                'num': asked['num'],
                'seed': settings['seed'],
                'data': settings['data']['name'],
                'size': settings['data']['size'],
                'labels': settings['latent']['labels'],
                'weights': asked['weights'],
                'batch_norm': asked['batch_norm'],
            }
            yield Scores(log.NAME, metrics, protocol)
