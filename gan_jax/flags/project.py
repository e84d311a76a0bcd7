"""Pictures in w: python -m gan_jax.project --workdir=DIR --images=PATH --out=FOLDER

Looks for the w of StyleGAN2 or 3 whose image is nearest to a picture. PATH is a picture or a folder
of them. FOLDER gets w.npz with the arrays `names`, `w` [N, W] and `distance` [N], and pairs.png,
the first 64 pictures, each beside its image. After a signal or a failure it gets what is found by
then.
"""

import argparse
from collections.abc import Sequence

from gan_jax.experiment.values import VALUES
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.ranges import Integer

STEPS = 1000  # the paper's


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.project', __doc__)
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument(
        '--images',
        type=cli.path,
        required=True,
        metavar='PATH',
        help='a picture, or a folder, zip or tar of some',
    )
    parser.add_argument(
        '--out', type=cli.path, required=True, metavar='FOLDER', help='new or empty'
    )
    parser.add_argument(
        '--steps',
        type=cli.within(Integer(1, 100_000)),
        default=STEPS,
        help='of Adam for a picture',
    )
    parser.add_argument('--seed', type=cli.within(VALUES['seed']), default=0, help='of the noise')
    parser.add_argument(
        '--label', help='the class whose average w is the start; by default of all of them'
    )
    return parser.parse_args(arguments)
