"""Damaged images and archives: refused by name, or read as they are; never other numbers."""

import functools
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from gan_jax import data
from gan_jax.data import prepared, sources
from gan_jax.data.pictures import stylegan
from gan_jax.data.pieces import Piece, resized
from gan_jax.runtime.errors import UserError
from tests.data.archives import maker
from tests.faults.attack import Attack, Guard
from tests.faults.bench import Bench, Hangs, limited

LONGEST = 20  # seconds
FORMATS = {'.png': {}, '.jpg': {'quality': 90}, '.bmp': {}, '.webp': {}, '.gif': {}}


def damaged_image(bench: Bench, draw: random.Random, index: int) -> str:
    """One of three images of a folder: bytes flipped, cut, or put in."""
    suffix = [*FORMATS][index % len(FORMATS)]
    folder = bench.scratch / 'images'
    folder.mkdir()
    for number in range(3):
        picture = Image.fromarray(maker.noise(number, 12, 12, 3))
        picture.save(folder / f'{number}{suffix}', **FORMATS[suffix])
    path = folder / f'1{suffix}'
    path.write_bytes(_spoiled(path.read_bytes(), draw))
    found = _read(lambda: data.load(f'{folder}/', size=8))
    if isinstance(found, str):
        return _lost(found) or ('' if path.name in found else f'{path.name} is not named: {found}')
    sound = found.images.dtype == np.uint8 and found.images.shape[:3] == (3, 8, 8)
    return '' if sound else f'images {found.images.dtype} {found.images.shape}'


def damaged_archive(bench: Bench, draw: random.Random, index: int) -> str:
    """An archive of a publisher, or one of images of one's own."""
    name = [*ARCHIVES][index % len(ARCHIVES)]
    folder = bench.scratch / 'archive'
    folder.mkdir()
    right = ARCHIVES[name](folder)
    path = draw.choice(sorted(p for p in folder.iterdir() if p.is_file()))
    path.write_bytes(_spoiled(path.read_bytes(), draw))
    found = _read(lambda: _content(name, folder))
    if isinstance(found, str):
        return _lost(found)
    return '' if _same(found, right) else f'{name}: other images or labels without a word'


def damaged_set(bench: Bench, draw: random.Random, index: int) -> str:
    """A file of a prepared data set."""
    place = bench.scratch / 'data'
    images, labels = maker.noise(0, 40, 8, 8, 3), np.arange(40) % 10
    place.mkdir()
    pieces = [_piece('images', images), _piece('labels', labels)]
    prepared.write_prepared(place / 'mine', pieces, {'name': 'mine'}, num_classes=10)
    files = sorted(p for p in (place / 'mine').rglob('*') if p.is_file())
    path = files[index % len(files)]
    content = path.read_bytes()
    path.unlink() if draw.random() < 0.1 else path.write_bytes(_spoiled(content, draw))
    found = _read(lambda: data.load('mine', place))
    if isinstance(found, str):
        return _lost(found)
    same = np.array_equal(found.images, images) and np.array_equal(found.labels, labels)
    return '' if same and found.num_classes == 10 else f'{path.name}: another data set'


def _content(name: str, folder: Path) -> dict[tuple[str, str], np.ndarray]:
    """(split, kind) -> the array that an archive holds."""
    paths = sources.find(name, str(_source(name, folder)))
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for piece in resized(sources.open_source(name, paths, None).pieces, None):
        found.setdefault((piece.split, piece.kind), []).append(piece.array)
    return {key: np.concatenate(arrays) for key, arrays in found.items()}


def _source(name: str, folder: Path) -> Path:
    return folder if name in ('mnist', 'svhn', 'emnist') else next(folder.iterdir())


def _same(found, right) -> bool:
    return found.keys() == right.keys() and all(
        np.array_equal(found[key], right[key]) for key in right
    )


def _made(make: Callable[[Path], object], name: str, folder: Path):
    make(folder)
    return _content(name, folder)


def _own(suffix: str, folder: Path) -> Path:
    """Pictures of two classes, or arrays."""
    path = folder / f'own{suffix}'
    if suffix == '.npz':
        np.savez_compressed(path, images=maker.noise(0, 9, 8, 8, 3), labels=np.arange(9) % 3)
        return path
    members = {f'{c}/{i}.png': maker.png(maker.noise(i, 8, 8, 3)) for c in 'ab' for i in range(4)}
    return maker.write_zip(path, members)


def _labelled(folder: Path) -> Path:
    """As StyleGAN's tools write it."""
    path = folder / 'own.zip'
    labels = (np.arange(8) % 3).astype(np.int32)
    stylegan.write(
        path, data.DataSet(maker.noise(0, 8, 8, 8, 3), labels, 3, 'own', ('a', 'b', 'c'))
    )
    return path


# A tar without compression has no checksum of its contents, nor has a file of IDX.
ARCHIVES = {
    'cifar10': functools.partial(_made, functools.partial(maker.cifar10, per_batch=10), 'cifar10'),
    'cifar100': functools.partial(_made, maker.cifar100, 'cifar100'),
    'emnist': functools.partial(_made, maker.emnist, 'emnist'),
    'svhn': functools.partial(_made, maker.svhn, 'svhn'),
    'mine': functools.partial(_made, functools.partial(_own, '.zip'), 'mine'),
    'labelled': functools.partial(_made, _labelled, 'labelled'),
    'arrays': functools.partial(_made, functools.partial(_own, '.npz'), 'arrays'),
}


def _spoiled(content: bytes, draw: random.Random) -> bytes:
    """Bits flipped, the end cut off, bytes put in, or a block of zeros, as bad sectors are."""
    place = draw.randrange(len(content))
    kind = draw.randrange(5)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + draw.randbytes(draw.randint(1, 9)) + content[place:]
    if kind == 2:
        return content[:place] + bytes(64) + content[place + 64 :]
    spoiled = bytearray(content)
    for _ in range(1 if kind == 3 else 20):
        spoiled[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(spoiled)


def _read(load: Callable[[], object]):
    """The images that are read, the sentence if they are refused, or 'lost: ...' for a defect."""
    try:
        with limited(LONGEST):
            return load()
    except UserError as error:
        return str(error)
    except Hangs:
        return 'lost: hangs'
    except Exception as error:
        return f'lost: {type(error).__name__}: {error}'


def _lost(said: str) -> str:
    return said if said.startswith('lost: ') else ''


def _piece(kind: str, array: np.ndarray) -> Piece:
    return Piece('train', kind, array)


ATTACKS = (
    Attack(
        'a damaged image',
        300,
        damaged_image,
        Guard(
            'gan_jax/data/pictures/decode.py',
            '    except Exception as error:\n        sentence',
            '    except ValueError as error:\n        sentence',
        ),
    ),
    Attack(
        'a damaged archive',
        300,
        damaged_archive,
        Guard(
            'gan_jax/data/damage.py',
            '    except Exception as error:',
            '    except KeyError as error:',
        ),
    ),
    Attack(
        'a damaged data set',
        150,
        damaged_set,
        Guard(
            'gan_jax/data/prepared.py',
            "    if hashlib.sha256(array).hexdigest() != info[kind]['sha256']:",
            '    if False:',
        ),
    ),
)
