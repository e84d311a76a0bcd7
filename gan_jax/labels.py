"""Labels of generated images: in the proportions of the data, or uniform.

A perfect generator of p(image | label) still has a distance to unbalanced data if its labels are
drawn in other proportions. Training draws labels at random. In evaluation and sampling, the label
of image i depends on i alone, so that portions and devices change nothing.
"""

import functools
import heapq
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

Counts = tuple[int, ...]  # relative frequency of each class
MANY = 4096  # classes, or label vectors: from here on a search costs less than comparing with all


def counts_of(labels: np.ndarray | None, num_classes: int, choice: str = 'data') -> Counts:
    """The proportions of the classes of generated images.

    Args:
        labels: labels of the training images, int32 [N] in [0, num_classes); None if there are
            none.
        num_classes: number of classes; 0 without labels, and all images are of one class then.
        choice: 'uniform' for equal proportions; 'data' for the proportions of `labels`, and 'real',
            which takes the labels of a batch of reals, has these in the mean.

    Returns:
        An integer >= 0 for each class, in lowest terms: balanced data give the same as 'uniform'.
    """
    if choice == 'uniform' or labels is None:
        return uniform(num_classes)
    found = np.bincount(labels, minlength=num_classes)
    return tuple((found // np.gcd.reduce(found)).tolist())


def uniform(num_classes: int) -> Counts:
    """Equal proportions of all classes; of one class if `num_classes` is 0."""
    return (1,) * max(num_classes, 1)


def is_uniform(counts: Counts) -> bool:
    """True for equal proportions, such as of label vectors that differ from image to image."""
    return max(counts) == min(counts) == 1


def to_json(counts: Counts) -> int | list[int]:
    """The proportions as JSON; equal ones of `MANY` and more are told by their number."""
    return len(counts) if len(counts) >= MANY and is_uniform(counts) else [*counts]


def from_json(found: int | Sequence[int]) -> Counts:
    """The proportions that `to_json` has told."""
    return uniform(found) if isinstance(found, int) else tuple(found)


def drawn(key: jax.Array, counts: Counts, size: int) -> jax.Array:
    """Random labels, int32 [size], each of class c with probability counts[c] / sum(counts).

    If all counts are 1, the labels are the draws of `jax.random.randint` themselves.
    """
    row = jax.random.randint(key, (size,), 0, sum(counts), jnp.int32)  # of data sorted by class
    if is_uniform(counts):
        return row
    ends = np.cumsum(counts, dtype=np.int32)
    if len(counts) > MANY:
        return jnp.searchsorted(ends[:-1], row, side='right').astype(jnp.int32)
    return jnp.sum(row[:, None] >= ends[None, :-1], axis=1, dtype=jnp.int32)


def at(counts: Counts, indices: Sequence[int] | np.ndarray) -> np.ndarray:
    """The labels of generated images by index, int32 [n], on the host.

    Among the first N images, for every N, the number of images of class c differs from N times its
    share by less than 1. If all counts are 1, image i is of class i mod K.

    Args:
        counts: from `counts_of`.
        indices: indices of the images, [n], >= 0.
    """
    places = np.asarray(indices, np.int64) % sum(counts)
    if is_uniform(counts):
        return places.astype(np.int32)
    length = 1 << int(places.max(initial=0)).bit_length()  # a power of two: few lengths to cache
    return _sequence(counts, min(length, sum(counts)))[places]


@functools.lru_cache(maxsize=8)
def _sequence(counts: Counts, length: int) -> np.ndarray:
    """The labels of the first images, int32 [length], with every class near its share at any time.

    Let class c have the share p. Its k-th image, counted from 0, must be at place floor(k / p) or
    later: earlier, the class would be 1 or more ahead of its share. It must be before place
    ceil((k + 1) / p): there, the class would be 1 behind. Each place gets, among the classes that
    are allowed there, the class with the earliest deadline. Such an order exists (Tijdeman 1980,
    "The Chairman Assignment Problem"), and earliest deadline first finds it, since every image
    takes exactly one place.
    """
    total = sum(counts)
    waiting = [(0, c, 0) for c, count in enumerate(counts) if count]  # (first place, class, k)
    ready: list[tuple[int, int, int]] = []  # (minus the deadline, class, k)
    labels = np.empty(length, np.int32)
    for place in range(length):
        while waiting and waiting[0][0] <= place:
            _, c, k = heapq.heappop(waiting)
            heapq.heappush(ready, (-(-(k + 1) * total // counts[c]), c, k))
        _, c, k = heapq.heappop(ready)
        labels[place] = c
        heapq.heappush(waiting, ((k + 1) * total // counts[c], c, k + 1))
    labels.flags.writeable = False
    return labels
