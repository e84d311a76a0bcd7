"""Probes of a trained discriminator: the information in its features of held-out images.

A regulariser may win by side effects (more passes, more noise) or by what it makes the features
learn. These numbers measure the latter: whether an image stays nearest to itself when it is
augmented, and whether its class can be read off. Float64 on the host.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import policy as policies
from gan_jax.data import DataSet
from gan_jax.data.subsets import at
from gan_jax.evaluate import geometry, rows
from gan_jax.evaluate.names import PROBES
from gan_jax.keys import named

# The augmentation of `probe`, whatever the run trained with, so that the values of any two runs
# are comparable. Whole pixels: an image loses its border and nothing is blurred.
POLICY = 'translation(0.15)'
NAMES = PROBES
LABELLED = ('linear_probe', 'knn')
LIMIT = 5000  # images of a split that `probe` takes: more would fill memory and change little


def retrieval(a: np.ndarray, b: np.ndarray) -> float:
    """retrieval@1: the share of rows n of `a` whose nearest row of `b` is row n.

    Nearest by cosine similarity. Of rows that tie only the first counts, so that features which
    are the same for every image score 1 / N and not 1.

    Args:
        a: [N, F], features of augmented images.
        b: [N, F], features of the same images as they are.

    Returns:
        A share in [0, 1]; 1 / N is chance.

    Raises:
        ValueError: a and b are not two matrices of one shape, or a number in them is not finite.
    """
    a, b = _checked('a', a), _checked('b', b)
    if a.shape != b.shape:
        raise ValueError(f'a and b must have one shape, got {a.shape} and {b.shape}')
    nearest = np.argmax(geometry.unit(a) @ geometry.unit(b).T, axis=1)  # [N]
    return float(np.mean(nearest == np.arange(len(a))))


def linear_probe(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    ridge: float = 0.01,
) -> float:
    """Accuracy on `test` of a linear classifier of features, fitted to `train` in closed form.

    Least squares from standardised features to one-hot classes with an L2 penalty (no penalty on
    the intercept); the class with the largest value wins. If N < F the N dual coefficients are
    solved for instead of the F primal ones: the classifier is the same. Features are standardised
    by their mean and deviation over `train`; a feature that is constant there counts nothing.

    Args:
        train: [N, F], any real type.
        train_labels: [N], integers >= 0.
        test: [M, F].
        test_labels: [M], integers >= 0.
        ridge: the penalty > 0, in units of max(N, F): the mean nonzero eigenvalue of the
            standardised features' Gram matrix, were it of full rank.

    Raises:
        ValueError: shapes that do not fit, or a number that is not finite.
    """
    train, test = _checked('train', train), _checked('test', test)
    for name, x, labels in (('train', train, train_labels), ('test', test, test_labels)):
        if np.shape(labels) != (len(x),) or x.shape[1] != train.shape[1]:
            raise ValueError(
                f'{name} must be [N, {train.shape[1]}] with labels [N], '
                f'got shapes {x.shape} and {np.shape(labels)}'
            )
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # Rounding leaves a constant feature a deviation of some 1e-16 of its size.
    constant = deviation <= 1e-12 * np.abs(mean)
    scale = np.where(constant, 0, 1 / np.where(constant, 1, deviation))
    x, classes = (train - mean) * scale, np.eye(np.max(train_labels) + 1)[train_labels]
    weights = _ridge(x, classes - classes.mean(axis=0), ridge * max(x.shape))
    values = (test - mean) * scale @ weights + classes.mean(axis=0)  # [M, classes]
    return float(np.mean(np.argmax(values, axis=1) == test_labels))


def probe(
    features: Callable[[np.ndarray], np.ndarray],
    train: DataSet,
    test: DataSet,
    *,
    policy: str = POLICY,
    seed: int = 0,
) -> dict[str, float]:
    """The probes of NAMES; without labels none of LABELLED.

    'retrieval' and 'alignment' compare the test images augmented with the same images unaugmented;
    'uniformity' is of the unaugmented ones. 'linear_probe' is fitted to the unaugmented images of
    `train` and scored on the test images, for which in 'knn' the five nearest images of `train`
    vote. `train` need not be the images that D was trained on: with the whole train split, the
    values of runs on any fraction of it are comparable. At most `LIMIT` images of each split are
    taken, evenly spaced.

    Args:
        features: uint8 [n, H, W, C] -> [n, F], such as the discriminator's in evaluation mode.
        train: images for the linear probe.
        test: held-out images.
        policy: with a number at every op that takes a strength.
        seed: of the augmentation's draws.
    """
    train, test = some(train), some(test)
    plain, moved = features(test.images), features(augmented(test.images, policy, seed))
    values = {
        'retrieval': retrieval(moved, plain),
        'alignment': geometry.alignment(moved, plain),
        'uniformity': geometry.uniformity(plain),
    }
    if train.labels is None or test.labels is None:
        return values
    classified = features(train.images), train.labels, plain, test.labels
    return {
        **values,
        'linear_probe': linear_probe(*classified),
        'knn': geometry.nearest_neighbours(*classified),
    }


def augmented(images: np.ndarray, policy: str, seed: int) -> np.ndarray:
    """uint8 [N, H, W, C] under one draw of a policy for each image, rounded to uint8 again.

    Image i's draw depends on N.

    Raises:
        ValueError: the policy cannot be read, or leaves an op without a strength.
    """
    if policies.needs_strength(policy):
        raise ValueError(f"write a strength into the policy '{policy}', as in '{POLICY}'")

    @jax.jit
    def augment(images):
        key = named(jax.random.key(seed), 'probe')
        changed = policies.parse(policy)(key, images.astype(jnp.float32) / 255, jnp.float32(0))
        return jnp.round(changed * 255).astype(jnp.uint8)

    return np.asarray(augment(images))


def some(data: DataSet) -> DataSet:
    """At most `LIMIT` images of a split, evenly spaced."""
    return at(data, rows.spaced(len(data.images), LIMIT))


def _ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """argmin |x w - y|^2 + penalty |w|^2, [F, classes], by the smaller of the two systems."""
    count, size = x.shape
    if count < size:
        return x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(count), y)
    return np.linalg.solve(x.T @ x + penalty * np.eye(size), x.T @ y)


def _checked(name: str, x: np.ndarray) -> np.ndarray:
    return np.asarray(rows.checked(name, x, least=1), np.float64)
