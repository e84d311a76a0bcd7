"""A generator that travels: python -m gan_jax.export --workdir=DIR --out=FOLDER

FOLDER gets the averaged weights of a run's generator (safetensors), the config of its network alone
with the network's own code if it has some, and a card with a picture and the scores that the run
keeps. `gan_jax.load_generator(FOLDER)` and `python -m gan_jax.sample --workdir=FOLDER` draw its
images, without the data, the discriminator and the terms. With --formats=stablehlo it also gets a
program that JAX alone runs.
"""

import argparse
from collections.abc import Sequence

from gan_jax.exported import options
from gan_jax.run.flags import add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.ranges import Choice, Text

LICENSE = Text(options.LICENSE.pattern, "an identifier such as 'apache-2.0' or 'cc-by-nc-4.0'")
REPOSITORY = Text(options.REPOSITORY.pattern, "a repository's name, 'user/name'")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.export', __doc__)
    add_flags(parser)
    parser.add_argument(
        '--out', type=cli.path, required=True, metavar='FOLDER', help='new or empty'
    )
    parser.add_argument(
        '--license',
        type=cli.within(LICENSE),
        metavar='NAME',
        help="of the weights, as the Hub writes it: 'apache-2.0'",
    )
    parser.add_argument(
        '--formats',
        type=cli.several(cli.within(Choice(options.FORMATS))),
        default=[],
        metavar='A,B',
        help='beside the weights: stablehlo, a program that JAX alone runs',
    )
    parser.add_argument(
        '--push',
        type=cli.within(REPOSITORY),
        metavar='USER/NAME',
        help="of the Hugging Face Hub: upload the folder there, with the extra 'hub'",
    )
    return parser.parse_args(arguments)
