"""Arrays cached on disk by a key of all that they depend on: read unchanged, or not at all.

Cached arrays can be computed again. So a file that is torn, changed, or was written for another key
counts as absent, without an error.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.runtime import files

Arrays = Mapping[str, np.ndarray]


def name_of(cache_key: Mapping[str, Any]) -> str:
    """A file name for a key: 32 digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(_json(cache_key).encode()).hexdigest()[:32] + '.npz'


def read_arrays(path: Path, cache_key: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """The arrays that `write_arrays` stored in `path` for this key; None if there are none."""
    try:
        # Opened here: NumPy does not close a damaged file that it has opened itself.
        with path.open('rb') as file, np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except Exception:  # the file is missing or damaged; NumPy raises many types for the latter
        return None
    digest = str(found.pop('digest', ''))
    return found if digest == _digest(found, cache_key) else None


def write_arrays(path: Path, arrays: Arrays, cache_key: Mapping[str, Any]) -> None:
    """Stores the arrays; readers find the whole file or none.

    Args:
        path: in a folder that exists.
        arrays: by any names but 'digest'.
        cache_key: all that the arrays depend on, as JSON.
    """
    with files.atomic_path(path) as partial, partial.open('wb') as file:
        np.savez(file, **arrays, digest=np.array(_digest(arrays, cache_key)))


def _digest(arrays: Arrays, cache_key: Mapping[str, Any]) -> str:
    """SHA-256 of the key, names, types, shapes and contents."""
    digest = hashlib.sha256(_json(cache_key).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f'{name} {array.dtype.str} {array.shape};'.encode() + array.tobytes())
    return digest.hexdigest()


def _json(cache_key: Mapping[str, Any]) -> str:
    return json.dumps(cache_key, sort_keys=True)
