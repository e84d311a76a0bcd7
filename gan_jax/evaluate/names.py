"""Names of scores: 'fid10k_test' is the FID of 10,000 images against the test split.

    fid10k_test          fid50k_train_clean          kid10k_test          is50k
    pr10k_test           improved precision and recall, k = 3
    dc10k_test           density and coverage, k = 5
    div5k_train          mean distance between images, and Vendi score, relative to real images
    lid10k_test          intrinsic dimension, beside the dimension of as many real images
    intra_kid50k_train   the mean over classes of the KID of each class; and of pr, see above
    fd5k_test@digits     in the features of another network: 'digits', 'dinov2_vitl14', or by its
                         path a function

The value depends on all parts of the name. An FID falls by about 1/N with the number of images, so
that FIDs of 10,000 and of 50,000 images are not comparable. The split follows, and `clean` if
images are not interpolated as for the published FIDs. The Fréchet and the kernel distance are
called FID and KID in Inception's features only; in others they are fd and kd.
"""

import re
from typing import NamedTuple

from gan_jax.runtime.errors import UserError
from gan_jax.sampling.limits import MOST_IMAGES

KINDS = ('fid', 'kid', 'fd', 'kd', 'is', 'pr', 'dc', 'div', 'lid')
FORM = re.compile(
    rf'(intra_)?({"|".join(KINDS)})([1-9]\d*)(k?)(?:_(train|test))?(?:_(clean))?(?:_(biased))?'
    r'(?:@(\w+(?:\.\w+)*))?'
)
# Names of distances; the metric of a best checkpoint must be one.
DISTANCE = re.compile(r'fd_digits|(intra_)?[fk]i?d\d.*|(swd|spectrum)\d.*')
# Those that are named with a number and are no scores.
NUMBERED = re.compile(r'(swd|spectrum|ppl|eqt|cas)\d+k?(_(train|test|wend|z|int|frac))?$')
OTHERS = {'fd': 'fid', 'kd': 'kid'}  # their names in other features than Inception's
# Images: one for each split of an Inception Score, or one more than neighbours.
LEAST = {'is': 10, 'pr': 4, 'dc': 6, 'lid': 21}
INCEPTION = 'inception'
TRAINED = ('classifier', 'simclr')  # extractors that are trained on the data themselves
# The names of each family of metrics, or examples of them, for --help and suggestions.
DIGITS = ('fd_digits', 'modes', 'diversity')
PROBES = ('retrieval', 'alignment', 'uniformity', 'linear_probe', 'knn')
DISCRIMINATOR = (
    *PROBES,
    *('effective_rank', 'intrinsic_dimension', 'overfitting', 'sensitivity', 'gsnr'),
)
SCORES = ('fid10k_test', 'kid10k_test', 'is50k', 'pr10k_test', 'dc10k_test')
PIXELS = ('swd8192_train', 'spectrum10k_test')
PATHS = ('ppl50k_wend', 'ppl50k_z')
SHIFTS = ('eqt50k_int', 'eqt50k_frac')
CLASSIFICATION = ('cas10k',)
LEAK = ('leak@translation(0.2)',)
NAMES = (*DIGITS, *DISCRIMINATOR, *SCORES, *PIXELS, *PATHS, *SHIFTS, *CLASSIFICATION, *LEAK)
WIDTH = 2048  # of Inception's features


class Score(NamedTuple):
    """A score that is asked for.

    Attributes:
        name: as it was written.
        kind: one of KINDS.
        num: of generated images.
        split: of the real images; '' for the Inception Score, which takes none.
        interpolation: of `interpolate`.
        intra: whether it is the mean of the scores of each class.
        biased: whether fewer images than features are allowed.
        extractor: 'inception', 'digits', a name of `pretrained.TRANSFORMERS`, one of TRAINED or the
            path of a function.
    """

    name: str
    kind: str
    num: int
    split: str
    interpolation: str = 'tf1'
    intra: bool = False
    biased: bool = False
    extractor: str = INCEPTION


def parse_score(name: str, split: str = '') -> Score | None:
    """The score of that name; None if the name has not the form of a score's.

    Args:
        name: of the score.
        split: of the real images, if the name says none; '' refuses such a name.

    Raises:
        UserError: it has, and cannot be measured so.
    """
    if name in KINDS:
        example = 'is10k' if name == 'is' else f'{name}10k' + '_test' * (not split)
        example += '@digits' * (name in OTHERS)
        raise UserError(f"'{name}' does not say of how many images: write {example}")
    if (found := FORM.fullmatch(name)) is None:
        return None
    intra, kind, number, thousands, said, clean, biased, extractor = found.groups(default='')
    score = Score(
        name,
        kind,
        number_of(number, thousands),
        said or (split if kind != 'is' else ''),
        interpolation=clean or 'tf1',
        intra=bool(intra),
        biased=bool(biased),
        extractor=extractor or INCEPTION,
    )
    if fault := _fault(score, upto_number=f'{intra}{kind}{number}{thousands}'):
        raise UserError(f"'{name}' {fault}")
    if kind == 'fid' and not intra:
        refuse_few(score, score.num, WIDTH)
    return score


def is_asked_for(name: str) -> bool:
    """True for the name of a metric; False for a part of its values, such as 'modes_kl'."""
    numbered = NUMBERED.match(name) or FORM.fullmatch(name)
    return name in NAMES or numbered is not None


def number_of(digits: str, thousands: str) -> int:
    """The number of images in a name: 10,000 of '10' and 'k'."""
    return int(digits[:9]) * (1000 if thousands else 1)  # more digits are too many as well


def _fault(score: Score, upto_number: str) -> str:
    """The second half of a sentence about an impossible or incomplete name; '' if it is sound."""
    name, kind = score.name, score.kind
    if name.endswith(f'@{INCEPTION}'):
        return f"names Inception, which is meant without: leave out '@{INCEPTION}'"
    if kind in OTHERS and score.extractor == INCEPTION:
        other = f'{name.replace("_clean", "")}@digits'
        return f'does not say in whose features: write {other}, or {OTHERS[kind]} for Inception'
    if kind in OTHERS.values() and score.extractor != INCEPTION:
        other = next(k for k, v in OTHERS.items() if v == kind)
        return f"is not in Inception's features: write {name.replace(kind, other, 1)}"
    if score.interpolation == 'clean' and score.extractor != INCEPTION:
        return "names another network than Inception: leave out '_clean'"
    if score.num < (least := LEAST.get(kind, 2)):
        return f'is of too few images: take at least {least}'
    if score.num > MOST_IMAGES:
        return f'is of too many images: take at most {MOST_IMAGES:,}'
    if kind == 'is' and score.split:
        return f"is an Inception Score, which sees no real images: leave out '_{score.split}'"
    if kind == 'is' and score.extractor not in (INCEPTION, 'digits'):
        return f'needs probabilities of classes, and {score.extractor} makes features alone'
    if kind != 'is' and not score.split:
        whole = name.replace(upto_number, f'{upto_number}_test', 1)
        return f'does not say which real images: write {whole}, or _train'
    if score.intra and kind not in (*OTHERS, *OTHERS.values(), 'pr'):
        return 'is not measured class by class: intra_fid, intra_kid and intra_pr are'
    if score.biased and kind not in ('fid', 'fd'):
        return "has no bias to allow: leave out '_biased'"
    return ''


def refuse_few(score: Score, num: int, width: int) -> None:
    """`refuse_bias`, unless the score's name ends in '_biased'."""
    if not score.biased:
        head, at, tail = score.name.partition('@')
        kernel = head.replace(score.kind, {'fid': 'kid', 'fd': 'kd'}[score.kind], 1)
        refuse_bias(
            score.name,
            num,
            width,
            f'take {kernel}{at}{tail}, which has none, or more images; to have it all the same '
            f'write {head}_biased{at}{tail}',
        )


def refuse_bias(name: str, num: int, width: int, instead: str) -> None:
    """Refuses a Fréchet distance that is mostly bias.

    With fewer images than features the covariance does not have full rank.

    Raises:
        UserError: num < width; the sentence ends in `instead`.
    """
    if num < width:
        raise UserError(
            f"'{name}': {num:,} images in {width:,} features give a Fréchet distance that is "
            f'mostly bias; {instead}'
        )


def is_distance(name: str) -> bool:
    """True if the name is a distance's, where less is better."""
    return DISTANCE.fullmatch(name) is not None
