"""Labels of generated images: as often as in the data, or all classes alike.

A generator that has learned p(image | label) is at a distance from unbalanced data by its labels
alone, if these are drawn in other proportions. Training draws labels at random. Evaluation and
sampling give image i a label that depends on i alone, so that portions and devices change nothing.
"""

import functools
import heapq
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

CHOICES = ('data', 'uniform')

Counts = tuple[int, ...]  # how often each class comes, in proportion


def counts_of(labels: np.ndarray | None, num_classes: int, choice: str = 'data') -> Counts:
    """The proportions of the classes of generated images.

    Args:
        labels: int32 [N] in [0, num_classes), of what a run is trained on; None where it has none.
        num_classes: 0 without labels, which are then all of one class.
        choice: 'data' for the proportions of `labels`, 'uniform' for classes that are all alike.

    Returns:
        An integer >= 0 for each class, in lowest terms: balanced data give what 'uniform' gives.
    """
    if choice == 'uniform' or labels is None:
        return uniform(num_classes)
    found = np.bincount(labels, minlength=num_classes)
    return tuple((found // np.gcd.reduce(found)).tolist())


def uniform(num_classes: int) -> Counts:
    """The proportions of classes that are all alike; of one class where there are none."""
    return (1,) * max(num_classes, 1)


def drawn(key: jax.Array, counts: Counts, size: int) -> jax.Array:
    """Random labels, int32 [size], each of class c with probability counts[c] / sum(counts).

    Where all counts are 1 they are the draws of `jax.random.randint` themselves.
    """
    ends = np.cumsum(counts, dtype=np.int32)
    row = jax.random.randint(key, (size,), 0, ends[-1])  # of data that are sorted by class
    return jnp.sum(row[:, None] >= ends[None, :-1], axis=1, dtype=jnp.int32)


def at(counts: Counts, indices: Sequence[int] | np.ndarray) -> np.ndarray:
    """The labels of generated images by their numbers, int32 [n], on the host.

    Of the first N images, for every N, the number of class c differs from N times its share by
    less than 1. Where all counts are 1, image i is of class i mod K.

    Args:
        counts: from `counts_of`.
        indices: [n], >= 0.
    """
    places = np.asarray(indices, np.int64) % sum(counts)
    length = 1 << int(places.max(initial=0)).bit_length()  # so that few lengths are ever asked for
    return _sequence(counts, min(length, sum(counts)))[places]


@functools.lru_cache(maxsize=8)
def _sequence(counts: Counts, length: int) -> np.ndarray:
    """The labels of the first images, int32 [length]: no class comes too soon, or too late.

    The k-th image of class c, from 0, has to be one of the places from floor(k / p) on, where the
    class is first less than 1 ahead of its share p, and before ceil((k + 1) / p), where it would be
    1 behind. At each place, of the classes that may come, the one that has to come soonest does.
    Such an order exists ("The Chairman Assignment Problem", Tijdeman 1980), and since every image
    takes one place, the earliest deadline finds it.
    """
    total = sum(counts)
    waiting = [(0, c, 0) for c, count in enumerate(counts) if count]  # (first place, class, k)
    ready, labels = [], np.empty(length, np.int32)
    for place in range(length):
        while waiting and waiting[0][0] <= place:
            _, c, k = heapq.heappop(waiting)
            heapq.heappush(ready, (-(-(k + 1) * total // counts[c]), c, k))
        _, c, k = heapq.heappop(ready)
        labels[place] = c
        heapq.heappush(waiting, ((k + 1) * total // counts[c], c, k + 1))
    labels.flags.writeable = False
    return labels
