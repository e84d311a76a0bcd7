"""The command that looks for pictures in w: `python -m gan_jax.project`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.project')

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from gan_jax.data.damage import naming
from gan_jax.data.pictures import decode
from gan_jax.data.pictures.listing import listing
from gan_jax.flags.project import parse
from gan_jax.run.flags import refuse_full
from gan_jax.run.generators import restore_from_flags
from gan_jax.runtime import cli, output, signals
from gan_jax.runtime.errors import MISSING, UNWRITABLE, UserError
from gan_jax.runtime.files import atomic_path
from gan_jax.runtime.paths import ends_with, opened
from gan_jax.sampling import pictures
from gan_jax.sampling.generator import Generator
from gan_jax.sampling.paths import shapes_of_w
from gan_jax.sampling.projection import Projected, cloud, make_project
from gan_jax.sampling.truncation import untruncated

MOST = 1000  # pictures at once
COLUMNS = 8  # of pairs.png: four pairs
SHOWN = 64  # pairs


def main(arguments: Sequence[str]) -> int:
    """Projects --images."""
    flags = parse(arguments)
    refuse_full(flags.out)
    generator = restore_from_flags(flags)
    generator = dataclasses.replace(generator, network=untruncated(generator.network))
    record = _record_of(generator)
    label = None if flags.label is None else generator.class_of(flags.label)
    decoder = generator.decoder
    decoded = jax.eval_shape(decoder.decode, decoder.variables, record['image'])
    images = _read(flags.images, decoded.shape[1:])
    around = cloud(
        generator.network,
        generator.variables,
        latent=generator.latent,
        latent_dim=generator.latent_dim,
        class_counts=generator.class_counts,
        label=label,
    )
    project = make_project(
        generator.network,
        layers=record['w'].shape[1],
        steps=flags.steps,
        between=signals.check,
        decoder=decoder,
    )
    found: dict[str, Projected] = {}
    try:
        for name, image in images.items():
            found[name] = one = project(generator.variables, around, image, flags.seed)
            before, after = f'{one.before:.4g} from the average w', f'{one.after:.4g} from its own'
            output.show(f'{name}: distance {before}, {after}')
    finally:  # a picture takes minutes
        if found:
            _write(flags.out, images, found)
            output.say(f'{len(found)} of step {generator.step} in {flags.out}')
            distances = {name: one.after for name, one in found.items()}
            output.result(out=flags.out, step=generator.step, distances=distances)
    return os.EX_OK


def _record_of(generator: Generator) -> Mapping[str, jax.ShapeDtypeStruct]:
    """The shapes of what the generator gives for two latents.

    Raises:
        UserError: it has no w.
    """
    network = generator.network
    if found := shapes_of_w(network, generator.latent_dim):
        return found
    raise UserError(
        f'the generator of this run is {type(network).__name__}, which has no w to look in: give '
        'the workdir of a StyleGAN2 or 3'
    )


def _read(path: Path, shape: Sequence[int]) -> dict[str, np.ndarray]:
    """The pictures as uint8 [H, W, C] of the generator's shape, by name."""
    if path.is_file() and ends_with(path, *decode.SUFFIXES, *decode.TIFF):
        with opened(path) as file:
            return {path.name: _decoded(file, path.name, shape)}
    with listing(path) as files:
        names = decode.images_of(files.names)
        if not 1 <= len(names) <= MOST:
            raise UserError(
                f'--images={path} holds {len(names)} pictures: give from 1 to {MOST}', MISSING
            )
        return dict(_opened(files, names, shape))


def _opened(files, names: Sequence[str], shape: Sequence[int]) -> Iterator:
    for name in names:
        with files.open(name) as file:
            yield name, _decoded(file, name, shape)


def _decoded(file, name: str, shape: Sequence[int]) -> np.ndarray:
    with naming(name):
        return decode.pixels(decode.in_memory(file, name), name, channels=shape[2], size=shape[:2])


def _write(out: Path, images: Mapping[str, np.ndarray], found: Mapping[str, Projected]) -> None:
    try:
        _write_arrays(out, found)
        shown = {name: np.uint8(np.round(found[name].image * 255)) for name in [*found][:SHOWN]}
        pairs = np.stack([image for name in shown for image in (images[name], shown[name])])
        pictures.save(out / 'pairs.png', pictures.grid(pairs, min(COLUMNS, len(pairs))))
    except OSError as error:
        raise UserError(f'cannot write --out={out}: {error.strerror}', UNWRITABLE) from error


def _write_arrays(out: Path, found: Mapping[str, Projected]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / 'w.npz') as partial, partial.open('wb') as file:
        np.savez(
            file,
            names=np.array([*found]),
            w=np.stack([one.w for one in found.values()]),
            distance=np.array([one.after for one in found.values()], np.float32),
        )


if __name__ == '__main__':
    cli.run(main)
