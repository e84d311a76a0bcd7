"""Classification accuracy score: whether generated classes teach a classifier the real ones.

    cas10k             GAN-train: accuracy on the test split after training on generated images
    cas10k_gan_test    GAN-test: accuracy on generated images after training on the train split
    cas10k_real        the classifier of GAN-test on the test split, the score to compare with

"Classification Accuracy Score for Conditional Generative Models" (Ravuri and Vinyals 2019, arXiv
1905.10887); "How good is my GAN?" (Shmelkov et al. 2018, arXiv 1807.09499). The classifier is the
small network of `class_network`, so that the numbers compare with each other alone. Two trainings
of 2,000 steps: it is measured only where its name is given.
"""

import functools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from gan_jax.data import DataSet, digest
from gan_jax.data.dataset import label_words
from gan_jax.evaluate import class_network, rows
from gan_jax.evaluate.context import Check, Context, Evaluation, Values
from gan_jax.evaluate.names import CLASSIFICATION, number_of
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sampling.limits import MOST_IMAGES

FORM = re.compile(r'cas(?:([1-9]\d*)(k?))?')
NAMES = CLASSIFICATION
LEAST = 10  # images of each class on average
MOST = 50_000  # real images of a split, evenly spaced, which have to fit in memory


def knows(name: str) -> bool:
    """True if the name is a classification accuracy score's, or lacks its number only."""
    return FORM.fullmatch(name) is not None


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks the names, the labels, and that the generator takes classes."""
    return (functools.partial(_check, name, given) for name in asked)


def _check(name: str, given: Context) -> None:
    num = _number(name)
    if not given.conditional():
        raise UserError(
            f"'{name}' trains a classifier on the classes of generated images, and the generator "
            'takes none: leave it out'
        )
    for split in (given.split('train'), given.split('test')):
        if split.labels is None:
            raise UserError(
                f"'{name}' needs classes and '{split.name}' has {label_words(split)}: leave it out"
            )
    classes = given.train.num_classes
    if not LEAST * classes <= num <= MOST_IMAGES:
        raise UserError(
            f"'{name}' is of {num:,} images of {classes} classes: take {LEAST * classes:,} to "
            f'{MOST_IMAGES:,}'
        )


def _number(name: str) -> int:
    number, thousands = FORM.fullmatch(name).groups(default='')
    if not number:
        raise UserError(f"'{name}' does not say of how many images: write {NAMES[0]}")
    return number_of(number, thousands)


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given scores, with the classifier of real images trained."""
    train, test = _some(given.train), _some(given.held_out())
    classes = given.train.num_classes
    with given.progress('classifier of real images') as tick:
        of_reals = class_network.learn(train.images, train.labels, classes, progress=tick)
    real = _accuracy(of_reals, test.images, test.labels)

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del state, hyper
        values = {}
        for name in asked:
            some = images[: _number(name)]
            labels = given.generated_labels(len(some))
            with progress(name) as tick:
                of_fakes = class_network.learn(some, labels, classes, progress=tick)
            values |= {
                name: _accuracy(of_fakes, test.images, test.labels),
                f'{name}_gan_test': _accuracy(of_reals, some, labels),
                f'{name}_real': real,
            }
        return values

    protocol = {
        'num': {name: _number(name) for name in asked},
        'train': f'{len(train.images)} images',
        'train_digest': digest(given.train),
        'test': f'{len(test.images)} images',
        'steps': class_network.STEPS,
        'seed': 0,
        'version': 1,
    }
    return Evaluation(max(map(_number, asked)), measure, {'classification': protocol})


def _some(data: DataSet) -> DataSet:
    """At most `MOST` images of a split, in memory."""
    chosen = rows.spaced(len(data.images), MOST)
    return data._replace(images=np.asarray(data.images[chosen]), labels=data.labels[chosen])


def _accuracy(predict: class_network.Predict, images: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(predict(images) == labels))
