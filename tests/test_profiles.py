"""Averages by a power of time, against the paper's numbers, brute force and quadrature."""

import itertools

import numpy as np
import pytest

from gan_jax.profiles import exponent_of, mixture

STEPS = 4000


def std_of(exponent):
    """Equation 5 of the paper, the other way round."""
    return (exponent + 1) ** 0.5 / (exponent + 2) / (exponent + 3) ** 0.5


def values():
    """A quantity of every step that wanders, as a weight does."""
    return np.random.default_rng(0).normal(size=STEPS).cumsum() / 20


def brute_force(std, end):
    """The average after `end` steps, step by step, by equation 4 of the paper."""
    exponent, found = exponent_of(std), 0.0
    for step, value in enumerate(values()[:end], start=1):
        kept = (1 - 1 / step) ** (exponent + 1)
        found = kept * found + (1 - kept) * value
    return found


@pytest.mark.parametrize(
    ('std', 'exponent'), [(0.01, 96.99), (0.05, 16.97), (0.1, 6.94), (0.2, 1.83), (0.3, -0.33)]
)
def test_exponents_are_those_of_the_published_code(std, exponent):
    assert exponent_of(std) == pytest.approx(exponent, abs=0.005)
    assert std_of(exponent_of(std)) == pytest.approx(std, rel=1e-9)


@pytest.mark.parametrize('std', [0.001, 0.02, 0.15, 0.3])
def test_an_exponent_has_the_deviation_that_it_is_for(std):
    """By quadrature of s^gamma over the time from 0 to 1."""
    time = (np.arange(2_000_000) + 0.5) / 2_000_000
    weight = time ** exponent_of(std)
    weight /= weight.sum()
    mean = weight @ time
    assert np.sqrt(weight @ (time - mean) ** 2) == pytest.approx(std, rel=1e-3)


def reconstructed(std, snapshots, stds=(0.05, 0.1)):
    """(the sum of averages at equal intervals, the average itself, the error of the profile)."""
    places = [(STEPS * i // snapshots, one) for i in range(1, snapshots + 1) for one in stds]
    found = mixture(
        [end for end, _ in places],
        [exponent_of(one) for _, one in places],
        STEPS,
        exponent_of(std),
    )
    kept = np.array([brute_force(one, end) for end, one in places])
    return found.weights @ kept, brute_force(std, STEPS), found.error


# Measured, relative to the norm of the profile, with 32 snapshots of the stds 0.05 and 0.1.
ERRORS = {0.03: 0.011, 0.08: 0.00076, 0.15: 0.0023, 0.25: 0.034}


@pytest.mark.parametrize('std', ERRORS)
def test_another_average_is_the_sum_of_snapshots(std):
    found, expected, error = reconstructed(std, 32)
    assert error == pytest.approx(ERRORS[std], rel=0.1)
    assert abs(found - expected) < error * np.std(values())
    assert abs(expected - brute_force(0.05, STEPS)) > 3 * abs(found - expected)


def test_more_snapshots_and_a_second_average_are_nearer():
    errors = [reconstructed(0.08, n)[2] for n in (4, 8, 16, 32)]
    assert all(more < less / 2 for less, more in itertools.pairwise(errors))
    assert reconstructed(0.08, 16)[2] < reconstructed(0.08, 32, stds=(0.05,))[2] / 10


@pytest.mark.parametrize('std', [0.05, 0.1])
def test_an_average_that_was_kept_is_itself(std):
    found, expected, error = reconstructed(std, 8)
    assert found == pytest.approx(expected, rel=1e-10)
    assert error < 1e-7


def test_two_alike_are_no_fault():
    """As averages of one std under two names."""
    exponent = exponent_of(0.1)
    found = mixture([10, 10, 20], [exponent, exponent, exponent], 20, exponent_of(0.12))
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights[0] == pytest.approx(found.weights[1])


def test_the_weights_are_least_squares():
    """On a grid of the time, where the profiles are columns; the sum of the weights is 1."""
    ends, stds = np.array([6.0, 6.0, 10.0]), (0.1, 0.2, 0.15)
    time = (np.arange(400_000) + 0.5) / 40_000

    def profile(end, exponent):
        return np.where(time < end, (exponent + 1) * time**exponent / end ** (exponent + 1), 0)

    exponents = [exponent_of(std) for std in stds]
    columns = np.stack([*map(profile, ends, exponents)], axis=1)
    wanted = profile(10.0, exponent_of(0.25))
    expected = np.linalg.lstsq(columns, wanted, rcond=None)[0]
    expected /= expected.sum()
    found = mixture(ends, exponents, 10.0, exponent_of(0.25))
    np.testing.assert_allclose(found.weights, expected, rtol=1e-3)
    rest = columns @ expected - wanted
    assert found.error == pytest.approx(np.sqrt(rest @ rest / (wanted @ wanted)), rel=1e-3)
