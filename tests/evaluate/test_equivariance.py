"""EQ-T beside NumPy by hand, of generators that move with their input and that do not."""

import functools
import math
from types import SimpleNamespace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import equivariance, protocol
from gan_jax.evaluate.context import Context
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.pairs import Pairs
from gan_jax.sampling.shifts import make_shifts

SIDE = 32


def by_hand(image, moved, right, down, *, fractional):
    """Sum of squared differences and count, pixel by pixel in float64, of [H, W, C]."""
    height, width, channels = image.shape
    reach = range(-2, 4) if fractional else range(1)

    def weight(t):
        return np.sinc(t) * np.sinc(t / 3) if fractional and abs(t) < 3 else float(abs(t) < 1e-9)

    wrong = count = 0
    for row in range(height):
        for column in range(width):
            rows = [row - math.floor(down) - k for k in reach]
            columns = [column - math.floor(right) - k for k in reach]
            if not all(0 <= i < height for i in rows) or not all(0 <= j < width for j in columns):
                continue
            a = np.array([weight(row - i - down) for i in rows])
            b = np.array([weight(column - j - right) for j in columns])
            there = np.einsum('i,j,ijc->c', a / a.sum(), b / b.sum(), image[np.ix_(rows, columns)])
            wrong += np.sum((there - moved[row, column]) ** 2)
            count += channels
    return wrong, count


@pytest.mark.parametrize('fractional', [True, False])
def test_errors_are_those_by_hand(fractional):
    rng = np.random.default_rng(0)
    images, moved = rng.normal(size=(2, 7, 9, 12, 2)).astype(np.float32)
    pixels = np.array([[0, 0], [1, -1], [-1, 1], [3, 0], [0, -4], [-2, -2], [1, 1]], np.float32)
    if fractional:
        pixels += rng.uniform(-0.9, 0.9, pixels.shape).astype(np.float32)
        pixels[0] = 0
    found = equivariance.errors(images, moved, pixels, fractional=fractional)
    expected = [
        by_hand(a.astype(float), b, *map(float, t), fractional=fractional)
        for a, b, t in zip(images, moved, pixels, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[:, 1].min() > 0 and found[0, 1] == 2 * (4 * 7 if fractional else 9 * 12)


def test_a_tenth_off_is_20_decibel_of_images_from_0_to_1():
    images = np.random.default_rng(0).random((3, 9, 9, 1), np.float32)
    found = equivariance.errors(images, images + 0.1, np.zeros((3, 2), 'f4'), fractional=False)
    assert equivariance.decibel(found) == pytest.approx(20, abs=1e-4)
    assert equivariance.decibel(np.array([[0, 5], [0, 5]])) == math.inf
    pooled = equivariance.decibel(np.array([[3.0, 10], [0, 20]]))  # not the mean of both
    assert pooled == pytest.approx(10)


class Canvas(nn.Module):
    """A window on a picture of every w, which its input moves by whole pixels: equal to a bit."""

    moves: float = 1.0

    @nn.compact
    def __call__(self, z, label, *, train):
        return {**self.synthesize(z, label, train=train), 'w': z}

    def synthesize(self, w, label, *, train, shift=None):
        shift = jnp.zeros((len(w), 2)) if shift is None else self.moves * shift
        pixels = jnp.arange(SIDE, dtype=jnp.float32)[None]
        there = [pixels - jnp.round(SIDE * t)[:, None] for t in shift.T]
        columns, rows = (jnp.mod(place * (place + 1), 8) / 8 for place in there)
        return {'image': (rows[:, :, None] * columns[:, None] * w[:, :1, None])[..., None]}


class Waves(Canvas):
    """Smooth waves, which its input moves by anything, in the direction of `moves`."""

    def synthesize(self, w, label, *, train, shift=None):
        shift = jnp.zeros((len(w), 2)) if shift is None else self.moves * shift
        columns, rows = (jnp.arange(SIDE)[None] / SIDE - t[:, None] for t in shift.T)
        phase = 4 * rows[:, :, None] + 3 * columns[:, None] + w[:, :1, None]
        return {'image': 0.5 + 0.5 * jnp.sin(2 * math.pi * phase)[..., None]}


@functools.cache
def shifts_of(generator, fractional):
    made = make_shifts(generator, fractional, latent_dim=2, class_counts=(1,))
    return lambda state, block: made(state, 0, block)


def measured(generator, name):
    given = context(shifts=functools.partial(shifts_of, generator))
    found = protocol.prepare_metrics(name, given)
    assert found.num == 0
    (value,) = found.measure(np.zeros(0, np.uint8), {}, None).values()
    return value


def context(train=None, **changes):
    no = functools.partial(pytest.fail, 'no path is walked')
    pairs = Pairs(no, lambda: True, lambda: 'moving', no, no)._replace(**changes)
    train = train or data.load('digits')
    return Context(train, lambda: data.load('digits', split='test'), train, None, 9, pairs=pairs)


def test_what_moves_with_its_input_has_an_infinite_ratio():
    assert measured(Canvas(), 'eqt100_int') == math.inf
    assert measured(Canvas(), 'eqt100_frac') < 30  # it moves by whole pixels alone


@pytest.mark.slow
def test_smooth_waves_move_by_fractions_as_well_as_the_filter_can_follow():
    assert measured(Waves(), 'eqt100_int') > 100
    assert 45 < measured(Waves(), 'eqt100_frac') < 75
    assert measured(Waves(-1.0), 'eqt100_frac') < 10


@pytest.mark.parametrize('kind', ['int', 'frac'])
def test_what_stays_has_the_ratio_of_the_shift(kind):
    """Mean square of the difference between waves and shifted waves: (1 - cos of the phase) / 4."""
    t = np.random.default_rng(0).uniform(-1 / 8, 1 / 8, (100_000, 2))
    t = np.round(t * SIDE) / SIDE if kind == 'int' else t
    mean = (1 - np.cos(2 * math.pi * t @ [3, 4])).mean() / 4
    assert measured(Waves(0.0), f'eqt500_{kind}') == pytest.approx(-10 * np.log10(mean), abs=0.6)


def test_the_number_of_images_counts_and_the_protocol_tells_it():
    few, more = (measured(Waves(0.0), name) for name in ('eqt3_int', 'eqt250_int'))
    assert few != more
    found = protocol.prepare_metrics('eqt1k_int,eqt3_frac', context()).protocol['equivariance']
    assert found['eqt1k_int'] == {
        **{'images': 1000, 'shifts': 1 / 8, 'filter': None, 'span': 1.0, 'seed': 0, 'version': 1}
    }
    assert (found['eqt3_frac']['images'], found['eqt3_frac']['filter']) == (3, 'lanczos3')


SMALL = SimpleNamespace(images=np.zeros((4, 4, 16, 1), np.uint8), name='small')


@pytest.mark.parametrize(
    ('name', 'changes', 'said'),
    [
        ('eqt', {}, 'write eqt50k_int, shifts of whole pixels, or eqt50k_frac, any shifts'),
        ('eqt50k', {}, 'has to say of how many images and which shifts'),
        ('eqt2000k_int', {}, "'eqt2000k_int' is of 2,000,000 images: take at most 1,000,000"),
        ('eqt9_int', {'takes_shift': lambda: False}, 'config.generator has none to shift: take a'),
        ('eqt9_frac', {'train': SMALL}, "of 8 pixels a side at least, and the run's have 4 by 16"),
        (
            'eqt9_int',
            {'statistics': lambda: 'batch'},
            "config.evaluate.batch_norm is batch: write 'moving'",
        ),
    ],
)
def test_what_would_mean_nothing_is_refused(name, changes, said):
    with pytest.raises(UserError) as caught:
        protocol.check_metrics(name, context(**changes))
    assert said in str(caught.value)


def test_what_means_something_is_let_through():
    assert protocol.check_metrics(','.join(equivariance.NAMES), context()) is True
    assert all(equivariance.knows(name) for name in equivariance.NAMES)
