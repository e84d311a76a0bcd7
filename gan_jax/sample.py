"""The command that draws images of a trained run: `python -m gan_jax.sample`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.sample')

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gan_jax.flags.sample import parse
from gan_jax.run.flags import refuse_full
from gan_jax.run.generators import restore_from_flags
from gan_jax.runtime import cli, output, signals
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.paths import shown
from gan_jax.sampling import pictures, truncation
from gan_jax.sampling.generate import make_generate


def main(arguments: Sequence[str]) -> int:
    """Generates --num images."""
    flags = parse(arguments)
    refuse_full(flags.out)
    generator = restore_from_flags(flags)
    names = generator.class_names
    label = None if flags.label is None else generator.class_of(flags.label)
    generate = make_generate(
        truncation.of_network(flags.psi, generator.network, flags.psi_layers),
        latent_dim=generator.latent_dim,
        class_counts=generator.class_counts,
        latent=truncation.of_latent(flags.truncation, generator.latent),
        batch_norm=generator.batch_norm,
        devices=generator.devices,
        decoder=generator.decoder,
    )
    images = generate(generator.variables, flags.seed, range(flags.num), label)
    try:
        _write(flags.out, images, flags.num)
    except OSError as error:
        raise UserError(f'cannot write --out={flags.out}: {error.strerror}', UNWRITABLE) from error
    signals.check()
    named = f' ({shown(names[label])})' if names and label is not None else ''
    of = '' if label is None else f' of {generator.label_kind} {label}{named}'
    output.say(f'{flags.num} images{of} of step {generator.step} in {flags.out}')
    output.result(out=flags.out, images=flags.num, step=generator.step, label=label)
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


if __name__ == '__main__':
    cli.run(main)
