"""An exported folder, written whole or not at all."""

import contextlib
import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.experiment.kinds import LATENT, NETWORK
from gan_jax.exported import card, own_code, stablehlo, tensors
from gan_jax.exported import description as descriptions
from gan_jax.exported.description import Description
from gan_jax.exported.read import WEIGHTS, read_generator
from gan_jax.runtime import load, workdir
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.paths import removed
from gan_jax.sampling import pictures
from gan_jax.sampling.generator import Generator

PROGRAM = 'generator.stablehlo'
GRID = 64


class Source(NamedTuple):
    """All that an export knows of the run that a generator comes from.

    Attributes:
        settings: the run's resolved config.
        weights: name of the average.
        origin: JSON for whoever asks: digests, versions, terms.
        scores: of these weights.
    """

    settings: Mapping[str, Any]
    weights: str
    origin: Mapping[str, Any]
    scores: Sequence[card.Score]


def write_folder(
    out: Path,
    generator: Generator,
    source: Source,
    *,
    license: str = '',
    formats: Collection[str] = (),
    allow: Collection[str] = (),
) -> Generator:
    """Writes a generator, and returns it as it is read back from the folder.

    Args:
        out: the folder, which is not there, or empty.
        generator: of a run that `refuse_stayers` lets through.
        source: of the generator.
        license: an identifier such as 'apache-2.0'; '' gives none.
        formats: of `options.FORMATS`, beside the weights.
        allow: packages whose code the network may be, as in `load.resolve`.

    Raises:
        UserError: the network's code has no source, or a format cannot have it.
        OSError: the folder cannot be written.
    """
    code = own_code.files_of(_own_modules(source.settings))
    with _whole(out) as place:
        tensors.write(place / WEIGHTS, generator.settled)
        own_code.copy(code, place / own_code.FOLDER)
        described = _described(place, generator, source)
        workdir.write_json(place / descriptions.NAME, descriptions.to_json(described))
        found = read_generator(place, allow, generator.devices)
        pictures.save(place / card.PICTURE, pictures.grid(found.generate(range(GRID))))
        batch: int | None = 0
        if 'stablehlo' in formats:
            program = stablehlo.lowered(found)
            (place / PROGRAM).write_bytes(program.content)
            batch = program.batch
        count = card.count(generator.variables)
        told = card.Card(out.absolute().name, license, source.scores, count, batch)
        text = card.render(told, described)
        (place / card.NAME).write_text(text, encoding='utf-8')
    return found


def _described(place: Path, generator: Generator, source: Source) -> Description:
    """The description of a folder whose weights and code are written."""
    copied = place / own_code.FOLDER
    files = sorted(copied.rglob('*.py')) if copied.exists() else []
    latent = {k: v for k, v in source.settings['latent'].items() if k != 'labels'}
    return Description(
        generator=source.settings['generator'],
        latent=latent,
        shape=generator.image_shape,
        class_counts=generator.class_counts,
        class_names=None if generator.class_names is None else [*generator.class_names],
        dtype=source.settings['dtype'],
        batch_norm='batch' if generator.batch_norm == 'batch' else 'moving',
        weights=source.weights,
        step=generator.step,
        code={file.relative_to(copied).as_posix(): _digest(file) for file in files},
        weights_sha256=_digest(place / WEIGHTS),
        origin=source.origin,
    )


def refuse_stayers(settings: Mapping[str, Any]) -> None:
    """Refuses the generator of a config if it needs more than its weights and its network's code.

    Args:
        settings: the resolved config of a run, which has been read with `allow`.

    Raises:
        UserError: it makes codes of an autoencoder, or its latents are made of the training images.
    """
    if 'autoencoder' in settings['data']:
        path = settings['data']['autoencoder']['fn']
        raise UserError(
            f'the generator of this run makes codes of {path}, whose decoder is code and weights '
            'of your own that do not travel with it: draw its images with gan_jax.sample'
        )
    latent = load.build(settings['latent'], LATENT)
    if latent.fit is not None:
        raise UserError(
            f'the latents of this run, {settings["latent"]["fn"]}, are made of its training '
            'images, which do not travel with a generator: draw its images with gan_jax.sample'
        )


def _own_modules(settings: Mapping[str, Any]) -> set[str]:
    """The modules of the functions of the network and of the latents, and those that define them.

    The config has been resolved with `allow` by whoever has read the generator.
    """
    found = set()
    for block, kind in ((settings['generator'], NETWORK), (settings['latent'], LATENT)):
        function = load.resolve(block['fn'], kind)
        found |= {block['fn'].rpartition('.')[0], function.__module__}
    return found


@contextlib.contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block succeeds, and is removed if not."""
    place = out.absolute().with_name(out.absolute().name + '.part')
    removed(place)
    place.mkdir(parents=True)
    try:
        yield place
        place.replace(out)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _digest(file: Path) -> str:
    with file.open('rb') as content:
        return hashlib.file_digest(content, 'sha256').hexdigest()
