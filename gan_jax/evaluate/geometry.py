"""The geometry of features: distance of two views, spread over the sphere, nearest neighbours.

Features are scaled to unit length. Float64 on the host.
"""

import numpy as np

from gan_jax.evaluate import rows


def alignment(a: np.ndarray, b: np.ndarray) -> float:
    """E |f(x) - f(x')|² over pairs of views, in [0, 4]; 0 is best.

    "Understanding Contrastive Representation Learning through Alignment and Uniformity on the
    Hypersphere" (Wang and Isola 2020, arXiv 2005.10242, equation for L_align with α = 2).

    Args:
        a: [N, F], features of one view of each image.
        b: [N, F], features of the other view.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """
    a, b = _checked('a', a), _checked('b', b)
    if a.shape != b.shape:
        raise ValueError(f'a and b must have one shape, got {a.shape} and {b.shape}')
    return float(np.mean(np.sum((a - b) ** 2, axis=1)))


def uniformity(x: np.ndarray) -> float:
    """log E exp(-2 |f(x) - f(y)|²) over pairs of different images, in [-8, 0]; lower is better.

    Wang and Isola 2020, arXiv 2005.10242, L_uniform with t = 2. About -4 for many points that are
    spread evenly over a sphere of many dimensions, 0 when all images look the same.

    Args:
        x: [N, F], features of N >= 2 images.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    x = _checked('x', x)
    total = -float(len(x))  # each row with itself
    for a in rows.blocks(x):
        total += sum(float(np.exp(-2 * rows.squared_distances(a, b)).sum()) for b in rows.blocks(x))
    return float(np.log(total / (len(x) * (len(x) - 1))))


def nearest_neighbours(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    k: int = 5,
) -> float:
    """Accuracy on `test` of the vote of the k nearest rows of `train`, by cosine similarity.

    Of classes with the same number of votes the one with the nearest row wins.

    Args:
        train: [N, F], N >= 1.
        train_labels: [N], integers >= 0.
        test: [M, F].
        test_labels: [M], integers >= 0.
        k: voters, or all where there are fewer.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """
    train, test = _checked('train', train, least=1), _checked('test', test, least=1)
    rows.same_width(train, test)
    predicted = [_vote(block, train, train_labels, k) for block in rows.blocks(test)]
    return float(np.mean(np.concatenate(predicted) == test_labels))


def _vote(test: np.ndarray, train: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The class of each row of `test` by the k nearest rows of `train`, [M]."""
    similarity = np.concatenate([test @ block.T for block in rows.blocks(train)], axis=1)
    voters = labels[np.argsort(-similarity, axis=1, kind='stable')[:, :k]]  # [M, k]
    votes = (voters[:, :, None] == voters[:, None, :]).sum(axis=2)  # for each voter's class
    return np.take_along_axis(voters, votes.argmax(axis=1)[:, None], axis=1)[:, 0]


def unit(x: np.ndarray) -> np.ndarray:
    """The rows of [N, F] at unit length; a row of zeros stays zero."""
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norm > 0, norm, 1)


def _checked(name: str, x: np.ndarray, *, least: int = 2) -> np.ndarray:
    return unit(np.asarray(rows.checked(name, x, least=least), np.float64))
