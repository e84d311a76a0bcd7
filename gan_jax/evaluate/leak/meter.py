"""The leak meter: does a generator produce the augmentations that its discriminator was shown?

"Image Augmentations for GAN Training" (Zhao et al. 2020, arXiv 2006.02595, figure 2) shows by eye
that it does where real images alone are augmented. Here a classifier looks, see `leak_classifier`.
It takes bad images for augmented ones too, so that its scores mean something only beside those of
equally bad images without a leak: fakes of several models that were trained without augmentation,
at about the same Fréchet distance, the calibrations. One model is not enough: of two that differ in
nothing but their seed, one's images may look translated twenty times as often as the other's.

Two things it cannot tell. It is not specific: digits that are zoomed out leave the border as
translated ones do, and noise looks cut out. And a method that has flaws of its own, which models
without augmentation lack at the same distance, may be flagged for them: a flag asks for a look.
"""

from collections.abc import Sequence

import numpy as np

from gan_jax.evaluate.leak.classifier import Score
from gan_jax.evaluate.probes import augmented

# A find is an image whose score lies above this share of every calibration's, and of held-out
# reals': what is no leak in any of them is none here.
ABOVE = 0.99
# Of digit models without augmentation one in twenty has finds of 7 to 24 % beside a single
# calibration, of 3 to 5 % beside three and of 2 to 3 % beside five. These rates, and those below,
# are of tests/benchmark_leak.py, for 'translation(0.2)' and 'cutout(0.2)'.
MODELS = 5
# A flag asks for this factor between the finds and any calibration's 1 %. Of those models 2 to 3 %
# pass it, and 4 to 6 % where every calibration is better by a factor of up to `WORSE`.
SPREAD = 3.0
Z = 1.645  # standard deviations of a one-sided interval of 95 %
# A generator's Fréchet distance over its calibration's. Of those models 10 % are flagged at 1.5
# to 2, 16 to 44 % at 2 to 3 and 29 to 86 % beyond.
WORSE = 1.5
CONTAMINATION = 0.1  # the share of augmented images that 'leak_power' is about
NAMES = ('leak', 'leak_flagged', 'leak_rate', 'leak_tpr', 'leak_auroc', 'leak_power')
NOT_CALIBRATED = dict.fromkeys(NAMES, float('nan'))  # where `matched` finds too few


def measure(
    score: Score,
    fakes: np.ndarray,
    calibrations: Sequence[np.ndarray],
    held_out: np.ndarray,
    policy: str,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """How much of the augmentation a generator produces.

    Args:
        score: of `classifier.learn`, which has seen no calibration's model and no held-out
            image.
        fakes: uint8 [N, H, W, C], images of the generator in question.
        calibrations: uint8 [M, H, W, C] of each model, as `matched` picks them; M as large as N.
        held_out: uint8 [K, H, W, C], real images.
        policy: what the classifier was trained to find.
        seed: of the augmentation's draws.

    Returns:
        'leak': the share of augmented images among the fakes, in [0, 1], by the finds among them,
        among the calibrations and among the latter augmented; NaN where even those would raise no
        flag. Rather too small where the generator makes the augmentation badly.
        'leak_flagged': 1 where finds are more than chance and another seed make them, else 0.
        'leak_rate': the share of finds among the fakes.
        'leak_tpr': that among augmented calibration images.
        'leak_auroc': of augmented held-out images against plain ones: what the classifier can do.
        'leak_power': the probability that N images like the calibrations', of which `CONTAMINATION`
        are augmented, are flagged.

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
    """`measure` where the scores are known.

    Args:
        fakes: [N], scores of the generator in question.
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
    than every calibration is compared with the best of them: its images are found less often, not
    more, so that a flag stands. Images much worse are found without a leak, and are not judged.

    Args:
        distance: > 0, of the generator to the train split.
        models: > 0, of each unaugmented model's checkpoints to the same split.
        count: of models; fewer than `MODELS` are too few.

    Returns:
        (model, checkpoint), nearest first; [] where less than `count` models have a checkpoint
        whose distance the generator's exceeds by no more than the factor `WORSE`: not calibrated.
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
        rate: of finds where λ of the images are augmented.
        base: of finds where none is.
        tpr: of finds where all are, > base.
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
    """From how many finds on a set is flagged; count + 1 where no number of them would do.

    The lower bound of the rate of finds is to lie above `SPREAD` times the upper bound of a
    calibration's, 1 - `ABOVE` by construction: the former has the error of the set in it and the
    latter that of the threshold. Both by Wilson's interval, one-sided with `Z`.

    Args:
        count: of images in the set.
        calibration: of images in the smallest calibration.
    """
    limit = SPREAD * wilson(1 - ABOVE, calibration)[1]
    lower, _ = wilson(np.arange(count + 1) / count, count)  # rises with the finds
    return int(np.searchsorted(lower, limit, side='right'))


def power(rate: float, count: int, least: int) -> float:
    """The probability of at least `least` finds: a tail of the binomial distribution.

    The threshold is taken as given, and the rate as the same for any seed of the generator.

    Args:
        rate: of finds, in [0, 1].
        count: of images.
        least: as `least_detections` gives it.
    """
    # By this name, without the half second that importing scipy.stats takes.
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
