"""The leak meter: closed forms by hand, and digits with and without the augmentation in them."""

import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate.leak import classifier, meter
from gan_jax.evaluate.probes import augmented

pytestmark = pytest.mark.usefixtures('quick')

POLICIES = ('translation(0.3)', 'cutout(0.5)')  # so strong that few steps suffice


# Closed forms -------------------------------------------------------------------------------------


def test_auroc_by_hand():
    """Of the six pairs four are won, one is tied and one is lost."""
    assert meter.auroc(np.array([3, 1]), np.array([1, 0, 2])) == 4.5 / 6


def test_auroc_at_its_ends():
    low, high = np.arange(4), np.arange(4, 9)
    assert meter.auroc(high, low) == 1
    assert meter.auroc(low, high) == 0
    assert meter.auroc(np.ones(3), np.ones(7)) == 0.5


def test_auroc_is_the_share_of_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 40), rng.integers(0, 7, 30)
    pairs = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    np.testing.assert_allclose(meter.auroc(a, b), pairs.mean(), rtol=1e-12)


def test_share_inverts_the_mixture():
    assert meter.share(0.3 * 0.8 + 0.7 * 0.01, 0.01, 0.8) == pytest.approx(0.3)
    assert meter.share(0.001, 0.01, 0.8) == 0
    assert meter.share(0.9, 0.01, 0.8) == 1


def test_wilson_by_hand():
    """Its bounds p solve (rate - p)² = Z² p (1 - p) / count."""
    for rate, count in ((0, 10), (0.1, 30), (0.01, 2000), (1, 7)):
        for bound in meter.wilson(rate, count):
            off = (rate - bound) ** 2 - meter.Z**2 * bound * (1 - bound) / count
            assert abs(off) < 1e-12
    # None of 20 with 95 %: z² / (20 + z²).
    assert meter.wilson(0, 20, 1.96)[1] == pytest.approx(0.161, abs=5e-4)


def test_a_flag_asks_for_less_of_more_images():
    """The least share of finds falls towards `SPREAD` per cent as both sets grow."""
    shares = [meter.least_detections(n, n) / n for n in (100, 1000, 10_000, 1_000_000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(meter.SPREAD * 0.01, rel=0.03)


def test_a_set_can_be_too_small_for_any_flag():
    least = meter.least_detections(1, 10)
    assert least == 2
    assert meter.power(1.0, 1, least) == 0


def test_power_is_that_of_a_simulation():
    rate, count = 0.1 * 0.5 + 0.9 * 0.004, 2000
    least = meter.least_detections(count, 2000)
    detections = np.random.default_rng(0).binomial(count, rate, 100_000)
    expected = np.mean(detections >= least)
    assert 0.2 < expected < 0.9
    assert meter.power(rate, count, least) == pytest.approx(expected, abs=0.006)


# Matching -----------------------------------------------------------------------------------------


def test_each_model_gives_its_nearest_checkpoint():
    models = [[90, 40, 12], [31], [8, 70], [29, 30.5], [200, 100], [33, 3], [1000]]
    assert meter.matched(30, models) == [(3, 1), (1, 0), (5, 0), (0, 1), (2, 1)]
    assert meter.matched(30, models, count=2) == [(3, 1), (1, 0)]


def test_a_generator_better_than_every_calibration_is_judged_by_the_best():
    models = [[50, 20 + i] for i in range(6)]
    assert meter.matched(0.8, models) == [(i, 1) for i in range(5)]


def test_a_generator_much_worse_is_not_judged():
    models = [[20.0]] * 5
    assert len(meter.matched(20 * meter.WORSE, models)) == 5
    assert meter.matched(20 * meter.WORSE + 0.1, models) == []
    assert meter.matched(20.0, models[1:]) == []
    assert np.isnan([*meter.NOT_CALIBRATED.values()]).all()


# Scores that are known ----------------------------------------------------------------------------


def first_pixel(images):
    return images[:, 0, 0, 0].astype(np.float32)


def of_scores(scores):
    """Images whose first pixel is their score, the other ones black."""
    images = np.zeros((len(scores), 8, 8, 1), np.uint8)
    images[:, 0, 0, 0] = scores
    return images


@pytest.fixture
def scores():
    return np.random.default_rng(0).integers(0, 200, (7, 1000))


@pytest.fixture
def measure(monkeypatch):
    """The meter with known scores, and an augmentation that makes every fourth of them 255."""

    def fourth_found(images, policy, seed):
        del policy, seed
        return np.where(np.arange(len(images))[:, None, None, None] % 4, images, 255)

    def measure(fakes, calibrations, held_out):
        sets = of_scores(fakes), [of_scores(x) for x in calibrations], of_scores(held_out)
        return meter.measure(first_pixel, *sets, 'any')

    monkeypatch.setattr(meter, 'augmented', fourth_found)
    return measure


def test_of_the_same_set_the_rate_is_that_of_the_threshold(measure):
    same = np.arange(200)
    found = measure(same, [same] * 5, same)
    assert tuple(found) == meter.NAMES
    assert found['leak_rate'] == 0.01
    assert found['leak_tpr'] == (50 + 2) / 200  # 198 and 199 are no fourths, and found as before
    assert found['leak'] == found['leak_flagged'] == 0


def test_the_share_of_augmented_images_is_the_leak(measure, scores):
    fakes = np.where(np.arange(1000) < 100, 255, 0)
    found = measure(fakes, scores[1:6], scores[6])
    assert found['leak_rate'] == 0.1
    assert found['leak_tpr'] == pytest.approx(0.25, abs=0.01)
    assert found['leak'] == pytest.approx(0.1 / 0.25, abs=0.03)
    assert found['leak_flagged'] == 1
    assert found['leak_auroc'] == pytest.approx(0.5 + 0.5 * 0.25, abs=0.01)


def test_what_would_raise_no_flag_has_no_leak(measure, scores):
    """Few images, of which a quarter can be found at best."""
    found = measure(scores[0, :8], scores[1:6, :50], scores[6])
    assert np.isnan(found['leak'])
    assert found['leak_flagged'] == 0
    assert found['leak_power'] < 0.01


def test_a_find_lies_above_every_calibration_and_above_held_out_reals(measure, scores):
    fakes = np.full(1000, 230)
    assert measure(fakes, scores[1:6], scores[6])['leak_rate'] == 1
    high = np.where(np.arange(1000) < 20, 240, scores[1])  # 2 % of one calibration
    assert measure(fakes, [*scores[1:5], high], scores[6])['leak_rate'] == 0
    assert measure(fakes, scores[1:6], high)['leak_rate'] == 0


# Digits -------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def digits():
    """(learned, calibrating [5 sets], held out, fakes), images that no two of them share."""
    train, test = (data.load('digits', split=split).images for split in ('train', 'test'))
    return train[:700], [train[712 + i :: 5] for i in range(5)], test[:180], test[180:]


@pytest.fixture(scope='module')
def scores_of(digits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, 'EVAL_BATCH', len(digits[2]))  # no set here is much larger
        yield {p: classifier.learn(digits[0], p, steps=100) for p in POLICIES}


def noisy(images, seed=0):
    noise = 40 * np.random.default_rng(seed).standard_normal(images.shape)
    return np.clip(np.round(images + noise), 0, 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize('policy', POLICIES)
def test_augmented_digits_are_flagged(digits, scores_of, policy):
    _, calibrations, held_out, fakes = digits
    leaked = augmented(fakes, policy, 1)
    found = meter.measure(scores_of[policy], leaked, calibrations, held_out, policy)
    assert found['leak_flagged'] == 1
    assert found['leak'] > 0.8
    assert found['leak_auroc'] > 0.75


@pytest.mark.slow
@pytest.mark.parametrize('policy', POLICIES)
def test_digits_are_not(digits, scores_of, policy):
    _, calibrations, held_out, fakes = digits
    found = meter.measure(scores_of[policy], fakes, calibrations, held_out, policy)
    assert found['leak_flagged'] == 0
    assert found['leak'] < 0.1


@pytest.mark.slow
def test_noise_is_no_leak_beside_noise(digits, scores_of):
    """The point of the meter: beside clean images the same noise is taken for cut-out boxes."""
    _, calibrations, held_out, fakes = digits
    bad, score = noisy(fakes), scores_of['cutout(0.5)']
    uncalibrated = meter.measure(score, bad, calibrations, held_out, 'cutout(0.5)')
    assert uncalibrated['leak_flagged'] == 1
    as_bad = [noisy(x, seed=1 + i) for i, x in enumerate(calibrations)]
    found = meter.measure(score, bad, as_bad, held_out, 'cutout(0.5)')
    assert found['leak_flagged'] == 0
    assert found['leak'] < 0.1
    leaked = augmented(bad, 'cutout(0.5)', 1)
    found = meter.measure(score, leaked, as_bad, held_out, 'cutout(0.5)')
    assert found['leak_flagged'] == 1


@pytest.mark.slow
def test_the_share_of_augmented_digits_is_estimated(digits, scores_of):
    _, calibrations, held_out, fakes = digits
    half = np.concatenate([augmented(fakes[:90], 'translation(0.3)', 1), fakes[90:]])
    score = scores_of['translation(0.3)']
    found = meter.measure(score, half, calibrations, held_out, 'translation(0.3)')
    assert found['leak'] == pytest.approx(0.5, abs=0.15)


@pytest.mark.slow
def test_the_classifier_is_that_of_its_seed(digits):
    images = digits[0][:100]
    train_subset = [classifier.learn(images, 'flip', seed=s, steps=2)(images) for s in (0, 0, 1)]
    np.testing.assert_array_equal(train_subset[0], train_subset[1])
    assert np.any(train_subset[0] != train_subset[2])


@pytest.mark.slow
def test_every_draw_of_the_classifier_has_a_key_of_its_own_name(digits, monkeypatch):
    """So that a seed's numbers stay those, whatever else a later version draws."""
    asked, named = [], classifier.named

    def recording(key, *purpose):
        asked.append(purpose)
        return named(key, *purpose)

    monkeypatch.setattr(classifier, 'named', recording)
    classifier.learn(digits[0][:100], 'flip', steps=2)  # as above: it is in the cache
    # What is compiled is traced once, with a key that is that of its step.
    assert asked == [('init',), ('step', 0), ('rows',), ('augment',), ('step', 1)]


def test_the_classifier_takes_any_size():
    """Its last map is flattened: what it has of weights depends on the size, and must fit."""
    net, key = classifier.Classifier(), jax.random.key(0)
    for shape in ((2, 19, 33, 3), (2, 3, 2, 1), (2, 128, 128, 3)):
        images = jax.ShapeDtypeStruct(shape, np.float32)
        params = jax.eval_shape(net.init, key, images)
        assert jax.eval_shape(net.apply, params, images).shape == (2,)
        assert params['params']['Dense_0']['kernel'].shape[0] <= 4 * 4 * 64


# Refused ------------------------------------------------------------------------------------------


IMAGES = np.zeros((4, 8, 8, 1), np.uint8)


@pytest.mark.parametrize(
    ('policy', 'said'),
    [
        ('', "the policy is '', which changes nothing"),
        ('cutout', "write a strength into the policy 'cutout'"),
        ('shake(0.1)', "unknown augmentation 'shake'"),
    ],
)
def test_policies_that_say_nothing_are_refused(policy, said):
    with pytest.raises(ValueError, match=said):
        classifier.learn(IMAGES, policy)
    with pytest.raises(ValueError, match=said):
        meter.measure(first_pixel, IMAGES, [IMAGES], IMAGES, policy)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match=r'images must be uint8 \[N, H, W, C\] and not empty'):
        classifier.learn(IMAGES[:0], 'flip')
    with pytest.raises(ValueError, match=r'images must be uint8 .* got float64 of shape'):
        classifier.learn(IMAGES / 255, 'flip')


@pytest.mark.parametrize(
    ('sets', 'said'),
    [
        ((IMAGES[:0], [IMAGES], IMAGES), r'fakes must be images \[N, H, W, C\] and not empty'),
        ((IMAGES, [IMAGES, IMAGES[:0]], IMAGES), r'calibrations\[1\] must be images'),
        ((IMAGES, [IMAGES], IMAGES[:0]), 'held_out must be images'),
        ((IMAGES, [], IMAGES), 'calibrations must be at least one set of images, got none'),
    ],
)
def test_empty_sets_are_refused(sets, said):
    with pytest.raises(ValueError, match=said):
        meter.measure(first_pixel, *sets, 'flip')
