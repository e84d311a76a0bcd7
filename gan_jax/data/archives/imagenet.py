"""ImageNet (ILSVRC 2012) from its tars, and its 32×32 and 64×64 versions from their archives.

The versions at 32 and 64 pixels come from "A Downsampled Variant of ImageNet as an Alternative to
the CIFAR datasets" (Chrabaszcz et al., 2017); their classes have another order than ImageNet's.
"""

import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gan_jax.data.damage import reading
from gan_jax.data.pictures import decode, npz
from gan_jax.data.pieces import Piece
from gan_jax.data.resize import Size
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import ends_with


def read_imagenet(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """The training images: uint8 [n, H, W, 3], the middle of each, resized.

    The labels, 0-999, number the sorted WordNet names of the classes. The images of a class come in
    the order of their file names.
    """
    ((name, path),) = paths.items()

    def pixels(file, place):
        return decode.pixels(file, place, channels=3, size=size)

    with reading(path) as file, tarfile.open(fileobj=file, mode='r:') as archive:
        for label, member in enumerate(_classes(archive, path, name)):
            with tarfile.open(fileobj=archive.extractfile(member), mode='r:') as inner:
                for images in decode.in_chunks(_files(inner, f'{path}: {member.name}'), pixels):
                    yield Piece('train', 'images', images)
                    yield Piece('train', 'labels', np.full(len(images), label, np.int32))


def class_names(paths: Mapping[str, Path]) -> tuple[str, ...]:
    """The WordNet names of the classes, 'n01440764' and so on, in the order of the labels."""
    ((name, path),) = paths.items()
    with reading(path) as file, tarfile.open(fileobj=file, mode='r:') as archive:
        return tuple(Path(member.name).stem for member in _classes(archive, path, name))


def _classes(archive: tarfile.TarFile, path: Path, name: str) -> list[tarfile.TarInfo]:
    """The tar of each class, sorted by name; `name` is the published name of the archive."""
    classes = sorted((m for m in archive if ends_with(m.name, '.tar')), key=lambda m: m.name)
    if not classes or not all(m.isreg() for m in classes):
        raise UserError(f'{path} holds no tar for each class: it must be {name}', DATA)
    return classes


def _files(archive: tarfile.TarFile, name: str) -> Iterator[tuple]:
    for member in sorted((m for m in archive if m.isreg()), key=lambda m: m.name):
        path = f'{name}: {member.name}'
        yield decode.in_memory(archive.extractfile(member), path), path


def read_small_imagenet(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """The version at 32 or 64 pixels: uint8 [n, side, side, 3] and labels 0-999, train and test.

    Each archive is a zip of .npz files with `data`, uint8 [n, 3·side²], red, green, blue, and
    `labels`, 1-1000. The test split is ImageNet's validation split.
    """
    for name, path in paths.items():
        side = 64 if '64' in name else 32
        split = 'train' if 'train' in name else 'test'
        with reading(path) as file, zipfile.ZipFile(file) as outer:
            batches = [n for n in outer.namelist() if ends_with(n, '.npz')]
            if not batches:
                raise UserError(f'{path} holds no .npz: it must be {name}', DATA)
            for batch in sorted(batches, key=_number):
                with outer.open(batch) as member, zipfile.ZipFile(member) as inner:
                    yield from _batch(inner, Path(path, batch), split, side)


def _number(name: str) -> tuple[int, str]:
    return int(''.join(c for c in name.rpartition('_')[2] if c.isdigit()) or 0), name


def _batch(archive: zipfile.ZipFile, path: Path, split: str, side: int) -> Iterator[Piece]:
    if not {'data.npy', 'labels.npy'} <= {*archive.namelist()}:
        raise UserError(f'{path} lacks data or labels: get the archive again', DATA)
    with npz.array(archive, 'data', path) as (shape, dtype, file):
        if dtype != np.uint8 or shape[1:] != (3 * side * side,):
            raise UserError(f'{path} holds no images of {side}x{side}: get it again', DATA)
        for block in npz.blocks(shape, dtype, file, str(path)):
            yield Piece(split, 'images', block.reshape(-1, 3, side, side).transpose(0, 2, 3, 1))
    with npz.array(archive, 'labels', path) as (shape, dtype, file):
        if dtype.kind not in 'iu' or len(shape) != 1:
            raise UserError(f'{path} holds no numbers for labels: get it again', DATA)
        for block in npz.blocks(shape, dtype, file, str(path)):
            yield Piece(split, 'labels', block.astype(np.int64) - 1)
