"""Prepares a data set for training: python -m gan_jax.prepare --dataset=NAME

The command downloads the publisher's files into DIR/downloads/NAME, or takes the files of --source.
It checks them, and writes images.npy, labels.npy and info.json to DIR/NAME/<split>/. Without a
network, put the files anywhere and name them by --source, or name a copy of tensorflow-datasets.
With your own NAME, --source is a folder, .zip, .tar or .npz of images. --to=zip also writes one
split to DIR/NAME.zip, in the format of StyleGAN's dataset_tool.py. --encode=FUNCTION also writes
codes of an autoencoder to DIR/NAME.codes/, to train on them. Both work for digits, too.
"""

import argparse
import difflib
from collections.abc import Sequence

from gan_jax import data
from gan_jax.data import prepared
from gan_jax.data.archives.table import ARCHIVES, FOLDERS
from gan_jax.experiment.values import VALUES
from gan_jax.flags.size import size
from gan_jax.runtime import cli
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.paths import ends_with, shown
from gan_jax.runtime.ranges import INT32, Integer


def _to(text: str) -> str:
    """The value of --to, as an argparse type."""
    if text != 'zip' and not ends_with(text, '.zip'):
        raise argparse.ArgumentTypeError(f"is '{text}': give zip, or a path that ends in .zip")
    return text


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    known = [*ARCHIVES, *FOLDERS]
    parser = cli.Parser('gan_jax.prepare', __doc__)
    parser.add_argument(
        '--dataset', required=True, metavar='NAME', help=f'{", ".join(known)}, or a name of yours'
    )
    parser.add_argument(
        '--source',
        metavar='PATH[,PATH...]',
        type=cli.named,
        help='the published files or a folder of them, a copy of tensorflow-datasets, or images; '
        'without it the published files are downloaded',
    )
    parser.add_argument(
        '--data_dir', metavar='DIR', type=cli.path, help=f'by default ${data.VARIABLE}, or ./data'
    )
    parser.add_argument(
        '--size',
        type=size,
        metavar='N|HxW',
        help='resize the images to N by N, or to H rows by W columns',
    )
    parser.add_argument(
        '--max_bad',
        type=cli.within(Integer(0, INT32)),
        default=0,
        metavar='N',
        help='leave out up to N images that cannot be taken, and list them',
    )
    parser.add_argument(
        '--background',
        type=cli.within(VALUES['data.background']),
        default='',
        metavar='COLOUR',
        help="under transparent images: white, black, grey or '#RRGGBB'",
    )
    parser.add_argument(
        '--to',
        metavar='zip|PATH.zip',
        type=_to,
        help="write it also as StyleGAN's tools read it, a zip: DIR/NAME.zip, or PATH.zip",
    )
    parser.add_argument(
        '--encode',
        metavar='FUNCTION',
        help="the path of a function that makes an autoencoder, 'my_package.module.function'",
    )
    parser.add_argument(
        '--split', default='train', metavar='SPLIT', help="that --to writes; by default 'train'"
    )
    parser.add_argument('--sha256', metavar='HEX', help='what the one file of --source must have')
    flags = parser.parse_args(arguments)
    if flags.split != 'train' and not flags.to:
        parser.error('--split is for --to: all splits are prepared')
    if flags.sha256 is not None and (not flags.source or ',' in flags.source):
        parser.error('--sha256 is for one file of --source')
    _check_name(flags, known)
    return flags


def _check_name(flags: argparse.Namespace, known: Sequence[str]) -> None:
    name, source = flags.dataset, flags.source
    if name in data.READERS and (source or not (flags.to or flags.encode)):
        raise UserError(f"'{name}' comes with gan_jax and needs no preparation")
    if name in (*known, *data.READERS):
        return
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.75):
        raise UserError(f"there is no data set '{name}'; did you mean '{close[0]}'?")
    own = prepared.can_name(name)
    root = data.folder_of(flags.data_dir)
    if source is None and not (own and (root / name).is_dir()):
        raise UserError(
            f"'{shown(name)}' is not prepared in {shown(root)}, and there is no data set "
            f"'{shown(name)}' to download; known: {', '.join(known)}; for images of your own add "
            '--source=PATH'
        )
    if not own:
        raise UserError(
            f"'{shown(name)}' cannot name a data set: use letters, digits, '_', '-', no "
            f'{prepared.CODES} at the end, and none of {", ".join(prepared.RESERVED)}'
        )
