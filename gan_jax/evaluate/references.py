"""What an extractor sees in real images, kept on disk: 50,000 of them take Inception minutes.

Entries lie in the data folder under references/, each named by all that it depends on: the images
themselves (by `data.digest`, not by their place), the extractor's facts, what was computed and the
version of this code. So one changed pixel makes a new entry, and a renamed folder does not. Of a
data set too large for memory the digest sees a sample alone.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gan_jax.data import DataSet, digest, folder_of
from gan_jax.evaluate import arrays, frechet
from gan_jax.evaluate.extractor import Extractor

VERSION = 1  # of what is kept; a change of the statistics' code raises it
CHUNK = 4096  # images that are taken from a data set at once

Progress = Callable[[int, int], object]  # (images that have been seen, of how many)


def moments(
    dataset: DataSet,
    extractor: Extractor,
    data_dir: str | Path | None,
    *,
    progress: Progress = lambda *_: None,
) -> frechet.Moments:
    """Mean [F] and covariance [F, F] of all images of a split, however many there are."""

    def compute():
        chunks = _chunks(dataset, extractor, progress)
        mean, cov = frechet.streamed(chunks)
        return {'mean': mean, 'cov': cov}

    found = _kept('moments', dataset, extractor, data_dir, compute)
    return found['mean'], found['cov']


def features(
    dataset: DataSet,
    extractor: Extractor,
    data_dir: str | Path | None,
    *,
    progress: Progress = lambda *_: None,
) -> np.ndarray:
    """The features of all images of a split, float32 [N, F], which have to fit in memory."""

    def compute():
        return {'features': np.concatenate([*_chunks(dataset, extractor, progress)])}

    return _kept('features', dataset, extractor, data_dir, compute)['features']


def _chunks(dataset: DataSet, extractor: Extractor, progress: Progress) -> Iterator[np.ndarray]:
    count = len(dataset.images)
    for first in range(0, count, CHUNK):
        yield extractor.see(np.asarray(dataset.images[first : first + CHUNK])).features
        progress(min(first + CHUNK, count), count)


def _kept(
    what: str,
    dataset: DataSet,
    extractor: Extractor,
    data_dir: str | Path | None,
    compute: Callable[[], arrays.Arrays],
) -> arrays.Arrays:
    facts = {
        'what': what,
        'images': digest(dataset),
        'extractor': dict(extractor.facts),
        'version': VERSION,
    }
    path = folder_of(data_dir) / 'references' / arrays.name_of(facts)
    if (found := arrays.read(path, facts)) is not None:
        return found
    computed = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays.write(path, computed, facts)
    except OSError as error:
        # The numbers are good; only the next call has to compute them again.
        print(f'gan_jax: {path.parent} keeps no references: {error.strerror}', file=sys.stderr)
    return computed
