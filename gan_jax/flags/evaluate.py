"""The flags of gan_jax.evaluate: of a trained run, and of images without a run."""

import argparse
from collections.abc import Sequence

from gan_jax import data
from gan_jax.experiment.values import VALUES
from gan_jax.flags import listed
from gan_jax.flags.size import size
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import POSITIVE
from gan_jax.sampling.limits import PSI, PSI_LAYERS

OF_A_RUN = """\
Scores of a trained run: python -m gan_jax.evaluate --workdir=DIR

Without a run: --images=FOLDER|ZIP|NPZ --against=FOLDER|ZIP|NPZ|DATASET --metrics=a,b scores images
against others; --images=... --help lists its flags.

Prints the scores and writes them to DIR/results/*.json with all that they depend on. With --psi=X,Y
or --truncation=X,Y there is such a file for each, and DIR/results/step_N_psi.csv and .png of all.
Power spectra lie beside their file, as _NAME_profiles.csv and .png.
"""
OF_IMAGES = """\
Scores of images: python -m gan_jax.evaluate --images=PATH --against=PATH --metrics=A,B

A PATH is a folder, .zip, .tar or .npz of images; --against may be the name of a data set. Prints
the scores, and with --out=FILE writes them as JSON with all that they depend on, and power spectra
beside it, as _NAME_profiles.csv and .png.
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags; they have `images` where images are scored, and not a run."""
    named = {one.partition('=')[0] for one in arguments}
    of_images = named & {'--images', '--against'}
    if of_images and '--workdir' in named:
        raise UserError(
            f'{min(of_images)} and --workdir do not go together: images are scored without a run, '
            'by --images and --against, and a run by --workdir'
        )
    return _of_images(arguments) if of_images else _of_a_run(arguments)


def _of_a_run(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.evaluate', OF_A_RUN, epilog=listed.of_metrics())
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument(
        '--num',
        type=cli.within(VALUES['evaluate.num']),
        help='images; by default as in the config',
    )
    parser.add_argument('--metrics', type=cli.named, help='a,b; by default as in the config')
    parser.add_argument(
        '--unaugmented',
        type=cli.path_text,
        metavar='DIR',
        help='of runs without augmentation, which calibrate leak',
    )
    parser.add_argument(
        '--seed',
        type=cli.within(VALUES['seed']),
        help='of the latents; by default as in the config',
    )
    truncated = parser.add_mutually_exclusive_group()
    truncated.add_argument(
        '--psi',
        type=cli.several(cli.within(PSI)),
        metavar='X,Y,...',
        help="of StyleGAN2: shares of w's way from its average; several make a table and a figure",
    )
    truncated.add_argument(
        '--truncation',
        type=cli.several(cli.within(POSITIVE)),
        metavar='X,Y,...',
        help='likewise: bounds of the latents, in standard deviations',
    )
    parser.add_argument(
        '--psi_layers',
        type=cli.within(PSI_LAYERS),
        metavar='N',
        help="with --psi: of the first N layers' w alone",
    )
    return parser.parse_args(arguments)


def _of_images(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.evaluate', OF_IMAGES, epilog=listed.of_metrics())
    parser.add_argument(
        '--images', required=True, metavar='PATH', type=cli.named, help='images that are scored'
    )
    parser.add_argument(
        '--against',
        required=True,
        metavar='PATH|DATASET',
        type=cli.named,
        help='what they are compared with: images, or the name of a data set',
    )
    parser.add_argument(
        '--metrics',
        required=True,
        metavar='a,b',
        type=cli.named,
        help='a,b; without _train or _test the reference is train',
    )
    parser.add_argument(
        '--size',
        metavar='N|HxW',
        type=size,
        help='crop both to squares and resize them to N by N first, or to H rows by W columns; by '
        "default images are taken as they are, and the metric's network resizes them",
    )
    parser.add_argument(
        '--data_dir',
        metavar='DIR',
        type=cli.path,
        help='of data sets by name, of published weights and of references that are kept, else '
        f'${data.VARIABLE} or ./data',
    )
    parser.add_argument('--out', metavar='FILE', type=cli.file, help='a JSON file for the scores')
    return parser.parse_args(arguments)
