"""Images from a trained run: python -m gan_jax.sample --workdir=DIR --num=N --out=PATH

A PATH that ends in .png becomes one picture with all images in a grid; any other is a folder of
numbered files. Image i of a seed is the same whatever --num is.
"""

if __name__ == '__main__':
    from gan_jax import begin

    begin.command()

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gan_jax import cli, config, pictures, signals, trained
from gan_jax.errors import UNWRITABLE, UserError
from gan_jax.parts import drawing
from gan_jax.ranges import INT32, POSITIVE, Integer

MOST = 1_000_000  # images, which a picture holds in memory


def main(arguments: Sequence[str]) -> int:
    """Draws --num images."""
    flags = _parse(arguments)
    run = trained.of_flags(flags)
    experiment, settings = run.parts.experiment, run.parts.settings
    classes = experiment.game.num_classes
    if flags.label is not None and not 0 <= flags.label < classes:
        raise UserError(f'--label is {flags.label}: give a class from 0 to {classes - 1}')
    generate = drawing(experiment, settings, label=flags.label, truncation=flags.truncation)
    images = generate(run.checkpoint.state, flags.seed, range(flags.num))
    try:
        _write(flags.out, images, flags.num)
    except OSError as error:
        raise UserError(f'cannot write --out={flags.out}: {error.strerror}', UNWRITABLE) from error
    signals.check()
    print(f'{flags.num} images of step {run.checkpoint.step} in {flags.out}')
    return os.EX_OK


def _write(out: Path, images: Iterator[np.ndarray], count: int) -> None:
    if out.suffix.lower() == '.png':
        out.parent.mkdir(parents=True, exist_ok=True)
        drawn = np.concatenate(list(images))
        signals.check()
        pictures.save(out, pictures.grid(drawn))
        return
    out.mkdir(parents=True, exist_ok=True)
    digits = len(str(count - 1))
    numbered = enumerate(image for batch in images for image in batch)
    for i, image in numbered:
        signals.check()
        pictures.save(out / f'{i:0{digits}d}.png', image)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.sample', __doc__)
    trained.add_flags(parser)
    parser.add_argument(
        '--num', type=cli.within(Integer(1, MOST)), default=64, help='how many images'
    )
    parser.add_argument('--out', type=cli.path, required=True, help='a .png, or a folder')
    parser.add_argument('--seed', type=cli.within(config.SEED), default=0, help='of the latents')
    parser.add_argument(
        '--label',
        type=cli.within(Integer(0, INT32)),
        help='one class for all; by default all in turn',
    )
    parser.add_argument(
        '--truncation',
        type=cli.within(POSITIVE),
        help='draw latents again beyond this many standard deviations',
    )
    return parser.parse_args(arguments)


if __name__ == '__main__':
    cli.run(main)
