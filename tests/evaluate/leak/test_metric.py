"""The leak meter as a metric: who teaches, who calibrates, and what is said without them."""

import functools

import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import extractor, features, frechet, kernel, protocol
from gan_jax.evaluate.context import Context, Unaugmented
from gan_jax.evaluate.leak import meter, metric
from gan_jax.evaluate.probes import augmented
from gan_jax.runtime.errors import UserError

NAME = 'leak@translation(0.2)'


def split(name='train'):
    return data.load('digits', split=name)


@functools.cache
def dirty(level, seed, count=600):
    """Digits as bad as a model's that has trained for a while."""
    rng = np.random.default_rng(seed)
    images = split().images[rng.integers(0, len(split().images), count)]
    return np.clip(images + level * rng.normal(size=images.shape), 0, 255).astype(np.uint8)


def models(count):
    """Each has two checkpoints, a bad one and a better one."""
    return [[dirty(120, 2 * i), dirty(60, 2 * i + 1)] for i in range(count)]


@pytest.fixture
def taught(monkeypatch):
    """A classifier for nothing: how far the ink is from the middle. What it has learned from."""
    lessons = []

    def learn(images, policy):
        lessons.append((images, policy))
        away = np.arange(16) - 7.5

        def score(images):
            ink = np.maximum(images.astype(float) - 150, 0)[..., 0] + 1e-3  # [N, H, W]
            return np.abs((ink.sum(1) @ away) / ink.sum((1, 2)))

        return score

    monkeypatch.setattr(metric, 'learn', learn)
    return lessons


def context(count=7, **changes):
    def unaugmented(n):
        steps = [{'step': 1, 'digest': 'a'}, {'step': 2, 'digest': 'b'}]
        drawn = [[images[:n] for images in model] for model in models(count)]
        return [Unaugmented(f'run {i}', steps, images) for i, images in enumerate(drawn)]

    given = Context(split(), lambda: split('test'), split(), None, num=500)
    return given._replace(unaugmented=unaugmented)._replace(**changes)


@pytest.mark.slow
def test_the_nearest_checkpoints_calibrate_and_the_first_models_teach(taught):
    found = protocol.prepare_metrics(NAME, context())
    images, policy = taught[0]
    assert policy == 'translation(0.2)' and found.num == 500
    lessons = np.concatenate([x[:100] for model in models(2) for x in model])
    np.testing.assert_array_equal(images, np.concatenate([split().images, lessons]))

    fakes = dirty(60, 99, 500)
    values = found.measure(fakes, None, None)
    score = metric.learn(images, policy)
    beside = [better[:500] for _, better in models(7)[2:]]
    reference = frechet.moments(features.digits(split().images).features)
    away = [
        frechet.distance(frechet.moments(features.digits(x).features), reference)
        for x in (fakes, *beside)
    ]
    order = np.argsort(np.abs(np.log(np.array(away[1:]) / away[0])))
    expected = meter.measure(
        score, fakes, [beside[i] for i in order], split('test').images, 'translation(0.2)'
    )
    assert values == {
        **{f'{key}@translation(0.2)': value for key, value in expected.items()},
        'leak_calibrations@translation(0.2)': 5,
    }
    assert values['leak_flagged@translation(0.2)'] == 0
    moved = found.measure(augmented(fakes, 'translation(0.2)', 1), None, None)
    assert moved['leak_flagged@translation(0.2)'] == 1 and moved[NAME] > 0.8


def test_worse_than_every_calibration_is_not_judged(taught):
    values = protocol.prepare_metrics(NAME, context()).measure(
        255 - split().images[:500], None, None
    )
    assert values['leak_calibrations@translation(0.2)'] == 0
    assert np.isnan(values[NAME]) and np.isnan(values['leak_flagged@translation(0.2)'])


def test_five_models_are_enough_and_then_none_teaches(taught):
    found = protocol.prepare_metrics(NAME, context(5))
    assert found.protocol['leak']['teachers'] == []
    assert len(taught[0][0]) == len(split().images)
    said = found.protocol['leak']['calibrations']
    assert [(model['run'], len(model['distances'])) for model in said] == [
        (f'run {i}', 2) for i in range(5)
    ]
    assert said[0]['checkpoints'][1] == {'step': 2, 'digest': 'b'}


@pytest.mark.slow
def test_each_policy_has_a_classifier(taught):
    both = f'{NAME},leak@cutout(0.3)|flip'
    values = protocol.prepare_metrics(both, context()).measure(dirty(60, 99), None, None)
    assert [policy for _, policy in taught] == ['translation(0.2)', 'cutout(0.3)|flip']
    assert {NAME, 'leak@cutout(0.3)|flip'} <= {*values}


@pytest.mark.parametrize(
    ('name', 'count', 'said'),
    [
        (NAME, 4, 'and 4 finished ones are in config.evaluate.unaugmented: train at'),
        (NAME, None, 'name the folder of their runs in config.evaluate.unaugmented'),
        ('leak@translation', 7, "write a strength into 'translation', as in leak@translation"),
        ('leak@transl(0.2)', 7, "'leak@transl\\(0.2\\)' cannot be measured: .*'transl'"),
        ('leak', 7, 'does not say of which augmentation: write leak@translation'),
    ],
)
def test_what_is_missing_is_said(name, count, said, taught):
    given = context(count or 0)
    with pytest.raises(UserError, match=said):
        protocol.prepare_metrics(name, given if count else given._replace(unaugmented=None))


def test_other_images_are_matched_by_kernel_distance_in_inceptions_features(
    taught, small_inception, tmp_path
):
    renamed = split()._replace(name='no_digits')
    found = protocol.prepare_metrics(NAME, context(train=renamed, data_dir=tmp_path))
    said = found.protocol['leak']
    assert said['distance']['name'] == 'kid to 1437 train images'
    extract = extractor.from_inception(small_inception).extract
    expected = kernel.kid(extract(models(3)[2][0][:500]).features, extract(split().images).features)
    assert said['calibrations'][0]['distances'][0] == pytest.approx(expected)
