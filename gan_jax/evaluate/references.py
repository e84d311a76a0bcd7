"""Statistics of real images cached on disk: 50,000 images take Inception minutes.

Entries lie in the data folder under references/, each named by all that it depends on: the images
themselves (by `data.digest`, not by their place), the extractor's metadata, the kind of statistics
and the version of this code. So one changed pixel makes a new entry, and a renamed folder does not.
The digest of a data set too large for memory covers only a sample of it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data import DataSet, digest, folder_of
from gan_jax.evaluate import arrays, frechet
from gan_jax.evaluate.extractor import Extractor, in_chunks
from gan_jax.runtime import output
from gan_jax.runtime.progress import Progress, no_progress

VERSION = 1  # of the entries; raised by a change of the statistics' code


def moments(
    dataset: DataSet,
    extractor: Extractor,
    data_dir: str | Path | None,
    progress: Progress = no_progress,
) -> frechet.Moments:
    """Mean [F] and covariance [F, F] of all images of a split, which need not fit in memory.

    Computed from cached features if there are any: a pass over the images costs far more.
    """

    def compute():
        cache_key = _key('features', dataset, extractor)
        kept = arrays.read_arrays(_path(cache_key, data_dir), cache_key)
        chunks = [kept['features']] if kept else _extracted(dataset, extractor, progress)
        mean, cov = frechet.streamed(chunks)
        return {'mean': mean, 'cov': cov}

    found = kept('moments', dataset, extractor, data_dir, compute)
    return found['mean'], found['cov']


def features(
    dataset: DataSet,
    extractor: Extractor,
    data_dir: str | Path | None,
    progress: Progress = no_progress,
) -> np.ndarray:
    """The features of all images of a split, float32 [N, F], which have to fit in memory."""

    def compute():
        return {'features': np.concatenate([*_extracted(dataset, extractor, progress)])}

    return kept('features', dataset, extractor, data_dir, compute)['features']


def _extracted(dataset: DataSet, extractor: Extractor, progress: Progress) -> Iterator[np.ndarray]:
    with progress(f'{extractor.metadata["name"]}: {len(dataset.images):,} real images') as tick:
        for chunk in in_chunks(extractor, dataset.images, tick):
            yield chunk.features


def _key(what: str, dataset: DataSet, extractor: Extractor) -> Mapping[str, Any]:
    return {
        'what': what,
        'images': digest(dataset),
        'extractor': dict(extractor.metadata),
        'version': VERSION,
    }


def _path(cache_key: Mapping[str, Any], data_dir: str | Path | None) -> Path:
    return folder_of(data_dir) / 'references' / arrays.name_of(cache_key)


def kept(
    what: str,
    dataset: DataSet,
    extractor: Extractor,
    data_dir: str | Path | None,
    compute: Callable[[], arrays.Arrays],
) -> arrays.Arrays:
    """Arrays that depend on the images and the extractor alone: from the disk, or computed.

    Args:
        what: a name for them; it is part of their key.
        dataset: the images.
        extractor: the network.
        data_dir: the folder that caches them, see `data.folder_of`.
        compute: () -> the arrays, by name.
    """
    return cached(_key(what, dataset, extractor), data_dir, compute)


def cached(
    cache_key: Mapping[str, Any],
    data_dir: str | Path | None,
    compute: Callable[[], arrays.Arrays],
) -> arrays.Arrays:
    """Arrays from the disk, or computed and written there.

    Args:
        cache_key: all that they depend on, as JSON.
        data_dir: the folder that caches them, see `data.folder_of`.
        compute: () -> the arrays, by name.
    """
    path = _path(cache_key, data_dir)
    if (found := arrays.read_arrays(path, cache_key)) is not None:
        return found
    computed = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays.write_arrays(path, computed, cache_key)
    except OSError as error:
        # The values are right; only the next call has to compute them again.
        output.note(f'{path.parent} keeps no references: {error.strerror}')
    return computed
