"""The Inception Score: images whose classes are each certain and together diverse.

"Improved Techniques for Training GANs" (Salimans et al. 2016, arXiv 1606.03498, section 4), in
float64 on the host. The name does not depend on the network that gives the probabilities, but only
scores of one network are comparable. Real images have no part in it.
"""

import itertools

import numpy as np

from gan_jax.evaluate import rows


def inception_score(probs: np.ndarray, *, splits: int = 10) -> tuple[float, float]:
    """exp(E KL(p(y|x) ‖ p(y))), in [1, C], its mean and spread over splits.

    Args:
        probs: [N, C], class probabilities p(y|x) of each image, rows that sum to 1.
        splits: the number of consecutive parts of the rows, each with its own marginal p(y). Rows
            in the order of their classes need one split, or a shuffle before.

    Returns:
        (mean, standard deviation) over the splits; the variance is divided by their number, as in
        the public packages.

    Raises:
        ValueError: not probabilities, or fewer rows than splits.
    """
    probs = np.asarray(rows.checked('probs', probs, least=1), np.float64)
    if (probs < 0).any() or np.abs(probs.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError('probs must be probabilities: rows >= 0 that sum to 1')
    if not 1 <= splits <= len(probs):
        raise ValueError(f'splits must be 1 to {len(probs)}, got {splits}')
    bounds = np.arange(splits + 1) * len(probs) // splits
    scores = [_score(probs[a:b]) for a, b in itertools.pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(probs: np.ndarray) -> float:
    marginal = probs.mean(axis=0)
    # A class of probability 0 adds nothing: p log p goes to 0.
    ratio = np.log(np.where(probs > 0, probs, 1)) - np.log(np.where(marginal > 0, marginal, 1))
    return float(np.exp(np.mean(np.sum(probs * ratio, axis=1))))
