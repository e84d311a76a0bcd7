"""Signal and noise of a gradient: the agreement between the samples of a batch.

Float64 on the host, one gradient at a time.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.tree_util import keystr

LEAST = 4  # batches: with fewer the F-statistic has no mean, with fewer than 6 no variance


def gsnr(gradients: Iterable[Any], *, batch_size: int) -> dict[str, float]:
    """The gradient signal-to-noise ratio of a sample, estimated from gradients of batches.

    With g the mean over samples of the gradient in one parameter, and ρ² its variance, the ratio is
    g² / ρ²: "Understanding Why Neural Networks Generalize Well Through GSNR of Parameters" (Liu et
    al. 2020, arXiv 2001.07384). The noise scale is Σρ² / Σg², the batch at which noise and signal
    are equal: "An Empirical Model of Large-Batch Training" (McCandlish et al. 2018, arXiv
    1812.06162, equation 2.9).

    The ratio does not depend on the size of the batches if the gradient of a batch is a mean over
    independent samples. If the loss or the network couples the samples of a batch, it does: then
    compare ratios at one batch size.

    Args:
        gradients: trees of one structure with arrays of finite numbers, each the gradient of a mean
            loss over a batch, at the same parameters; at least `LEAST`, better 16 or more, taken
            one by one. Batches are drawn independently of each other.
        batch_size: samples in a batch.

    Returns:
        {'gsnr': the mean of the ratios of the parameters whose gradient varies, each without bias
        for normal batch means, so that it may be negative; 'gsnr_share': the share of such
        parameters; 'gsnr_pooled': Σg² / Σρ² over all parameters, the numerator without bias;
        'noise_scale': its inverse, in samples, infinite if no signal is found}. If nothing varies
        all but the share are NaN.

    Raises:
        ValueError: fewer than four gradients, trees that differ in structure or shapes, or numbers
            that are not finite.
    """
    if batch_size < 1:
        raise ValueError(f'batch_size must be at least 1, got {batch_size}: give the samples')
    count, mean, variance = _moments(_vectors(gradients))
    if count < LEAST:
        raise ValueError(f'gsnr needs at least {LEAST} gradients, got {count}: take more batches')
    noise = batch_size * variance  # ρ², since a batch's mean varies by ρ² / batch_size
    signal = np.sum(mean**2 - variance / count)
    # Float32 leaves a constant gradient a deviation of some 1e-7 of its size.
    varies = np.sqrt(variance) > 1e-6 * np.abs(mean)
    if not varies.any():
        return {'gsnr': np.nan, 'gsnr_share': 0.0, 'gsnr_pooled': np.nan, 'noise_scale': np.nan}
    # Noncentral F of 1 and count - 1 degrees: E f = (M - 1) / (M - 3) (1 + M batch_size g² / ρ²).
    f = count * mean[varies] ** 2 / variance[varies]
    ratios = ((count - 3) / (count - 1) * f - 1) / (count * batch_size)
    return {
        'gsnr': float(np.mean(ratios)),
        'gsnr_share': float(np.mean(varies)),
        'gsnr_pooled': float(signal / np.sum(noise)),
        'noise_scale': float(np.sum(noise) / signal) if signal > 0 else np.inf,
    }


def _moments(vectors: Iterable[np.ndarray]) -> tuple[int, np.ndarray, np.ndarray]:
    """(count, mean [P], variance [P] divided by count - 1) of vectors.

    "Note on a Method for Calculating Corrected Sums of Squares and Products" (Welford 1962): sums
    of squares would lose the digits of a small variance.
    """
    count, mean, squares = 0, 0.0, 0.0
    for vector in vectors:
        count += 1
        shift = vector - mean
        mean = mean + shift / count
        squares = squares + shift * (vector - mean)
    return count, mean, squares / max(count - 1, 1)


def _vectors(gradients: Iterable[Any]) -> Iterator[np.ndarray]:
    """Each tree as a vector float64 [P].

    Raises:
        ValueError: trees that differ in structure or shapes, or numbers that are not finite.
    """
    expected = None
    for number, tree in enumerate(gradients):
        found = [(keystr(path), np.shape(x)) for path, x in jax.tree.leaves_with_path(tree)]
        expected = found if expected is None else expected
        if found != expected:
            odd = sorted({*found} ^ {*expected}) or found
            raise ValueError(
                f'gradients must be of one network, got number {number} that differs from number 0 '
                f'in {odd[0]}: give trees of one structure'
            )
        vector = np.concatenate([np.asarray(x, np.float64).ravel() for x in jax.tree.leaves(tree)])
        if not np.isfinite(vector).all():
            raise ValueError(
                f'gradients must be finite, got NaN or infinity in number {number}: give gradients '
                'of a network that has not diverged'
            )
        yield vector
