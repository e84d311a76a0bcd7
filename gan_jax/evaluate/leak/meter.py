"""The leak meter: the share of a generator's images that show its discriminator's augmentation.

"Image Augmentations for GAN Training" (Zhao et al. 2020, arXiv 2006.02595, figure 2) shows by eye
that augmentations leak if only the real images are augmented. Here a classifier detects them, see
`leak.classifier`. It takes bad images for augmented ones too, so that its scores mean something
only in comparison with equally bad images without a leak. These are the calibrations: fakes of
several models that were trained without augmentation, at about the same Fréchet distance. One model
is not enough: of two that differ only in their seed, the images of one may look translated twenty
times as often as the images of the other.

The meter has two limits. It is not specific: zoomed-out digits leave the border as translated ones
do, and noise looks cut out. And a method may be flagged for flaws of its own that models without
augmentation do not have at the same distance: look at the images of a flagged model.
"""

from collections.abc import Sequence

import numpy as np

from gan_jax.evaluate.leak.classifier import Score
from gan_jax.evaluate.probes import augmented

# A detection is an image whose score lies above this share of the scores of every calibration, and
# of the held-out reals: flaws that occur in any of them are no leak.
ABOVE = 0.99
# One in twenty digit models without augmentation has a detection rate of 7 to 24 % with a single
# calibration, of 3 to 5 % with three and of 2 to 3 % with five. These rates, and the rates below,
# are from tests/benchmark_leak.py, for 'translation(0.2)' and 'cutout(0.2)'.
MODELS = 5
# A model is flagged from this factor on between its detection rate and any calibration's, 1 %. Of
# the same models 2 to 3 % are flagged, and 4 to 6 % if every calibration is better by a factor of
# up to `WORSE`.
SPREAD = 3.0
Z = 1.645  # standard deviations of a one-sided interval of 95 %
# The largest ratio of a generator's Fréchet distance to its calibration's. Of the same models 10 %
# are flagged at ratios of 1.5 to 2, 16 to 44 % at 2 to 3 and 29 to 86 % beyond.
WORSE = 1.5
CONTAMINATION = 0.1  # the share of augmented images for which 'leak_power' is computed
NAMES = ('leak', 'leak_flagged', 'leak_rate', 'leak_tpr', 'leak_auroc', 'leak_power')
NOT_CALIBRATED = dict.fromkeys(NAMES, float('nan'))  # if `matched` finds too few calibrations


def measure(
    score: Score,
    fakes: np.ndarray,
    calibrations: Sequence[np.ndarray],
    held_out: np.ndarray,
    policy: str,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """The amount of augmentation that a generator produces.

    Args:
        score: from `classifier.learn`, trained on no calibration's model and no held-out image.
        fakes: uint8 [N, H, W, C], images of the generator that is tested.
        calibrations: uint8 [M, H, W, C] of each model, as `matched` chooses them; M as large as N.
        held_out: uint8 [K, H, W, C], real images.
        policy: the augmentation that the classifier detects.
        seed: of the augmentation's draws.

    Returns:
        'leak': the share of augmented images among the fakes, in [0, 1], from the detection rates
        of the fakes, of the calibrations and of the augmented calibrations; NaN if even the last
        rate would raise no flag. Too small if the generator draws the augmentation badly.
        'leak_flagged': 1 if there are more detections than by chance and by another seed, else 0.
        'leak_rate': the detection rate of the fakes.
        'leak_tpr': the detection rate of augmented calibration images.
        'leak_auroc': of augmented against plain held-out images: the quality of the classifier.
        'leak_power': the probability of a flag for N images like the calibrations', a share
        `CONTAMINATION` of them augmented.

    Raises:
        ValueError: a set is empty or missing; the policy is empty, cannot be read or leaves an op
            without a strength.
    """
    _check(fakes, calibrations, held_out, policy)
    plain = [score(images) for images in calibrations]
    moved = [score(augmented(images, policy, seed)) for images in calibrations]
    moved_reals = score(augmented(held_out, policy, seed))
    return verdict(score(fakes), plain, moved, score(held_out), moved_reals)


def verdict(
    fakes: np.ndarray,
    plain: Sequence[np.ndarray],
    moved: Sequence[np.ndarray],
    reals: np.ndarray,
    moved_reals: np.ndarray,
) -> dict[str, float]:
    """`measure` from the scores of the images.

    Args:
        fakes: [N], scores of the generator that is tested.
        plain: [M] of each calibration.
        moved: [M] of each calibration augmented.
        reals: [K] of held-out images.
        moved_reals: [K] of the same augmented.
    """
    threshold = max(np.quantile(x, ABOVE) for x in (*plain, reals))
    base, tpr = (float(np.mean(np.concatenate(x) > threshold)) for x in (plain, moved))
    detections = int(np.sum(fakes > threshold))
    rate, least = detections / len(fakes), least_detections(len(fakes), min(map(len, plain)))
    contaminated = CONTAMINATION * tpr + (1 - CONTAMINATION) * base
    return {
        'leak': share(rate, base, tpr) if tpr * len(fakes) >= least else float('nan'),
        'leak_flagged': int(detections >= least),
        'leak_rate': rate,
        'leak_tpr': tpr,
        'leak_auroc': auroc(moved_reals, reals),
        'leak_power': power(contaminated, len(fakes), least),
    }


def matched(
    distance: float, models: Sequence[Sequence[float]], *, count: int = MODELS
) -> list[tuple[int, int]]:
    """The calibrations of a generator: some models, each at its nearest checkpoint.

    Nearest by the ratio of Fréchet distances. The rule is one-sided. A generator that is better
    than every calibration is compared with the best of them: better images are detected less often,
    not more, so that a flag is valid. Much worse images are detected without a leak, so that there
    is no calibration for them.

    Args:
        distance: > 0, of the generator to the train split.
        models: > 0, of each unaugmented model's checkpoints to the same split.
        count: of models; fewer than `MODELS` are too few.

    Returns:
        (model, checkpoint), nearest first; [], not calibrated, if fewer than `count` models have a
        checkpoint with distance <= `WORSE` times its distance.
    """
    nearest = []
    for model, distances in enumerate(models):
        apart = [
            (abs(np.log(other / distance)), model, checkpoint)
            for checkpoint, other in enumerate(distances)
            if distance <= WORSE * other
        ]
        nearest += sorted(apart)[:1]
    chosen = [(model, checkpoint) for _, model, checkpoint in sorted(nearest)[:count]]
    return chosen if len(chosen) == count else []


def share(rate: float, base: float, tpr: float) -> float:
    """The λ in [0, 1] of rate = λ tpr + (1 - λ) base.

    Args:
        rate: of detections if a share λ of the images is augmented.
        base: of detections if none is.
        tpr: of detections if all are, > base.
    """
    return float(np.clip((rate - base) / (tpr - base), 0, 1))


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """The probability that a positive's score is above a negative's, ties counted half.

    Args:
        positive: [N], any real type, N >= 1.
        negative: [M], M >= 1.
    """
    negative = np.sort(negative)
    below = np.searchsorted(negative, positive, 'left')
    not_above = np.searchsorted(negative, positive, 'right')
    return float(np.mean(below + not_above) / (2 * len(negative)))


def least_detections(count: int, calibration: int) -> int:
    """The least number of detections that flags a set; count + 1 if no number does.

    The lower bound of the set's detection rate must lie above `SPREAD` times the upper bound of a
    calibration's rate, 1 - `ABOVE` by construction. The lower bound covers the sampling error of
    the set, the upper bound the error of the threshold. Both by Wilson's interval, one-sided with
    `Z`.

    Args:
        count: of images in the set.
        calibration: of images in the smallest calibration.
    """
    limit = SPREAD * wilson(1 - ABOVE, calibration)[1]
    lower, _ = wilson(np.arange(count + 1) / count, count)  # rises with the detections
    return int(np.searchsorted(lower, limit, side='right'))


def power(rate: float, count: int, least: int) -> float:
    """The probability of at least `least` detections: a tail of the binomial distribution.

    The threshold is taken as given, and the rate as the same for any seed of the generator.

    Args:
        rate: of detections, in [0, 1].
        count: of images.
        least: as `least_detections` gives it.
    """
    # Not from scipy.stats, whose import takes half a second.
    from scipy.special import bdtrc

    return float(bdtrc(least - 1, count, rate))


def wilson(rate: np.ndarray | float, count: int, z: float = Z) -> tuple[np.ndarray, np.ndarray]:
    """(lower, upper) bound of an observed share, "Probable Inference" (Wilson 1927).

    Args:
        rate: any shape, in [0, 1].
        count: of trials.
        z: standard deviations of the interval.
    """
    centre = rate + z**2 / (2 * count)
    reach = z * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return (centre - reach) / (1 + z**2 / count), (centre + reach) / (1 + z**2 / count)


def _check(
    fakes: np.ndarray, calibrations: Sequence[np.ndarray], held_out: np.ndarray, policy: str
) -> None:
    if not len(calibrations):
        raise ValueError('calibrations must be at least one set of images, got none')
    sets = {'fakes': fakes, 'held_out': held_out}
    sets |= {f'calibrations[{i}]': images for i, images in enumerate(calibrations)}
    for name, images in sets.items():
        if not len(images):
            raise ValueError(f'{name} must be images [N, H, W, C] and not empty, got none')
    if not policy.strip():
        raise ValueError("the policy is '', which changes nothing: there is no leak to look for")
