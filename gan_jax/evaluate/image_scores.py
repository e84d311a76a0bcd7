"""Scores of any images against others: FID, KID, precision and recall, and metrics of pixels.

The metrics have the names of a run's, without a generator: 'fid10k' compares 10,000 images with
all of the reference's split train, 'fid10k_test' with its split test. The networks and their
resizing are the same, so that 'fid10k' is torch-fidelity's number, and 'fid10k_clean' is
clean-fid's; both take images of any one size as they are.
"""

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import data
from gan_jax.data import DataSet, digest
from gan_jax.data.resize import Size, as_config
from gan_jax.evaluate import digit_metrics, pixels, protocol, scores
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.curve import Keep
from gan_jax.evaluate.names import KINDS, WIDTH, parse_score
from gan_jax.evaluate.result import values_of
from gan_jax.runtime import brackets
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.paths import expanded, shown
from gan_jax.runtime.progress import Progress, no_progress

Images = np.ndarray | str | Path

# The families of `protocol` that need no generator and no discriminator.
OF_IMAGES = (digit_metrics, scores, pixels)


class Pair(NamedTuple):
    """The two sets that are compared.

    Attributes:
        images: that are scored.
        reference: that they are compared with, of as many channels.
        test: the reference's split test; None if it has none.
        notes: sentences on what was done to them, for the protocol.
    """

    images: DataSet
    reference: DataSet
    test: DataSet | None
    notes: tuple[str, ...]


def score(
    images: Images,
    against: Images,
    metrics: str = 'fid10k,kid10k,pr10k',
    data_dir: str | Path | None = None,
    *,
    size: Size | None = None,
    progress: Progress = no_progress,
    keep: Keep | None = None,
) -> dict[str, Any]:
    """Scores of images, with all that they depend on.

    Args:
        images: uint8 [N, H, W, C], C of 1 or 3; or the path of a folder, zip, tar or npz of images;
            or the name of a data set.
        against: the reference, likewise.
        metrics: names with commas between them, see docs/reference/metrics.md. Where a name says
            no split of the reference, it is train, which is everything but for data sets with
            splits.
        data_dir: the folder of data sets by name, and of what is kept: published weights and
            features of references; see `data.folder_of`.
        size: that both are cropped and resized to first, the side of a square or (height, width);
            None takes images as they are, all of one size in each set, and leaves resizing to the
            metric's network.
        progress: reports the work.
        keep: called with a name and the `Curves` that a metric measures beside its numbers: the two
            power spectra of 'spectrum10k'.

    Returns:
        {'metrics': {name: value}, 'protocol': all that they depend on, as JSON}. A value that is
        not finite is None, and 'not_finite' has its name and value then. Beside each distance is
        '<name>_floor', of other real images: of the reference's other split, or of its two halves.

    Raises:
        UserError: images cannot be read, or a metric would mean nothing: too few images, sizes that
            do not fit, a metric of a generator or a discriminator, weights that are not to be had.
    """
    asked = [name for name in brackets.split(metrics, ',') if name]
    if not asked:
        raise UserError('no metrics are named: give --metrics=fid10k,kid10k, say')
    pair = open_pair(images, against, data_dir, size)
    given = _context(pair, data_dir, progress)
    _check(asked, pair, given)
    prepared_metrics = protocol.prepare_metrics(metrics, given)
    chosen, drawn = _chosen(asked, pair.images)
    found = prepared_metrics.measure(chosen, None, None, progress, keep=keep)
    scored = {
        'images': pair.images.name,
        'count': len(pair.images.images),
        'digest': digest(pair.images),
        'drawn': drawn,
        'side': list(pair.images.images.shape[1:3]),
        'size': size and as_config(size),
        'notes': list(pair.notes),
    }
    return {**values_of(found), 'protocol': {'scored': scored, **prepared_metrics.protocol}}


# The two sets ------------------------------------------------------------------------------------


def open_pair(
    images: Images, against: Images, data_dir: str | Path | None = None, size: Size | None = None
) -> Pair:
    """Both sets, read and brought to one number of channels; arguments as of `score`."""
    scored, reference = (_opened(one, data_dir, size) for one in (images, against))
    there = None if isinstance(against, np.ndarray) else data.overview(*_place(against, data_dir))
    has_test = there is not None and 'test' in there.counts
    test = _opened(against, data_dir, size, 'test') if has_test else None
    return _of_one_colour(Pair(scored, reference, test, ()))


def _opened(
    given: Images, data_dir: str | Path | None, size: Size | None, split: str = 'train'
) -> DataSet:
    if isinstance(given, np.ndarray):
        return _of_array(given, size)
    return data.load(*_place(given, data_dir), split, size=size)


def _place(given: str | Path, data_dir: str | Path | None) -> tuple[str, str | Path | None]:
    """The name or path of a data set, and the folder that it is looked for in.

    A data set that comes with the package or is prepared goes before a path of the same name. A
    path is not looked for by its last part in `data_dir`: two sets may lie in folders of one name.
    """
    name = os.fspath(given)
    known = name in data.READERS or (data.folder_of(data_dir) / name).is_dir()
    if data.is_path(name) or (not known and expanded(name).exists()):
        return str(expanded(name).absolute()), None
    names, root = data.names(), data.folder_of(data_dir)
    if not known and name not in names:
        raise UserError(
            f"there is no folder or file '{shown(name)}', and no data set of that name in {root}"
            f'{nearest(name, [*names, *data.prepared_in(root)])}',
            MISSING,
        )
    return name, data_dir


def _of_array(images: np.ndarray, size: Size | None) -> DataSet:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UserError(
            f'an array of images is uint8 [N, H, W, C] with C 1 or 3, and this is {images.dtype} '
            f'{list(images.shape)}: convert it'
        )
    found = DataSet(images, None, 0, 'an array')
    return found if size is None else data.at_size(found, size)


def _of_one_colour(pair: Pair) -> Pair:
    """The pair with as many channels in both sets.

    Colour images that are all grey become grey beside a grey set; else the grey set becomes colour,
    with three equal channels, as a network of colours sees grey images.
    """
    a, b = pair.images, pair.reference
    if a.images.shape[3] == b.images.shape[3]:
        return pair
    colour, grey = (a, b) if a.images.shape[3] == 3 else (b, a)
    if (colour.images == colour.images[..., :1]).all():
        note, channels = f"'{colour.name}' is grey in three equal channels: one is taken", 1
    else:
        note, channels = f"'{grey.name}' is grey: it is given three equal channels", 3
    sets = (one and _with_channels(one, channels) for one in (a, b, pair.test))
    return Pair(*sets, (note,))


def _with_channels(dataset: DataSet, channels: int) -> DataSet:
    images = dataset.images
    if channels == 3 and images.shape[3] == 1:
        images = np.repeat(images, 3, axis=3)
    return dataset._replace(images=images[..., :channels])


def _context(pair: Pair, data_dir: str | Path | None, progress: Progress) -> Context:
    def held_out() -> DataSet:
        if pair.test is None:
            raise UserError(f"'{pair.reference.name}' has no split 'test'", MISSING)
        return pair.test

    return Context(
        train=pair.reference,
        held_out=held_out,
        train_subset=pair.reference,
        critic=None,
        num=len(pair.images.images),
        data_dir=data_dir,
        devices=jax.local_devices(),
        progress=progress,
        split_unsaid='train',
        floors=True,
    )


# Metrics -----------------------------------------------------------------------------------------


def _check(asked: Sequence[str], pair: Pair, given: Context) -> None:
    """Refuses metrics that cannot be measured of these images, or would mean nothing.

    Raises:
        UserError: everything that is wrong, a line each.
    """
    wrong, sound = [], []
    for name in asked:
        said = [*_faults(name, pair)]
        wrong += said
        sound += [] if said else [name]
    try:
        protocol.check_metrics(','.join(sound), given)
    except UserError as error:
        if not wrong:
            raise
        wrong.append(str(error))
    if wrong:
        raise UserError('\n'.join(wrong))


def _faults(name: str, pair: Pair) -> Iterator[str]:
    """Everything wrong with a metric of images alone, a sentence each."""
    images, count = pair.images.name, len(pair.images.images)
    of_a_model = (family.knows for family in protocol.FAMILIES if family not in OF_IMAGES)
    if name.startswith('intra_') or any(knows(name) for knows in of_a_model):
        yield (
            f"'{name}' is measured of a generator or a discriminator, and images alone have none: "
            'leave it out, or evaluate a run by --workdir'
        )
        return
    if name in KINDS:
        yield f"'{name}' does not say of how many images: write {name}{count}, all of '{images}'"
        return
    if (one := _counted(name)) is None:
        return
    if one.num > count:
        fewer = re.sub(r'[1-9]\d*k?', str(count), name, count=1)
        if count < WIDTH and name.startswith('fid'):
            fewer = fewer.replace('fid', 'kid', 1)  # FID would be mostly bias
        yield f"'{name}' takes {one.num:,} images, and '{images}' holds {count:,}: write {fewer}"
    if one.split == 'test' and pair.test is None:
        yield (
            f"'{name}' compares with a split test, and '{pair.reference.name}' has none: write "
            f'{name.replace("_test", "", 1)}'
        )
    sides = [one.images.shape[1:3] for one in (pair.images, pair.reference)]
    if isinstance(one, pixels.Compared) and sides[0] != sides[1]:
        (h, w), (height, width) = sides
        yield (
            f"'{name}' compares pixels, and '{images}' has {h}x{w} of them, "
            f"'{pair.reference.name}' {height}x{width}: give the size of both by --size=N"
        )


def _counted(name: str) -> Any:
    """The parsed name with `num` and `split`; None if it has none, or something is wrong with it.

    What is wrong is for `protocol.check_metrics` to say.
    """
    try:
        if pixels.knows(name):
            return pixels.read(name, 'train')
        return parse_score(name, 'train')
    except UserError:
        return None


def _chosen(asked: Sequence[str], scored: DataSet) -> tuple[np.ndarray, str]:
    """The images in the order in which metrics take the first of them, and that order in words.

    Where a metric takes some of them, they are drawn: the first may all be of one class.
    """
    count = len(scored.images)
    numbers = [one.num for name in asked if (one := _counted(name))]
    if all(num == count for num in numbers):
        return scored.images, 'all'
    raw = np.random.Philox(key=zlib.crc32(b'scored')).random_raw(count)
    order = np.argsort(raw, kind='stable')
    most = count if len(numbers) < len(asked) else max(numbers)
    return scored.images[order[:most]], 'at random, by a fixed seed'
