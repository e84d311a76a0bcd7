"""The records in the files of a copy: read in either format, and decoded."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data.pictures import decode
from gan_jax.data.resize import Size, pair
from gan_jax.runtime import environment
from gan_jax.runtime.errors import DATA, UserError, first_line

AT_ONCE = 256  # records that are read from an ArrayRecord file at once; fewer if they are large

Labelled = tuple[np.ndarray, int | None]  # image uint8 [H, W, C] and its class, if it has one
Frames = Callable[[Path], Iterator[bytes]]


class Copy(NamedTuple):
    """One split of a copy, described but not read yet.

    Attributes:
        folder: the folder of the version, which holds dataset_info.json.
        count: the number of images.
        num_classes: the number of classes; 0 if the copy has no labels.
        shards: the files with their numbers of records, in order.
        frames: the function that yields the records of one file.
        image: tensorflow-datasets' feature of the image.
        label: its feature of the label, a `ClassLabel`; None if there is none.
        crop: side of the square that is cut out before an image is resized; None for the largest.
    """

    folder: Path
    count: int
    num_classes: int
    shards: tuple[tuple[Path, int], ...]
    frames: Frames
    image: Any
    label: Any | None = None
    crop: int | None = None

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names that the label gives the classes; None without labels."""
        return tuple(self.label.names) if self.label else None

    @property
    def shape(self) -> tuple[int | None, int | None, int]:
        """[H, W, C] of an image; H and W are None where they vary."""
        return self.image.shape


def frames_of(file_format: str, folder: Path) -> Frames:
    """The function that yields the records of one file of that format.

    `folder` is named in the errors.

    Raises:
        UserError: neither 'tfrecord' nor 'array_record', or the package for the latter is missing.
    """
    if file_format == 'tfrecord':
        # Here, since whoever draws images reads no such file, and may lack what checks it.
        from gan_jax.data.tfds import tfrecord

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
            f'{environment.install("grain")}'
        ) from fault

    def frames(path: Path) -> Iterator[bytes]:
        reader = ArrayRecordReader(str(path))
        try:
            count = reader.num_records()  # 0 where the file is damaged
            at_once = max(1, min(AT_ONCE, decode.WAITING * count // path.stat().st_size))
            for first in range(0, count, at_once):
                yield from reader.read(first, min(first + at_once, count))
        finally:
            reader.close()

    return frames


def records(copy: Copy, *, size: Size | None = None) -> Iterator[Labelled]:
    """The images of a split, decoded one by one, so that a split need not fit in memory.

    They come in the order of the files' numbers and of the records in a file, which is the same in
    both formats.

    Args:
        copy: from `find`.
        size: of the images: the largest part of its proportions in the middle, resized by `resize`;
            None leaves the images as they are stored. Of celeb_a the 160×160 in the middle is
            taken, as from its archive.

    Raises:
        UserError: a file is damaged, or holds another number of records.
    """
    from tensorflow_datasets.core import decode as theirs
    from tensorflow_datasets.core import features

    labels = {'label': copy.label} if copy.label else {}
    wanted = features.FeaturesDict({'image': copy.image, **labels})
    # The same decoder as for all other images. tensorflow-datasets decodes by OpenCV or Pillow,
    # whichever is installed, and their JPEG pixels differ.
    encoded = {'image': theirs.SkipDecoding()}
    shape = copy.shape if size is None else (*pair(size), copy.shape[2])
    crop = copy.crop if size else None
    for path, count in copy.shards:
        number = 0
        with _reading(path):
            for record in copy.frames(path):
                example = wanted.deserialize_example_np(record, decoders=encoded)
                file, name = io.BytesIO(example['image']), f'record {number} of {path}'
                pixels = decode.pixels(file, name, channels=shape[2], size=size, crop=crop)
                if any(w not in (None, got) for w, got in zip(shape, pixels.shape, strict=True)):
                    raise ValueError(f'{name} is {pixels.shape} instead of {shape}')
                value = example.get('label', -1)
                yield pixels, None if value < 0 else value
                number += 1
            if number != count:
                raise ValueError(f'it holds {number} records instead of {count}')


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Any exception that a damaged file makes the readers raise becomes a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as fault:
        raise UserError(
            f'{path} is damaged ({first_line(fault)}): copy it again or prepare the data set again',
            DATA,
        ) from fault
