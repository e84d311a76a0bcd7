"""The leak meter as a metric: 'leak@translation(0.2)', see `leak.meter`.

    leak@P                the share of generated images that show the augmentation P
    leak_flagged@P        1 if that is more than chance
    leak_rate@P, leak_tpr@P, leak_auroc@P, leak_power@P
    leak_calibrations@P   the number of calibrations; 0 if too few models are as bad as the
                          generator, and everything else is NaN

It needs config.evaluate.unaugmented: a folder with runs of at least `meter.MODELS` seeds without
augmentation. Up to `meter.MODELS` further ones are training data of the classifier; ten runs are a
good number. Runs on digits are matched by Fréchet distance in the embedded classifier's features,
others by KID. The constants of the meter were measured on digits only.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gan_jax.augment import policy as policies
from gan_jax.data import DataSet
from gan_jax.evaluate import digit_metrics, frechet, kernel, references, rows, weights
from gan_jax.evaluate.context import Check, Context, Evaluation, Values, refuse_few_reals
from gan_jax.evaluate.extractor import Extractor, from_digits_net, from_inception
from gan_jax.evaluate.leak import meter
from gan_jax.evaluate.leak.classifier import STEPS, learn
from gan_jax.evaluate.names import LEAK
from gan_jax.evaluate.probes import LIMIT, some
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress

FORM = re.compile(r'leak(?:@(.+))?')
NAMES = LEAK
IMAGES = 2000  # of each generator: the meter's constants were measured with so many
TEACHER_IMAGES = 100  # of each checkpoint of a model that the classifier is trained on
LEAST = 1e-6  # of a kernel distance, which may be negative
VERSION = 1  # of the meter; a change of its values raises it


def knows(name: str) -> bool:
    """True if the name is a leak meter's."""
    return FORM.fullmatch(name) is not None


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks the policies, the models to calibrate with, and the network to match them in."""
    for name in asked:
        yield functools.partial(_policy, name, given)
    yield functools.partial(_check_models, asked[0], given)
    if given.train.name not in digit_metrics.DIGITS:
        yield functools.partial(weights.check, given.data_dir)


def _check_models(name: str, given: Context) -> None:
    if given.unaugmented is None:
        raise UserError(
            f"'{name}' is calibrated with fakes of models that were trained without augmentation: "
            'name the folder of their runs in config.evaluate.unaugmented'
        )
    refuse_few_reals(name, given.split('test'), 'test')
    models = given.unaugmented(0)
    if len(models) < meter.MODELS:
        raise UserError(
            f"'{name}' is calibrated with unaugmented models and {len(models)} finished ones are "
            f'in config.evaluate.unaugmented: train at least {meter.MODELS} seeds of method=none, '
            'as configs/sweeps/vanilla.py does'
        )


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The metrics with a classifier for each policy, which takes half a minute on a CPU.

    Raises:
        UserError: Inception's weights are not available (69).
    """
    wanted = {name: _policy(name, given) for name in asked}
    count = min(given.num, IMAGES)
    models = given.unaugmented(count)
    split = max(0, min(len(models) - meter.MODELS, meter.MODELS))
    teachers, candidates = models[:split], models[split:]
    space, distance = _distance(given)
    distances = [[distance(images) for images in model.images] for model in candidates]
    held_out = some(given.held_out()).images
    training_images = training_set(some(given.train), [model.images for model in teachers])
    classifiers = {}
    with given.progress('classifiers of the leak meter') as tick:
        for name, policy in wanted.items():
            classifiers[name] = learn(training_images, policy)
            tick(len(classifiers), len(wanted))

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del state, hyper
        fakes, values = images[:count], {}
        chosen = meter.matched(distance(fakes), distances)
        calibrations = [candidates[model].images[checkpoint] for model, checkpoint in chosen]
        for name, policy in wanted.items():
            with progress(name):
                found = meter.NOT_CALIBRATED
                if chosen:
                    found = meter.measure(classifiers[name], fakes, calibrations, held_out, policy)
            found = {**found, 'leak_calibrations': len(chosen)}
            values |= {f'{key}@{policy}': value for key, value in found.items()}
        return values

    protocol = {
        'images': count,
        'distance': space,
        'calibrations': [
            {'run': model.run, 'checkpoints': model.checkpoints, 'distances': apart}
            for model, apart in zip(candidates, distances, strict=True)
        ],
        'teachers': [{'run': model.run, 'checkpoints': model.checkpoints} for model in teachers],
        'images_of_a_teacher': TEACHER_IMAGES,
        'classifier': {
            'seed': 0,
            'steps': STEPS,
            'images': len(training_images),
            'version': VERSION,
        },
    }
    return Evaluation(count, measure, {'leak': protocol})


def distance_to(train: DataSet, extractor: Extractor) -> Callable[[np.ndarray], float]:
    """uint8 [N, H, W, C] -> their Fréchet distance to the train split."""
    reference = frechet.moments(extractor.extract(train.images).features)
    return lambda images: frechet.distance(
        frechet.moments(extractor.extract(images).features), reference
    )


def training_set(train: DataSet, models: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """A classifier's training images: reals, and `TEACHER_IMAGES` of each checkpoint's fakes."""
    return np.concatenate([train.images, *(x[:TEACHER_IMAGES] for model in models for x in model)])


def _policy(name: str, given: Context) -> str:
    policy = FORM.fullmatch(name)[1]
    if not policy:
        raise UserError(f"'{name}' does not say of which augmentation: write {NAMES[0]}")
    try:
        policies.check(policy, 0.0, allow=given.allow)
        if policies.needs_strength(policy):
            raise ValueError(f"write a strength into '{policy}', as in {NAMES[0]}")
    except ValueError as error:
        raise UserError(f"'{name}' cannot be measured: {error}") from error
    return policy


def _distance(given: Context) -> tuple[dict[str, Any], Callable[[np.ndarray], float]]:
    """The distance by which generators are matched: its protocol, and the function.

    The function is uint8 [N, H, W, C] -> distance > 0 to the train split.
    """
    if given.train.name in digit_metrics.DIGITS:
        extractor = from_digits_net()
        return {'name': 'fd', 'extractor': dict(extractor.metadata)}, distance_to(
            given.train, extractor
        )
    extractor = from_inception(weights.published(given.data_dir), devices=given.devices)
    reals = references.features(given.train, extractor, given.data_dir, given.progress)
    real = reals[rows.spaced(len(reals), LIMIT)]

    def distance(images: np.ndarray) -> float:
        # An FID of so few images would be mostly bias, and a bias brings all ratios near 1.
        return max(kernel.kid(extractor.extract(images).features, real), LEAST)

    return {
        'name': f'kid to {len(real)} train images',
        'extractor': dict(extractor.metadata),
    }, distance
