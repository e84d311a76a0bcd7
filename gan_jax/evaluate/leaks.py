"""The leak meter as a metric: 'leak@translation(0.2)', see `leak`.

    leak@P                the share of generated images that the augmentation P has made
    leak_flagged@P        1 where that is more than chance
    leak_rate@P, leak_tpr@P, leak_auroc@P, leak_power@P
    leak_calibrations@P   models that it was calibrated with; 0 where too few are as bad as the
                          generator, and everything else is NaN

It needs config.evaluate.unaugmented: a folder with runs of at least `leak.MODELS` seeds without
augmentation. Of more than that up to as many teach the classifier; ten are a good number. They are
compared by Fréchet distance, of digits in the embedded classifier's features, else in Inception's.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from gan_jax.augment import policy as policies
from gan_jax.data import DataSet
from gan_jax.errors import UserError
from gan_jax.evaluate import digit_metrics, frechet, leak, weights
from gan_jax.evaluate.contract import Context, Evaluation, Values, Watch, unwatched
from gan_jax.evaluate.extractor import Extractor, from_digits_net, from_inception
from gan_jax.evaluate.leak_classifier import learn

FORM = re.compile(r'leak(?:@(.+))?')
NAMES = ('leak@translation(0.2)',)
IMAGES = 2000  # of each generator: the meter's constants are of so many
TAUGHT = 100  # images of each checkpoint of a model that teaches


def knows(name: str) -> bool:
    """Whether that is the leak meter of a policy."""
    return FORM.fullmatch(name) is not None


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """These, with a classifier for each policy, which takes half a minute on a CPU.

    Raises:
        UserError: there is no such policy, or too few unaugmented models.
    """
    wanted = {name: FORM.fullmatch(name)[1] for name in asked}
    for name, policy in wanted.items():
        if not policy:
            raise UserError(f"'{name}' does not say of which augmentation: write {NAMES[0]}")
        try:
            policies.check(policy, 0.0, allow=given.allow)
            if policies.needs_strength(policy):
                raise ValueError(f"write a strength into '{policy}', as in {NAMES[0]}")
        except ValueError as error:
            raise UserError(f"'{name}' cannot be measured: {error}") from error
    if given.unaugmented is None:
        raise UserError(
            f"'{asked[0]}' is calibrated with fakes of models that were trained without "
            'augmentation: name the folder of their runs in config.evaluate.unaugmented'
        )
    count = min(given.num, IMAGES)
    models = given.unaugmented(count)
    if len(models) < leak.MODELS:
        raise UserError(
            f"'{asked[0]}' is calibrated with unaugmented models and {len(models)} are in "
            f'config.evaluate.unaugmented: train at least {leak.MODELS} seeds of method=none, '
            'say by a sweep, and name their folder there'
        )
    extractor = _extractor(given)
    distance = distance_to(given.train, extractor)
    teachers = max(0, min(len(models) - leak.MODELS, leak.MODELS))
    shown, models = lessons(given.train, models[:teachers]), models[teachers:]
    classifiers = {}
    with given.watch('classifiers of the leak meter') as tick:
        for name, policy in wanted.items():
            classifiers[name] = learn(shown, policy)
            tick(len(classifiers), len(wanted))
    distances = [[distance(images) for images in model] for model in models]
    held_out = given.held_out().images

    def measure(images, state, hyper, watch: Watch = unwatched) -> Values:
        del state, hyper
        fakes, values = images[:count], {}
        chosen = leak.matched(distance(fakes), distances)
        beside = [models[model][checkpoint] for model, checkpoint in chosen]
        for name, policy in wanted.items():
            with watch(name):
                found = leak.NOT_CALIBRATED
                if beside:
                    found = leak.measure(classifiers[name], fakes, beside, held_out, policy)
            found = {**found, 'leak_calibrations': len(beside)}
            values |= {f'{key}@{policy}': value for key, value in found.items()}
        return values

    protocol = {
        'distance': dict(extractor.facts),
        'distances': [[round(x, 6) for x in model] for model in distances],
        'models_that_teach': teachers,
    }
    return Evaluation(count, measure, {'leak': protocol})


def distance_to(train: DataSet, extractor: Extractor) -> Callable[[np.ndarray], float]:
    """uint8 [N, H, W, C] -> their Fréchet distance to the train split."""
    reference = frechet.moments(extractor.see(train.images).features)
    return lambda images: frechet.distance(
        frechet.moments(extractor.see(images).features), reference
    )


def lessons(train: DataSet, models: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """What a classifier learns from: all real images, and `TAUGHT` of each checkpoint's fakes."""
    return np.concatenate([train.images, *(x[:TAUGHT] for model in models for x in model)])


def _extractor(given: Context) -> Extractor:
    if given.train.name in digit_metrics.DIGITS:
        return from_digits_net()
    return from_inception(weights.published(given.data_dir), devices=given.devices)
