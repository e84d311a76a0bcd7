"""The records in the files of a copy: read in either format, decoded, every fault in a sentence."""

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data import decode as images
from gan_jax.data import tfrecord
from gan_jax.errors import DATA, UserError

AT_ONCE = 256  # records that are asked of an ArrayRecord file at once

Labelled = tuple[np.ndarray, int | None]  # image uint8 [H, W, C] and its class, if it has one
Frames = Callable[[Path], Iterator[bytes]]


def frames_of(file_format: str, folder: Path) -> Frames:
    """What yields the records of one file of that format; `folder` is named in the errors.

    Raises:
        UserError: neither 'tfrecord' nor 'array_record', or the package for the latter is missing.
    """
    if file_format == 'tfrecord':
        return tfrecord.frames
    if file_format != 'array_record':
        raise UserError(
            f"the copy in {folder} is in the format '{file_format}': prepare the data set again "
            "with file_format='array_record' or 'tfrecord'",
            DATA,
        )
    try:
        from array_record.python.array_record_module import ArrayRecordReader
    except ImportError as fault:
        raise UserError(
            f'to read the copy in {folder}, which is in ArrayRecord format, '
            "pip install 'gan_jax[grain]'"
        ) from fault

    def frames(path: Path) -> Iterator[bytes]:
        reader = ArrayRecordReader(str(path))
        try:
            count = reader.num_records()  # 0 where the file is damaged
            for first in range(0, count, AT_ONCE):
                yield from reader.read(first, min(first + AT_ONCE, count))
        finally:
            reader.close()

    return frames


def decoded(
    shards: Iterable[tuple[Path, int]],
    frames: Frames,
    image: Any,
    label: Any | None,
    *,
    size: int | None,
    crop: int | None,
) -> Iterator[Labelled]:
    """The records of all the files in order, decoded.

    Args:
        shards: the files, each with the number of records that it must hold.
        frames: what `frames_of` gave.
        image: the feature of tensorflow-datasets that holds the image.
        label: that of the label, a `ClassLabel`; None where there is none.
        size, crop: as in `decode.pixels`.

    Raises:
        UserError: a file is damaged, or holds another number of records.
    """
    from tensorflow_datasets.core import decode, features

    wanted = features.FeaturesDict({'image': image} | ({'label': label} if label else {}))
    # The same decoder as for all other images: that of tensorflow-datasets is OpenCV or Pillow, by
    # what is installed, and their JPEG pixels differ.
    encoded = {'image': decode.SkipDecoding()}
    shape = image.shape if size is None else (size, size, image.shape[2])
    for path, count in shards:
        seen = 0
        with _reading(path):
            for record in frames(path):
                example = wanted.deserialize_example_np(record, decoders=encoded)
                file, name = io.BytesIO(example['image']), f'record {seen} of {path}'
                pixels = images.pixels(file, name, channels=shape[2], size=size, crop=crop)
                if any(
                    want not in (None, got) for want, got in zip(shape, pixels.shape, strict=True)
                ):
                    raise ValueError(f'{name} is {pixels.shape} instead of {shape}')
                value = example.get('label', -1)
                yield pixels, None if value < 0 else value
                seen += 1
            if seen != count:
                raise ValueError(f'it holds {seen} records instead of {count}')


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a damaged file makes the readers raise becomes a sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as fault:
        raise UserError(
            f'{path} is damaged ({first_line(fault)}): copy it again or prepare the data set again',
            DATA,
        ) from fault


def first_line(fault: Exception) -> str:
    """What an exception says, without the lines of context that libraries add."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
