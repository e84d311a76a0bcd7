"""Runs a grid of experiments: python -m gan_jax.sweep --sweep=FILE --workdir=DIR

The same command again skips finished runs and resumes the others. DIR gets a workdir for each run,
table.csv, table.md, figure.png and report.html. A run that has diverged stays failed, and is not
tried again unless its folder is removed.

Runs never wait for each other. --shard=i/n takes a part of them, for jobs of an array or for
several machines. Tasks that srun or mpirun starts divide the runs among themselves.

--members=N trains up to N runs that differ in numbers only (seeds, strengths, weights, learning
rates) as one program. This should pay on several devices, with a member on each, and on one
accelerator that a single run leaves idle; it has not been measured on an accelerator. It does not
pay on a CPU, where members take as long as one after another, and longer to compile. The tables are
equal up to rounding, and a sweep may continue with another N. Every N is compiled separately, so
choose one that divides the runs of a program.
"""

import argparse
from collections.abc import Sequence

from gan_jax.flags import listed
from gan_jax.runtime import cli
from gan_jax.runtime.ranges import COUNT, quoted


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.sweep', __doc__, epilog=listed.of_sweeps())
    parser.add_argument(
        '--sweep',
        required=True,
        metavar='NAME|FILE',
        type=cli.path,
        help='one that comes with gan_jax, or Python with a get_sweep()',
    )
    parser.add_argument(
        '--workdir', required=True, metavar='DIR', type=cli.path, help='of the runs and the tables'
    )
    parser.add_argument(
        '--shard',
        default=(0, 1),
        metavar='i/n',
        type=_shard,
        help='part i of n of the runs, for a job array; counts from 0',
    )
    parser.add_argument(
        '--members',
        default=1,
        metavar='N',
        type=cli.within(COUNT),
        help='runs that are trained together, as one program on an accelerator (default: 1)',
    )
    return parser.parse_args(arguments)


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition('/')
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f'is {quoted(text)}: give i/n with i from 0 to n-1')
    return int(index), int(count)
