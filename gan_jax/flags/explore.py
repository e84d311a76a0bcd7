"""A generator to play with in a browser: python -m gan_jax.explore --workdir=DIR

Serves a page to this machine alone, at the address that it prints, until Ctrl-C. With
--generator=FOLDER it shows an exported generator, without what needs the run: checkpoints, the
discriminator, training images.
"""

import argparse
from collections.abc import Sequence

from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import Integer


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.explore', __doc__)
    add_flags(parser, required=False)
    parser.add_argument(
        '--generator', type=cli.path, metavar='FOLDER', help='an exported one, in place of a run'
    )
    add_data_flag(parser)
    parser.add_argument(
        '--port',
        type=cli.within(Integer(0, 65_535)),
        default=0,
        help='of this machine; by default a free one',
    )
    flags = parser.parse_args(arguments)
    if (flags.workdir is None) == (flags.generator is None):
        raise UserError('give --workdir=DIR, of a run, or --generator=FOLDER, an exported one')
    if flags.workdir is None:
        flags.workdir = flags.generator
    return flags
