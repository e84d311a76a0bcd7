"""Which digits the placebos' runs draw: python -m configs.sweeps.placebos.histogram --workdir=DIR

For every arm of a finished sweep the share of each digit among 5,000 samples of every run, by the
embedded classifier: the mean over training seeds, and how many runs lack the digit (below 0.5 %).
Prints the table and writes DIR/histogram.md.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from configs.sweeps.placebos.sweep import ARMS
from gan_jax.evaluate import features
from gan_jax.run import trained
from gan_jax.runtime import cli
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.files import atomic_path

NUM = 5000
LACKING = 0.005


def main(arguments: Sequence[str]) -> None:
    """Draws samples of every run that has a checkpoint."""
    parser = cli.Parser('configs.sweeps.placebos.histogram', __doc__)
    parser.add_argument(
        '--workdir', required=True, metavar='DIR', type=cli.path, help='of the sweep'
    )
    folder = parser.parse_args(arguments).workdir
    rows = [['arm', 'runs', *map(str, range(10))]]
    for arm in ARMS:
        runs = sorted(folder.glob(f'arm={arm}/seed=*/checkpoints/[0-9]*'))
        found = [shares(run) for run in sorted({path.parents[1] for path in runs})]
        if found:
            rows.append([arm, str(len(found)), *(_cell(column) for column in np.transpose(found))])
    if len(rows) == 1:
        raise UserError(f'{folder} holds no run of the placebos: train them first', MISSING)
    rows.insert(1, ['---'] * len(rows[0]))
    table = ''.join(f'| {" | ".join(row)} |\n' for row in rows)
    with atomic_path(folder / 'histogram.md') as path:
        path.write_text(table)
    print(table, end='')


def shares(run: Path) -> np.ndarray:
    """The share of each digit among the samples of a run's last checkpoint, [10]."""
    parts, checkpoint = trained.restore_run(run, 'last', ['configs'])
    drawn = parts.generate(checkpoint.state, parts.settings['seed'], range(NUM))
    images = np.concatenate(list(drawn))
    return np.bincount(features.digits(images).classes, minlength=10) / NUM


def _cell(column: np.ndarray) -> str:
    lacking = int(np.sum(column < LACKING))
    return f'{column.mean():.1%}' + (f' ({lacking} lack it)' if lacking else '')


if __name__ == '__main__':
    cli.run(main)
