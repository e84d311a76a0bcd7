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

from gan_jax import cli, pictures, signals, trained
from gan_jax.data import classes
from gan_jax.data.disk import shown
from gan_jax.errors import UNWRITABLE, UserError
from gan_jax.parts import drawing

MOST = 1_000_000  # images, which a picture holds in memory


def main(arguments: Sequence[str]) -> int:
    """Draws --num images."""
    flags = _parse(arguments)
    run = trained.of_flags(flags)
    experiment, settings = run.parts.experiment, run.parts.settings
    label, names = None, run.parts.reference.class_names
    if flags.label is not None:
        label = classes.number_of(flags.label, names, experiment.game.num_classes)
    generate = drawing(experiment, settings, label=label, truncation=flags.truncation)
    images = generate(run.checkpoint.state, flags.seed, range(flags.num))
    try:
        _write(flags.out, images, flags.num)
    except OSError as error:
        raise UserError(f'cannot write --out={flags.out}: {error.strerror}', UNWRITABLE) from error
    signals.check()
    of = '' if label is None else f' of class {label}{f" ({shown(names[label])})" if names else ""}'
    print(f'{flags.num} images{of} of step {run.checkpoint.step} in {flags.out}')
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
    parser = argparse.ArgumentParser(
        'python -m gan_jax.sample', description=__doc__, allow_abbrev=False
    )
    trained.add_flags(parser)
    parser.add_argument('--num', type=int, default=64, help='how many images')
    parser.add_argument('--out', type=Path, required=True, help='a .png, or a folder')
    parser.add_argument('--seed', type=trained.seed, default=0, help='of the latents')
    parser.add_argument(
        '--label', help='one class for all, by its name or number; by default all in turn'
    )
    parser.add_argument(
        '--truncation', type=float, help='draw latents again beyond this many standard deviations'
    )
    flags = parser.parse_args(arguments)
    if not 1 <= flags.num <= MOST:
        parser.error(f'--num is {flags.num}: give a number from 1 to {MOST}')
    if flags.truncation is not None and not 0 < flags.truncation < float('inf'):
        parser.error(f'--truncation is {flags.truncation}: give a positive number')
    return flags


if __name__ == '__main__':
    cli.run(main)
