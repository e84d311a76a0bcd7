"""Images from a trained run: python -m gan_jax.sample --workdir=DIR --num=N --out=PATH

If PATH ends in .png, all images go into one grid. Any other PATH is a new or empty folder for
numbered files. Image i of a seed is the same for every --num.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gan_jax.experiment import config
from gan_jax.run.flags import add_data_flag, add_flags, refuse_full
from gan_jax.run.trained_generator import label_of, restore_from_flags
from gan_jax.runtime import cli, signals
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.paths import shown
from gan_jax.runtime.ranges import POSITIVE, Integer, Number
from gan_jax.sampling import pictures, truncation
from gan_jax.sampling.generate import MOST_IMAGES, make_generate


def main(arguments: Sequence[str]) -> int:
    """Generates --num images."""
    flags = _parse(arguments)
    refuse_full(flags.out)
    generator = restore_from_flags(flags)
    names = generator.class_names
    label = None if flags.label is None else label_of(flags.label, generator)
    generate = make_generate(
        truncation.of_network(flags.psi, generator.network),
        latent_dim=generator.latent_dim,
        class_counts=generator.class_counts,
        latent=truncation.of_latent(flags.truncation, generator.latent),
        label=label,
        batch_norm=generator.batch_norm,
        devices=generator.devices,
        decoder=generator.decoder,
    )
    images = generate(generator.variables, flags.seed, range(flags.num))
    try:
        _write(flags.out, images, flags.num)
    except OSError as error:
        raise UserError(f'cannot write --out={flags.out}: {error.strerror}', UNWRITABLE) from error
    signals.check()
    kind = 'row' if getattr(generator.network, 'label_size', 0) else 'class'
    of = (
        '' if label is None else f' of {kind} {label}{f" ({shown(names[label])})" if names else ""}'
    )
    print(f'{flags.num} images{of} of step {generator.step} in {flags.out}')
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
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument(
        '--num', type=cli.within(Integer(1, MOST_IMAGES)), default=64, help='how many images'
    )
    parser.add_argument('--out', type=_out, required=True, help='a .png, or a folder')
    parser.add_argument(
        '--seed', type=cli.within(config.VALUES['seed']), default=0, help='of the latents'
    )
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
        type=cli.within(Number(0, 1)),
        help="of StyleGAN2: the share of w's way from its average; by default the config's",
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


if __name__ == '__main__':
    cli.run(main)
