"""What a score's name says: 'fid10k_test' is the FID of 10,000 images against the test split.

    fid10k_test          fid50k_train_clean          kid10k_test          is50k
    pr10k_test           improved precision and recall, k = 3
    dc10k_test           density and coverage, k = 5

The number of images is part of the name because it is part of the number: an FID falls as about
1/N, and one of 10,000 images never compares with one of 50,000. So is the split, and `clean` where
images are not interpolated as for the published FIDs.
"""

import re
from typing import NamedTuple

from gan_jax.errors import UserError

KINDS = ('fid', 'kid', 'is', 'pr', 'dc')
FORM = re.compile(rf'({"|".join(KINDS)})([1-9]\d*)(k?)(?:_(train|test))?(?:_(clean))?')
# Fewer images than features: the covariance has not full rank, and the FID is mostly its bias.
LEAST = 2048


class Score(NamedTuple):
    """A score that is asked for.

    Attributes:
        name: as it was written.
        kind: 'fid', 'kid', 'is', 'pr' or 'dc'.
        num: of generated images.
        split: of the real images; '' for the Inception Score, which sees none.
        interpolation: of `interpolate`.
    """

    name: str
    kind: str
    num: int
    split: str
    interpolation: str


def read(name: str) -> Score | None:
    """The score of that name; None when it is not a name of this form.

    Raises:
        UserError: it is one, and cannot be measured so.
    """
    if name in KINDS:
        example = f'{name}10k' if name == 'is' else f'{name}10k_test'
        raise UserError(f"'{name}' does not say of how many images: write {example}")
    if (found := FORM.fullmatch(name)) is None:
        return None
    kind, number, thousands, split, clean = found.groups(default='')
    num = int(number) * (1000 if thousands else 1)
    if kind == 'is' and split:
        raise UserError(f"'{name}': an Inception Score sees no real images; leave out '_{split}'")
    if kind != 'is' and not split:
        whole = f'{kind}{number}{thousands}_test' + (clean and '_clean')
        raise UserError(f"'{name}' does not say which real images: write {whole}, or _train")
    if kind == 'fid' and num < LEAST:
        kernel = name.replace('fid', 'kid', 1)
        raise UserError(
            f"'{name}': an FID of fewer than {LEAST:,} images is mostly bias; take {kernel}, which "
            'has none, or more images'
        )
    return Score(name, kind, num, split, clean or 'tf1')
