"""Scores of images without a run.

    python -m gan_jax.evaluate --images=PATH --against=PATH|DATASET --metrics=fid10k,kid10k,pr10k

A PATH is a folder, .zip, .tar or .npz of images. Prints the scores, and with --out=FILE writes them
as JSON with all that they depend on.
"""

import argparse
import os
import time
from collections.abc import Sequence

from gan_jax import data
from gan_jax.evaluate import result
from gan_jax.evaluate.image_scores import score
from gan_jax.experiment import config
from gan_jax.runtime import cli, workdir
from gan_jax.runtime.progress import bar
from gan_jax.runtime.versions import versions

FLAGS = ('--images', '--against')


def is_asked(arguments: Sequence[str]) -> bool:
    """True if the arguments of the command score images, and not a run."""
    return any(one.partition('=')[0] in FLAGS for one in arguments)


def main(arguments: Sequence[str]) -> int:
    """Scores one set of images against another."""
    flags = _parse(arguments)
    found = score(
        flags.images,
        flags.against,
        flags.metrics,
        flags.data_dir,
        size=flags.size,
        progress=bar,
    )
    now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    found |= {'versions': versions(), 'time': now}
    result.print_values(found)
    scored = found['protocol']['scored']
    print(f'{scored["count"]:,} images of {scored["images"]} against {found["protocol"]["data"]}')
    for note in scored['notes']:
        print(note)
    if flags.out:
        result.write(flags.out, lambda: workdir.write_json(flags.out, found))
        print(f'written to {flags.out}')
    return os.EX_OK


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser(
        'gan_jax.evaluate', __doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--images', required=True, metavar='PATH', type=cli.named, help='that are scored'
    )
    parser.add_argument(
        '--against',
        required=True,
        metavar='PATH|DATASET',
        type=cli.named,
        help='that they are compared with: images, or the name of a data set',
    )
    parser.add_argument(
        '--metrics',
        required=True,
        metavar='a,b',
        type=cli.named,
        help='names as in the README; without _train or _test the reference is train',
    )
    parser.add_argument(
        '--size',
        metavar='N',
        type=cli.within(config.VALUES['data.size']),
        help='crop both to squares and resize them to N by N first; by default images are taken '
        "as they are, and the metric's network resizes them",
    )
    parser.add_argument(
        '--data_dir',
        metavar='DIR',
        type=cli.path,
        help='of data sets by name, of published weights and of references that are kept, else '
        f'${data.VARIABLE} or ./data',
    )
    parser.add_argument('--out', metavar='FILE', type=cli.path, help='a JSON file for the scores')
    return parser.parse_args(arguments)
