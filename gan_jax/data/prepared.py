"""The one form of a data set on the disk: `DIR/NAME/<split>/{images.npy, labels.npy, info.json}`.

images.npy is uint8 [N, H, W, C], labels.npy int32 [N], or float32 [N, K] of label vectors, absent
if there are no labels; info.json holds their digests and its own. The folder NAME is whole or
absent, also after a loss of power: it is written under a name that no data set can have, and
renamed.
"""

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import MEMORY, DataSet, label_vectors
from gan_jax.data.growing_array import GrowingArray
from gan_jax.data.pieces import Piece
from gan_jax.runtime.errors import BUSY, DATA, UNWRITABLE, UserError
from gan_jax.runtime.files import file_lock, sync
from gan_jax.runtime.paths import check_regular, ends_with, opened, removed, shown

VERSION = 2  # of the form
# A folder's name: never a path out of DIR, and never hidden, as unfinished folders are. Letters are
# those of any language, also as two signs, a letter and its accent, which some systems write.
NAME = re.compile(r'\w[\w\u0300-\u036f.-]*')
CODES = '.codes'  # the end of the name of a folder of codes, see `codes`
# Other folders of this project in DIR: of downloads, references, and each network's weights.
RESERVED = (
    *('downloads', 'references', 'inception', 'vgg16', 'lpips'),
    *('dinov2_vits14', 'dinov2_vitb14', 'dinov2_vitl14', 'clip_vitb32'),
)


def can_name(name: str) -> bool:
    """True if a data set of one's own may have that name."""
    return bool(NAME.fullmatch(name)) and name not in RESERVED and not ends_with(name, CODES)


@contextlib.contextmanager
def locked(folder: Path, flag: str = '--data_dir') -> Iterator[None]:
    """Locks `DIR/NAME` for the process that prepares it; DIR is made if needed.

    The lock is the kernel's: it ends with the process, however that ends. `flag` is the flag that
    chooses DIR, for the sentence.

    Raises:
        UserError: another process prepares it (75), or DIR cannot be written (73).
    """
    with contextlib.ExitStack() as until_the_end:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            until_the_end.enter_context(file_lock(folder.parent / f'.{folder.name}.lock'))
        except BlockingIOError as error:
            raise UserError(f'{folder} is being prepared already: wait for it', BUSY) from error
        except OSError as error:
            raise UserError(
                f'cannot write to {flag}={folder.parent}: {error.strerror}; choose another',
                UNWRITABLE,
            ) from error
        yield


# Writing -----------------------------------------------------------------------------------------


def write_prepared(
    folder: Path,
    pieces: Iterable[Piece],
    metadata: Mapping[str, Any],
    *,
    num_classes: int,
    class_names: tuple[str, ...] | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Writes all splits of a data set, and only then gives the folder its name.

    Args:
        folder: `DIR/NAME`, which must not exist.
        pieces: its images and labels.
        metadata: JSON values for every info.json: sources and how it was made. They are read after
            all pieces.
        num_classes: labels lie in [0, num_classes).
        class_names: one for each class, if they are known.
        advance: called with the number of images of each piece.

    Raises:
        UserError: labels out of range, not as many labels as images, or no images.
    """
    partial = removed(folder.with_name(f'.{folder.name}.part'))
    partial.mkdir()
    try:
        infos = _write_arrays(partial, pieces, num_classes, advance)
        for split, info in infos.items():
            names = {'class_names': class_names if info['labels'] else None}
            info = {'version': VERSION, 'split': split, **metadata, **info, **names}
            text = json.dumps({**info, 'sha256': _sha256(info)}, indent=2)
            (partial / split / 'info.json').write_text(text + '\n')
            sync(partial / split / 'info.json')
            sync(partial / split)
        sync(partial)
        partial.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sha256(info: Mapping[str, Any]) -> str:
    """The digest of an info.json without the digest itself; spaces and order do not matter."""
    rest = {key: value for key, value in info.items() if key != 'sha256'}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _write_arrays(
    folder: Path, pieces: Iterable[Piece], num_classes: int, advance: Callable[[int], None]
) -> dict[str, dict[str, Any]]:
    arrays: dict[tuple[str, str], GrowingArray] = {}
    with contextlib.ExitStack() as stack:
        for split, kind, array in pieces:
            if not NAME.fullmatch(split):  # a copy of tensorflow-datasets names its splits itself
                raise UserError(f"'{shown(split)}' cannot name a split: get the source again", DATA)
            if (split, kind) not in arrays:
                (folder / split).mkdir(exist_ok=True)
                file = stack.enter_context((folder / split / f'{kind}.npy').open('wb'))
                arrays[split, kind] = GrowingArray(file)
            if kind == 'labels':
                array = _labels(array, split, num_classes)
            arrays[split, kind].append(array)
            advance(len(array) if kind == 'images' else 0)
        splits = sorted({split for split, _ in arrays}) or ['train']
        return {split: _info(split, arrays, num_classes) for split in splits}


def _labels(array: np.ndarray, split: str, num_classes: int) -> np.ndarray:
    if array.ndim == 2:
        return array.astype('<f4')
    if len(array) and not 0 <= array.min() <= array.max() < num_classes:
        raise UserError(
            f"a label of the split '{split}' lies outside 0 to {num_classes - 1}: the source is "
            'damaged, get it again',
            DATA,
        )
    return array.astype('<i4')


def _info(split: str, arrays: Mapping, num_classes: int) -> dict[str, Any]:
    images, labels = arrays.get((split, 'images')), arrays.get((split, 'labels'))
    count = images.count if images else 0
    if not count or (labels and labels.count != count):
        raise UserError(
            f"the split '{split}' has {count} images and {labels.count if labels else 0} labels: "
            'the source is damaged, get it again',
            DATA,
        )
    return {
        'num_classes': num_classes if labels else 0,
        'images': {'shape': images.shape, 'sha256': images.finish()},
        'labels': labels and _label_info(labels),
    }


def _label_info(labels: GrowingArray) -> dict[str, Any]:
    size = {'size': labels.shape[1]} if len(labels.shape) == 2 else {}
    return {'sha256': labels.finish(), **size}


# Reading -----------------------------------------------------------------------------------------


def infos(folder: Path) -> dict[str, Any]:
    """The info.json of each split of a prepared data set, by the split's name."""
    found = {}
    for path in sorted(folder.glob('*/info.json')):
        try:
            with opened(path) as file:
                info = _parsed(file.read())
        except PermissionError:
            raise
        except OSError:
            info = None
        if info is None:
            raise UserError(
                f'{path} is damaged or of another version: remove {folder} and prepare it again',
                DATA,
            )
        found[path.parent.name] = info
    return found


def _parsed(content: bytes) -> dict[str, Any] | None:
    """The content of an info.json; None if it is not as it was written."""
    try:
        info = json.loads(content)
        sound = info['version'] == VERSION and info['sha256'] == _sha256(info) and _is_named(info)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return info if sound else None


def read_prepared(
    folder: Path, split: str, name: str, types: Sequence[type] = (np.uint8,)
) -> DataSet:
    """One split of a prepared data set: in memory, or mapped if it is larger than `MEMORY`.

    The images, or in their place codes, are of one of these types.

    Raises:
        UserError: a file is missing or differs from its info.json. The pixels themselves are
            compared only if they are read into memory.
    """
    info = infos(folder)[split]
    images = _array(folder, split, 'images', info)
    labels = None if info['labels'] is None else _array(folder, split, 'labels', info)
    if images.dtype not in types or images.shape != tuple(info['images']['shape']):
        raise _damaged(folder, split, 'images')
    if labels is not None and 'size' in info['labels']:
        form = np.float32, (len(images), info['labels']['size'])
        if (labels.dtype, labels.shape) != form or not np.isfinite(labels).all():
            raise _damaged(folder, split, 'labels')
        return DataSet(images, None, 0, name, vectors=label_vectors(labels))
    if labels is not None and (labels.dtype, labels.shape) != (np.int32, images.shape[:1]):
        raise _damaged(folder, split, 'labels')
    if labels is not None and not 0 <= labels.min() <= labels.max() < info['num_classes']:
        raise _damaged(folder, split, 'labels')
    return DataSet(images, labels, info['num_classes'], name, class_names_of(info))


def _is_named(info: Mapping[str, Any]) -> bool:
    """True if every class has a name, or none has."""
    names = info.get('class_names')
    if names is None:
        return True
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return texts and len(names) == info['num_classes']


def class_names_of(info: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names of classes in an info.json; files of earlier versions have none."""
    names = info.get('class_names')
    return tuple(names) if names else None


def _array(folder: Path, split: str, kind: str, info: Mapping[str, Any]) -> np.ndarray:
    path = folder / split / f'{kind}.npy'
    try:
        check_regular(path)
        if path.stat().st_size > MEMORY:
            return np.load(path, mmap_mode='r', allow_pickle=False)
        array = np.load(path, allow_pickle=False)
    except (UserError, PermissionError):  # the files may be sound: their owner can read them
        raise
    except Exception as error:  # NumPy's reader of headers passes on any error of Python's parser
        raise _damaged(folder, split, kind) from error
    if hashlib.sha256(array).hexdigest() != info[kind]['sha256']:
        raise _damaged(folder, split, kind)
    return array


def _damaged(folder: Path, split: str, kind: str) -> UserError:
    return UserError(
        f'{folder / split / kind}.npy is missing or damaged: remove {folder} and prepare it again',
        DATA,
    )
