"""A run explains itself in a browser: python -m gan_jax.report --workdir=DIR [DIR ...]

Writes one HTML file that needs nothing else: of a run, of several runs beside each other, or of a
sweep. --watch serves it on this machine alone while the run goes on, and writes nothing.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from gan_jax.reports import build, training, watch
from gan_jax.run.flags import add_data_flag
from gan_jax.runtime import cli, files
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.sweeps import report as of_sweep


def main(arguments: Sequence[str]) -> int:
    """Writes the report, or serves it until a signal."""
    flags = _parse(arguments)
    page = _page(flags)
    if flags.watch:
        watch.serve(flags.workdir, page)
        return os.EX_OK
    out, content = flags.out or _default(flags.workdir), page('')
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        files.replace(out, content)
    except OSError as error:
        raise UserError(f'cannot write --out={out}: {error.strerror}', UNWRITABLE) from error
    print(f'{len(content) / 1e6:.1f} MB: {out}')
    return os.EX_OK


def _page(flags: argparse.Namespace) -> Callable[[str], bytes]:
    """A function that makes the page anew, from its version."""
    images = training.finder(flags.allow, flags.data_dir)
    if len(flags.workdir) == 1 and of_sweep.is_sweep(flags.workdir[0]):
        return lambda live: of_sweep.report(flags.workdir[0], images, live)
    return lambda live: build.report(flags.workdir, images, live)


def _default(folders: Sequence[Path]) -> Path:
    """In the workdir; of several, in the current folder."""
    return folders[0] / build.NAME if len(folders) == 1 else Path(build.NAME)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
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
        '--out', metavar='FILE', type=cli.path, help='by default report.html in the workdir'
    )
    parser.add_argument(
        '--watch', action='store_true', help='serve it on 127.0.0.1 and follow the run; no file'
    )
    parser.add_argument(
        '--allow',
        action='append',
        default=[],
        metavar='PACKAGE',
        type=cli.package,
        help='a package that you trust: the config may read its images by any of its code',
    )
    add_data_flag(parser)
    flags, rest = parser.parse_known_args(arguments)
    for one in rest:  # `--workdir=A B`: argparse takes the first alone
        if one.startswith('-'):
            parser.unknown(one)
        flags.workdir.append(cli.path(one))
    if flags.watch and flags.out:
        raise UserError('--watch writes no file: leave out --out, or --watch')
    if len(flags.workdir) > build.RUNS:
        raise UserError(
            f'--workdir names {len(flags.workdir)} runs, and a report compares {build.RUNS} at '
            'most: give fewer, or the folder of their sweep'
        )
    return flags


if __name__ == '__main__':
    cli.run(main)
