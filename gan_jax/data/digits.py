"""Handwritten digits that come with the package, and stacks of three of them in three channels.

`digits.npz` is made by `python -m gan_jax.data.build_digits` from the test part of "Optical
Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository,
CC BY 4.0, https://doi.org/10.24432/C50P49; the file carries the same attribution.
"""

import zlib
from pathlib import Path

import numpy as np

from gan_jax.data.archives.names import DIGITS
from gan_jax.data.dataset import DataSet

FILE = Path(__file__).with_name('digits.npz')
SPLITS = ('train', 'test')
STACKS = {'train': 25_600, 'test': 5_120}  # about 26 and 5 of each of the 1,000 modes


def read_digits(split: str) -> DataSet:
    """The digits: images uint8 [N, 16, 16, 1], labels 0-9; N is 1,437 (train) or 360 (test)."""
    with np.load(FILE, allow_pickle=False) as file:
        keep = file['test'] == (split == 'test')
        labels = file['labels'][keep].astype(np.int32)
        return DataSet(file['images'][keep], labels, 10, 'digits', DIGITS)


def read_stacked(split: str) -> DataSet:
    """Three digits of the same split in three channels; the label is 100a + 10b + c.

    This is the 1,000-mode benchmark of "Unrolled Generative Adversarial Networks" (Metz et al.,
    2017, section 3.3.1) with these digits instead of MNIST. The digits are drawn independently,
    with replacement, by a fixed seed; no digit of the test split occurs in a stack of the train
    split.

    Returns:
        Images uint8 [N, 16, 16, 3], labels 0-999; N is 25,600 (train) or 5,120 (test).
    """
    single = read_digits(split)
    # Raw Philox numbers stay the same in every version of NumPy; Generator's methods may not. The
    # bias of the remainder is below 1e-15.
    key = [zlib.crc32(b'stacked_digits'), SPLITS.index(split)]
    raw = np.random.Philox(key=key).random_raw(STACKS[split] * 3)
    picks = (raw % len(single.images)).astype(np.intp).reshape(-1, 3)  # [N, 3]
    images = np.stack([single.images[picks[:, c], :, :, 0] for c in range(3)], axis=-1)
    labels = single.labels[picks] @ np.array([100, 10, 1], np.int32)
    stacks = tuple(f'{label:03d}' for label in range(1000))
    return DataSet(images, labels, 1000, 'stacked_digits', stacks)
