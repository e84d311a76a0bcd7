"""The command that explains runs in a browser: `python -m gan_jax.report`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.report')

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from gan_jax.flags.report import parse
from gan_jax.reports import build, training, watch
from gan_jax.run.refusals import refuse_packages
from gan_jax.runtime import cli, files, output
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.sweeps import report as of_sweep


def main(arguments: Sequence[str]) -> int:
    """Writes the report, or serves it until a signal."""
    flags = parse(arguments)
    refuse_packages(flags.allow)
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
    output.say(f'{len(content) / 1e6:.1f} MB: {out}')
    output.result(out=out)
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


if __name__ == '__main__':
    cli.run(main)
