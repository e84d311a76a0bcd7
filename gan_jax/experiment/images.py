"""The images of a config: a data set by its name, or by a function of one's own, `data.fn`.

With `data.autoencoder` they have codes, which the networks see instead.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gan_jax import data
from gan_jax.data import autoencoder, codes
from gan_jax.data.autoencoder import PLAIN, Autoencoder, Decoder
from gan_jax.data.dataset import Codes, LabelVectors, label_vectors, on_disk
from gan_jax.data.resize import Size, as_config, pair
from gan_jax.experiment.kinds import AUTOENCODER, READER
from gan_jax.runtime import load
from gan_jax.runtime.errors import DATA, MISSING, PartError, UserError, of_part, sentence
from gan_jax.runtime.python_file import source_digest

BY_FUNCTION = 'as gan_jax.data.dataset.label_vectors makes them'


def load_images(asked: Mapping[str, Any], *, allow: Collection[str] | None = None) -> data.DataSet:
    """The split train of `load_splits`."""
    return load_splits(asked, allow=allow)[0]


def load_splits(
    asked: Mapping[str, Any], *, allow: Collection[str] | None = None
) -> tuple[data.DataSet, Callable[[], data.DataSet]]:
    """The split train of the data set that a config names, at its size, and one that gives test.

    A function at 'fn' is called with `split`, with `folder`, the folder of `data.folder_of`, and
    with its other keys of the block. It returns a `DataSet`, whose name the block gives, or None if
    the data have no such split. Where there is no split test, 'held_out' makes one of train. Each
    split is read once.

    Args:
        asked: the config's block `data`, without `config.faults`.
        allow: as in `load.resolve`.

    Returns:
        The split train, and () -> the split test, which raises as this function.

    Raises:
        UserError: as `data.load`; of a function, it fails (65), its result is no data set of
            images (65), or there is no such split (66).
    """
    test = functools.cache(functools.partial(_read, asked, 'test', allow))
    if not asked['held_out'] or _has_test(asked, test):
        return _read(asked, 'train', allow), test
    kept, held = data.hold_out(_read(asked, 'train', allow), asked['held_out'])
    return kept, lambda: held


def _has_test(asked: Mapping[str, Any], test: Callable[[], data.DataSet]) -> bool:
    if 'fn' not in asked:
        found = data.overview(asked['name'], asked['dir'] or None)
        return found is not None and 'test' in found.counts
    try:
        return bool(test())
    except UserError as error:
        if error.status != MISSING:
            raise
        return False


def _read(asked: Mapping[str, Any], split: str, allow: Collection[str] | None) -> data.DataSet:
    """A split as it is stored, or as a function gives it."""
    place = asked['dir'] or None
    if 'fn' not in asked:
        size, background = asked['size'], asked['background']
        found = data.load(asked['name'], place, split, size=size, background=background)
        if 'autoencoder' not in asked:
            return found
        return codes.attached(found, data.folder_of(place), split, asked['autoencoder']['fn'])
    read = load.partial(asked, READER, allow, split=split, folder=data.folder_of(place))
    try:
        found = read()
    except UserError:
        raise
    except Exception as error:  # it is anybody's code
        raise _refused(asked, f"fails on the split '{split}': {sentence(error)}") from error
    if found is None:
        raise UserError(f"'{asked['name']}' has no split '{split}'", MISSING)
    if wrong := _fault(found, asked['size']):
        raise _refused(asked, f"gives for the split '{split}' {wrong}")
    labels = None if found.labels is None else found.labels.astype(np.int32)
    vectors = found.vectors and label_vectors(found.vectors.table[found.vectors.rows])
    found = found._replace(labels=labels, vectors=vectors, name=asked['name'])
    return data.at_size(found, asked['size'])


def outline_images(
    asked: Mapping[str, Any], *, allow: Collection[str] | None = None
) -> data.DataSet | None:
    """Blank images, and codes, in the form of a published data set; None for other names.

    Args:
        asked, allow: as in `load_images`.

    Raises:
        UserError: the autoencoder fails, or does not take such images.
    """
    found = data.outline(asked['name'], asked['size'])
    if found is None or 'autoencoder' not in asked:
        return found
    made, code, source = build_autoencoder(asked['autoencoder'], found.images.shape[1:], allow)
    zero = np.uint8(0) if code.dtype == np.uint8 else np.float16(0)
    blank = np.broadcast_to(zero, (len(found.images), *code.shape))
    none = (0.0,) * code.shape[-1], (1.0,) * code.shape[-1]
    path = asked['autoencoder']['fn']
    return found._replace(codes=Codes(blank, *none, path, autoencoder.digest(made), source))


def build_decoder(
    asked: Mapping[str, Any],
    record: Mapping[str, Any] | None,
    *,
    allow: Collection[str] | None = None,
) -> Decoder:
    """The way from what the generator of a config makes to images.

    Args:
        asked: the config's block `data`.
        record: from `dataset.codes_record`; None if the networks see images.
        allow: as in `load.resolve`.

    Raises:
        UserError: the autoencoder fails, has other weights or another source than the codes were
            made with (65), or does not fit the images.
    """
    if record is None:
        return PLAIN
    made, code, source = build_autoencoder(asked['autoencoder'], record['image'], allow)
    other = {
        'codes': [*code.shape] != record['code'],
        'weights': autoencoder.digest(made) != record['variables'],
        'lines in its file': source != record.get('source_sha256'),
    }
    if any(other.values()):
        raise UserError(
            f'config.data.autoencoder: {asked["autoencoder"]["fn"]} has other '
            f'{next(name for name in other if other[name])} than those with which the images were '
            'encoded: give it these, or encode and train anew',
            DATA,
        )
    return autoencoder.make_decoder(made, record)


def build_autoencoder(
    block: Mapping[str, Any],
    shape: Sequence[int],
    allow: Collection[str] | None = None,
    part: str = 'config.data.autoencoder',
) -> tuple[Autoencoder, jax.ShapeDtypeStruct, str]:
    """The autoencoder of a block, the shape and type of its codes, and the digest of its source.

    Args:
        block: with its function, 'fn', and keywords.
        shape: of an image, [H, W, C].
        allow: as in `load.resolve`.
        part: where the block stands, for errors.

    Raises:
        UserError: there is no such function, it breaks its contract, or has no source.
    """
    try:
        with of_part(part):
            made = load.build(block, AUTOENCODER, allow=allow)
            return made, autoencoder.code_of(made, shape), source_digest(block['fn'])
    except PartError as error:
        raise UserError(str(error)) from error


def _refused(asked: Mapping[str, Any], why: str) -> UserError:
    return UserError(f'config.data: {asked["fn"]} {why}', DATA)


def _fault(found: Any, size: Size) -> str:
    """The second half of a sentence about a result that is no data set; '' if it is one."""
    if not isinstance(found, data.DataSet):
        return f'a {type(found).__name__}: return a gan_jax.data.DataSet, or None for no such split'
    images, labels = found.images, found.labels
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        return f'images {_form(images)}: return uint8 [N, H, W, C]'
    count, height, width, channels = images.shape
    if not count or channels not in (1, 3):
        return f'images {_form(images)}: return at least one, with 1 or 3 channels'
    if on_disk(found) and (height, width) != pair(size):
        own = as_config((height, width))
        return f'images of {height}x{width} pixels on the disk: give config.data.size={own}'
    wrong = _label_fault(labels, count, found.num_classes) or _name_fault(found)
    return wrong or ('' if found.vectors is None else _vector_fault(found.vectors, count, labels))


def _label_fault(labels: Any, count: int, num_classes: int) -> str:
    if labels is None:
        return '' if num_classes == 0 else f'{num_classes} classes, and no labels: return 0 classes'
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in 'iu':
        return f'labels {_form(labels)}: return integers [N], or None'
    if labels.shape != (count,):
        return f'{count} images and labels {_form(labels)}: return one for each'
    if labels.min() < 0 or labels.max() >= num_classes:
        return (
            f'labels from {labels.min()} to {labels.max()}, and {num_classes} classes: return '
            'labels from 0 to one less than the classes'
        )
    return ''


def _vector_fault(vectors: Any, count: int, labels: Any) -> str:
    if labels is not None:
        return 'labels and vectors: return one of them'
    if not isinstance(vectors, LabelVectors):
        return f'vectors as a {type(vectors).__name__}: return them {BY_FUNCTION}'
    table, rows = vectors
    if not isinstance(table, np.ndarray) or not isinstance(rows, np.ndarray):
        return f'vectors {_form(table)} and rows {_form(rows)}: return them {BY_FUNCTION}'
    if table.ndim != 2 or table.dtype != np.float32 or not np.isfinite(table).all():
        return f'a table of vectors {_form(table)}: return finite float32 [R, K], {BY_FUNCTION}'
    if rows.shape != (count,) or rows.dtype.kind not in 'iu':
        return f'{count} images and rows {_form(rows)}: return one for each, {BY_FUNCTION}'
    if not 0 <= rows.min() <= rows.max() < len(table):
        return (
            f'rows from {rows.min()} to {rows.max()} of {len(table)} vectors: return rows from 0 '
            f'to {len(table) - 1}, {BY_FUNCTION}'
        )
    return ''


def _name_fault(found: data.DataSet) -> str:
    names = found.class_names
    if names is not None and len(names) != found.num_classes:
        return f'{len(names)} names of {found.num_classes} classes: return one for each, or None'
    return ''


def _form(array: Any) -> str:
    if not isinstance(array, np.ndarray):
        return f'as a {type(array).__name__}'
    return f'as {array.dtype} {list(array.shape)}'
