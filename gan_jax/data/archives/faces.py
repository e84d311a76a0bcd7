"""CelebA from its zip of aligned photographs, CelebA-HQ and FFHQ from folders of images."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gan_jax.data.pictures import decode
from gan_jax.data.pictures.folder import open_folder
from gan_jax.data.pictures.listing import listing
from gan_jax.data.pieces import Content, Piece
from gan_jax.data.resize import Size
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import ends_with, opened, shown

CROP = 160
PARTITION = 'list_eval_partition.txt'
SPLITS = ('train', 'validation', 'test')  # 0, 1 and 2 in that file
HELD_OUT = 10  # one of so many images of CelebA-HQ is in the test split


def read_celeba(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """CelebA: uint8 [n, H, W, 3], without labels; of the 160×160 in the middle, resized.

    The photographs have 178×218 pixels; the crop is the one of earlier GAN studies, which cuts the
    background away. list_eval_partition.txt gives the splits train, validation and test.
    """

    def pixels(file, name):
        return decode.pixels(file, name, channels=3, size=size, crop=CROP)

    path = paths['img_align_celeba.zip']
    with listing(path) as files:
        photographs = [name for name in files.names if ends_with(name, '.jpg')]
        by_name = {name.rpartition('/')[2]: name for name in photographs}
        for split, names in _partition(paths[PARTITION], by_name).items():
            chosen = ((by_name[n], f'{path}: {n}') for n in names)
            contents = ((_read(files, member, name), name) for member, name in chosen)
            for images in decode.in_chunks(contents, pixels):
                yield Piece(split, 'images', images)


def _read(files, member: str, name: str):
    with files.open(member) as file:
        return decode.in_memory(file, name)


def _partition(path: Path, known: Mapping[str, str]) -> Mapping[str, list[str]]:
    splits = {split: [] for split in SPLITS}
    with opened(path) as file:
        lines = file.read().decode('utf-8', 'replace').splitlines()
    for line in lines:
        name, _, number = line.strip().partition(' ')
        if number.strip() not in ('0', '1', '2') or name not in known:
            raise UserError(
                f'{path}: "{shown(line[:80])}" names no image of the zip and a split', DATA
            )
        splits[SPLITS[int(number)]].append(name)
    return {split: names for split, names in splits.items() if names}


def open_celeba_hq(
    path: Path, size: Size | None, max_bad: int = 0
) -> tuple[Content, tuple[int, int, int]]:
    """CelebA-HQ from any folder, zip or tar of its images, without labels.

    The test split is the last tenth in the order of the file names, 3,000 of the 30,000: a choice
    of this project.
    """
    content, shape = _unlabelled(path, size, max_bad)
    return content._replace(pieces=_divided(content)), shape


def open_ffhq(
    path: Path, size: Size | None, max_bad: int = 0
) -> tuple[Content, tuple[int, int, int]]:
    """FFHQ from any folder, zip or tar of its images, without labels.

    All are training images, as in R3GAN and StyleGAN2-ADA. The folders of a thousand images in
    which they are published are no classes.
    """
    return _unlabelled(path, size, max_bad)


def _unlabelled(
    path: Path, size: Size | None, max_bad: int
) -> tuple[Content, tuple[int, int, int]]:
    content, shape = open_folder(path, size, max_bad)
    pieces = (piece for piece in content.pieces if piece.kind != 'labels')
    return content._replace(pieces=pieces, num_classes=0, class_names=None), shape


def _divided(content: Content) -> Iterator[Piece]:
    left = content.count - content.count // HELD_OUT
    for piece in content.pieces:
        if left > 0:
            yield piece._replace(split='train', array=piece.array[:left])
        if len(piece.array) > left:
            yield piece._replace(split='test', array=piece.array[max(left, 0) :])
        left -= len(piece.array)
