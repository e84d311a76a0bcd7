"""A run explains itself in a browser: python -m gan_jax.report --workdir=DIR [DIR ...]

Writes one HTML file that needs nothing else: of a run, of several runs beside each other, or of a
sweep. --watch serves it on this machine alone while the run goes on, and writes nothing.
"""

import argparse
from collections.abc import Sequence

from gan_jax.reports.limits import RUNS
from gan_jax.run.flags import add_allow_flag, add_data_flag
from gan_jax.runtime import cli
from gan_jax.runtime.errors import UserError


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.report', __doc__)
    parser.add_argument(
        '--workdir',
        required=True,
        nargs='+',
        action='extend',
        metavar='DIR',
        type=cli.path,
        help='of a run, of several, or of a sweep',
    )
    parser.add_argument(
        '--out', metavar='FILE', type=cli.file, help='by default report.html in the workdir'
    )
    parser.add_argument(
        '--watch', action='store_true', help='serve it on 127.0.0.1 and follow the run; no file'
    )
    add_allow_flag(parser)
    add_data_flag(parser)
    flags, rest = parser.parse_known_args(arguments)
    for one in rest:  # `--workdir=A B`: argparse takes the first alone
        if one.startswith('-'):
            parser.unknown(one)
        flags.workdir.append(cli.path(one))
    if flags.watch and flags.out:
        raise UserError('--watch writes no file: leave out --out, or --watch')
    if len(flags.workdir) > RUNS:
        raise UserError(
            f'--workdir names {len(flags.workdir)} runs, and a report compares {RUNS} at '
            'most: give fewer, or the folder of their sweep'
        )
    return flags
