"""Make `digits.npz`: `python -m gan_jax.data.build_digits [PATH]` (needs scikit-learn).

The 1,797 originals are 8×8 counts of ink from 0 to 16. They become 16×16 by Pillow's bicubic filter
in floating point, scaled by 255/16, clipped to [0, 255] and rounded. For every digit 36 images,
drawn by a fixed seed, are the test split: 360 test and 1,437 train images.
"""

import sys

import numpy as np
from PIL import Image

from gan_jax.data.digits import FILE
from gan_jax.data.sampler import permutation
from gan_jax.runtime.paths import expanded

TEST_PER_DIGIT = 36
LICENCE = (
    'Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, UCI Machine '
    'Learning Repository, https://doi.org/10.24432/C50P49, licensed under CC BY 4.0 '
    '(https://creativecommons.org/licenses/by/4.0/). This file holds its test part, 1,797 images, '
    'as distributed with scikit-learn. Changes: enlarged from 8x8 to 16x16 pixels (bicubic), '
    'rescaled from 0-16 to 0-255, divided into a train and a test split.'
)


def enlarge(image: np.ndarray) -> np.ndarray:
    """One original, float [8, 8] in [0, 16], as uint8 [16, 16, 1] in [0, 255]."""
    plane = Image.fromarray((image * (255 / 16)).astype(np.float32))
    plane = np.asarray(plane.resize((16, 16), Image.Resampling.BICUBIC))
    return np.rint(plane.clip(0, 255)).astype(np.uint8)[:, :, None]


def held_out(labels: np.ndarray) -> np.ndarray:
    """The mask of the test split: bool [N], True for `TEST_PER_DIGIT` images of every digit."""
    test = np.zeros(len(labels), bool)
    for digit in range(10):
        members = np.flatnonzero(labels == digit)
        test[members[permutation(0, digit, len(members))[:TEST_PER_DIGIT]]] = True
    return test


def build_digits() -> dict[str, np.ndarray]:
    """The arrays of the file: images [N,16,16,1], labels [N], test [N], licence (a text)."""
    from sklearn.datasets import load_digits  # not needed to use the file, only to make it

    original = load_digits()
    return {
        'images': np.stack([enlarge(image) for image in original.images]),
        'labels': original.target.astype(np.uint8),
        'test': held_out(original.target),
        'licence': np.array(LICENCE),
    }


if __name__ == '__main__':
    path = expanded(sys.argv[1]) if len(sys.argv) > 1 else FILE
    np.savez_compressed(path, allow_pickle=False, **build_digits())
    print(f'wrote {path}')
