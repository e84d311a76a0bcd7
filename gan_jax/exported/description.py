"""config.json of an exported generator: its network, latents, classes and origin, as JSON."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax import labels
from gan_jax.experiment.blocks import block_faults, is_block
from gan_jax.experiment.kinds import LATENT, NETWORK
from gan_jax.experiment.values import VALUES
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.ranges import INT32, Choice, Integer, Number, Text, quoted
from gan_jax.runtime.workdir import read_json

NAME = 'config.json'
FORMAT, VERSION = 'gan_jax generator', 1
MOST_BYTES = 100_000_000  # a name for each of a million classes
ADVICE = 'give a folder that gan_jax.export has written'
LAYOUT = {'layout': 'NHWC', 'range': [0, 1], 'saved': 'uint8'}
SIDE, CHANNELS = Integer(1, 2**14), Choice((1, 3))
CLASSES = 2**20
FILE = Text(r'([A-Za-z_]\w*/)*[A-Za-z_]\w*\.py', "the path of a module, 'package/file.py'")
EXPECTED: Mapping[str, Any] = {
    'dtype': VALUES['dtype'],
    'batch_norm': Choice(('moving', 'batch')),
    'weights': Text(),
    'step': Integer(0, INT32),
}


class Description(NamedTuple):
    """All that the images of an exported generator depend on, beside its weights and its code.

    Attributes:
        generator: the config's block of the network: its path, 'fn', and keywords.
        latent: the config's block of the latents, and 'dim', their length.
        shape: (H, W, C) of an image.
        class_counts: proportions of the classes of generated images, or of the rows of label
            vectors, which are among the weights.
        class_names: in the order of their numbers; None where there are none.
        dtype: of the network's arithmetic.
        batch_norm: 'moving' or 'batch', see `generate.make_generate`.
        weights: name of the average in the run that it comes from.
        step: of the checkpoint.
        code: SHA-256 of the files of one's own code, by their names in the folder's 'code'.
        weights_sha256: of the file of weights.
        origin: what else is known of the run; nothing reads it.
    """

    generator: Mapping[str, Any]
    latent: Mapping[str, Any]
    shape: tuple[int, int, int]
    class_counts: tuple[int, ...]
    class_names: list[str] | None
    dtype: str
    batch_norm: str
    weights: str
    step: int
    code: Mapping[str, str]
    weights_sha256: str
    origin: Mapping[str, Any]


def to_json(description: Description) -> dict[str, Any]:
    """The content of config.json."""
    fields = description._asdict()
    shape, counts, names = (fields.pop(n) for n in ('shape', 'class_counts', 'class_names'))
    return {
        'format': FORMAT,
        'format_version': VERSION,
        'image': {'shape': [*shape], **LAYOUT},
        'classes': {'counts': labels.to_json(counts), 'names': names},
        **fields,
    }


def is_exported(folder: Path) -> bool:
    """True if a folder's config.json is of an exported generator, and not of a run."""
    try:
        return 'format' in _read(folder / NAME)
    except (OSError, ValueError):
        return False


def read(folder: Path) -> Description:
    """The description in a folder, checked but for its blocks, see `block_faults_of`.

    Raises:
        UserError: it is missing (66), of something else, damaged, of a later version, or says
            something impossible (65).
    """
    path = folder / NAME
    try:
        found = _read(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f'{path} does not exist: {ADVICE}', MISSING) from error
    except (OSError, ValueError) as error:
        why = getattr(error, 'strerror', None) or error
        raise UserError(
            f'{path} cannot be read ({why}): take the folder as it was exported', DATA
        ) from error
    if 'format' not in found:
        raise UserError(f'{path} is not of an exported generator: {ADVICE}', DATA)
    version = found.get('format_version')
    if found.get('format') != FORMAT or version != VERSION:
        raise UserError(
            f'{path} is of the format {quoted(found.get("format"))}, version {quoted(version)}, '
            f"and this version of gan_jax reads '{FORMAT}', version {VERSION}: install a newer one",
            DATA,
        )
    if wrong := [*_faults(found)]:
        raise UserError('\n'.join(f'{path}: {fault}' for fault in wrong), DATA)
    return _from_json(found)


def block_faults_of(description: Description, allow: list[str]) -> list[str]:
    """Everything wrong with the blocks of the network and of the latents, a sentence each.

    Args:
        description: from `read`.
        allow: packages whose code they may name, as in `load.resolve`; it is imported.
    """
    blocks = (
        ('generator', description.generator, NETWORK, ('shape', 'dtype')),
        ('latent', description.latent, LATENT, ()),
    )
    return [fault for one in blocks for fault in block_faults(*one, allow)]


def _read(path: Path) -> dict[str, Any]:
    size = os.stat(path, follow_symlinks=False).st_size
    if size > MOST_BYTES:
        raise ValueError(f'it has {size:,} bytes')
    return read_json(path)


def _from_json(found: Mapping[str, Any]) -> Description:
    others = {n: found[n] for n in Description._fields if n in found}
    return Description(
        shape=tuple(found['image']['shape']),
        class_counts=labels.from_json(found['classes']['counts']),
        class_names=found['classes'].get('names'),
        **others,
    )


def _faults(found: Mapping[str, Any]) -> Iterator[str]:
    for name in ('generator', 'latent', 'image', 'classes', 'code', 'origin'):
        if not is_block(found.get(name)):
            yield f'{name} is {quoted(found.get(name))}: it has to be a block of values'
            return
    for name, expected in EXPECTED.items():
        yield from _value(name, found.get(name), expected)
    yield from _value('latent.dim', found['latent'].get('dim'), VALUES['latent.dim'])
    yield from _image_faults(found['image'])
    yield from _class_faults(found['classes'])
    for name in found['code']:
        yield from _value('a name in code', name, FILE)
    sums = {'weights_sha256': found.get('weights_sha256'), **found['code']}
    for name, digest in sums.items():
        yield from _value(name, digest, Text('[0-9a-f]{64}', 'a SHA-256 in hex'))


def _image_faults(image: Mapping[str, Any]) -> Iterator[str]:
    shape = image.get('shape')
    ranges = (SIDE, SIDE, CHANNELS)
    whole = isinstance(shape, list) and len(shape) == 3
    if not whole or not all(r.holds(n) for r, n in zip(ranges, shape, strict=True)):
        yield f'image.shape is {quoted(shape)}: it has to be [H, W, C], C of 1 or 3'
    for name, value in LAYOUT.items():
        if image.get(name) != value:
            yield f'image.{name} is {quoted(image.get(name))}: this version knows {value} alone'


def _class_faults(classes: Mapping[str, Any]) -> Iterator[str]:
    counts, names = classes.get('counts'), classes.get('names')
    if Integer(1, CLASSES).holds(counts):
        counts = [*labels.from_json(counts)]
    many = isinstance(counts, list) and 0 < len(counts) <= CLASSES
    if not many or not all(Integer(0, INT32).holds(n) for n in counts):
        yield f'classes.counts is {quoted(counts)}: it has to be a list of whole numbers'
    elif not Number(1, INT32).holds(sum(counts)):
        yield f'classes.counts add up to {sum(counts)}: at least one has to be above 0'
    elif names is not None and not (
        isinstance(names, list)
        and len(names) == len(counts)
        and all(isinstance(name, str) for name in names)
    ):
        yield f'classes.names is {quoted(names)}: it has to be a name for each of {len(counts)}'


def _value(name: str, value: Any, expected: Any) -> Iterator[str]:
    if not expected.holds(value):
        yield f'{name} is {quoted(value)}: it has to be {expected}'
