"""Images from a trained run: python -m gan_jax.sample --workdir=DIR --num=N --out=PATH

If PATH ends in .png, all images go into one grid. Any other PATH is a new or empty folder for
numbered files. Image i of a seed is the same for every --num.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gan_jax.experiment.values import VALUES
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.ranges import POSITIVE, Integer
from gan_jax.sampling.limits import MOST_IMAGES, PSI, PSI_LAYERS


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.sample', __doc__)
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument(
        '--num', type=cli.within(Integer(1, MOST_IMAGES)), default=64, help='how many images'
    )
    parser.add_argument('--out', type=_out, required=True, help='a .png, or a folder')
    parser.add_argument('--seed', type=cli.within(VALUES['seed']), default=0, help='of the latents')
    parser.add_argument(
        '--label',
        help='one class for all, by its name or number, or one row of label vectors; by default as '
        'config.latent.labels says',
    )
    parser.add_argument(
        '--truncation',
        type=cli.within(POSITIVE),
        help='draw latents again beyond this many standard deviations',
    )
    parser.add_argument(
        '--psi',
        type=cli.within(PSI),
        help="of StyleGAN2: the share of w's way from its average; by default the config's",
    )
    parser.add_argument(
        '--psi_layers',
        type=cli.within(PSI_LAYERS),
        metavar='N',
        help="with --psi: of the first N layers' w alone",
    )
    return parser.parse_args(arguments)


def _out(text: str) -> Path:
    """The value of --out, a .png or a folder, as an argparse type."""
    path = cli.path(text)
    ending = path.suffix.lower()
    folder = path.is_dir() or text.endswith('/') or not ending or ending[1:].isdigit()
    if ending != '.png' and not folder:
        raise argparse.ArgumentTypeError(
            f'is {text}: give a name that ends in .png, or that of a folder, with a / in the end'
        )
    return path
