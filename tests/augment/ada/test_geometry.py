"""The geometric transformations against the published code, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment.ada import geometry
from gan_jax.augment.ada.geometry import NEUTRAL, Geometry
from gan_jax.testing import small
from tests.augment.ramps import LIKELY, texture
from tests.augment.references.published import differs, numbers

ONE = jnp.float32(1)
NAMES = [name for name in Geometry._fields if name != 'second_turn']  # published with `turn`


def drawn(name):
    return geometry.parameters(*numbers(f'geometry/{name}', 'uniforms', 'normals', 'gates'), ONE)


def published_images():
    return numbers('geometry', 'images')[0]


warped = small.jit(geometry.warped)


def moved(images, **changes):
    """Images changed by parameters that are not neutral, the same for all."""
    images = jnp.asarray(images)
    values = [jnp.full(len(images), value, images.dtype) for value in NEUTRAL]
    values = Geometry(*values)._replace(shift=still(images), fine_shift=still(images))
    changes = {name: jnp.asarray(value, images.dtype) for name, value in changes.items()}
    shapes = {name: np.shape(getattr(values, name)) for name in changes}
    changes = {name: jnp.broadcast_to(value, shapes[name]) for name, value in changes.items()}
    matrix = geometry.matrix(values._replace(**changes), *images.shape[1:3])
    return np.asarray(warped(images, matrix))


def still(images):
    return jnp.zeros((len(images), 2), images.dtype)


@pytest.mark.parametrize('name', NAMES)
def test_is_the_published_code(name):
    images = published_images()
    matrix = geometry.matrix(drawn(name), *images.shape[1:3])
    assert differs(warped(images, matrix), f'geometry/{name}') < 1e-5


@pytest.mark.parametrize(
    ('name', 'planted'),
    [
        ('turn', lambda g: g._replace(turn=-g.turn)),
        ('turn', lambda g: g._replace(turn=g.second_turn, second_turn=g.turn / 2)),
        ('scale', lambda g: g._replace(scale=g.scale**2)),
        ('stretch', lambda g: g._replace(stretch=1 / g.stretch)),
        ('fine_shift', lambda g: g._replace(fine_shift=-g.fine_shift)),
        ('shift', lambda g: g._replace(shift=g.shift[:, ::-1])),
        ('quarters', lambda g: g._replace(quarters=-g.quarters)),
    ],
)
def test_the_published_code_tells_errors(name, planted):
    images = published_images()
    matrix = geometry.matrix(planted(drawn(name)), *images.shape[1:3])
    assert differs(warped(images, matrix), f'geometry/{name}') > 0.1


@pytest.mark.parametrize('side', [7, 12])
def test_neutral_parameters_change_nothing(side):
    images = 2 * texture(2, side, side + 1, 2).astype(np.float32) - 1
    np.testing.assert_allclose(moved(images), images, rtol=0, atol=2e-6)


def test_flips_and_turns_have_a_direction():
    """A smooth image, since the filter is not symmetric."""
    rows, columns = np.meshgrid(np.arange(12), np.arange(12), indexing='ij')
    image = np.cos(np.pi * rows / 12) + np.sin(np.pi * columns / 12) * np.cos(np.pi * rows / 24)
    images = image[None, ..., None].astype(np.float32)
    near = dict(rtol=0, atol=0.1)
    np.testing.assert_allclose(moved(images, flip=1), images[:, :, ::-1], **near)
    for turns in (1, 2, 3):  # anticlockwise
        expected = np.rot90(images, turns, axes=(1, 2))
        found = moved(images, quarters=turns)
        np.testing.assert_allclose(found, expected, **near)
        by_angle = moved(images, turn=turns * np.pi / 2)
        np.testing.assert_allclose(by_angle, found, rtol=0, atol=2e-5)


def test_a_shift_is_right_and_down_and_mirrors_what_comes_in():
    images = 2 * texture(1, 8, 16, 1).astype(np.float32) - 1
    found = moved(images, shift=[0.125, -0.12])  # 2 to the right, round(-0.96) = -1 down
    padded = np.pad(images[0, ..., 0], [(0, 1), (2, 0)], mode='reflect')
    np.testing.assert_allclose(found[0, ..., 0], padded[1:, :16], rtol=0, atol=2e-6)


def test_behind_the_reflection_all_is_gray():
    images = np.ones((1, 11, 11, 1), np.float32)
    assert np.all(moved(images, fine_shift=[3, 0]) == 0)
    np.testing.assert_allclose(moved(images, fine_shift=[0.3, -0.2]), 1, rtol=0, atol=1e-5)
    shrunk = moved(images, scale=0.2)[0, ..., 0]
    assert abs(shrunk[5, 5] - 1) < 0.1 and abs(shrunk[0, 0]) < 0.1


def test_amounts_come_of_their_numbers():
    numbers = np.full((6, 1), 0.75), np.full((4, 1), -1.0), np.zeros((8, 1))
    found = geometry.parameters(*(jnp.float32(n) for n in numbers), ONE)
    expected = dict(flip=1, quarters=3, shift=0.0625, scale=2**-0.2, turn=np.pi / 2)
    expected |= dict(stretch=2**-0.2, second_turn=np.pi / 2, fine_shift=-0.125)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-6)


def test_either_turn_acts_with_the_chance_of_one():
    gates = np.random.default_rng(2).uniform(size=(8, 20000)).astype(np.float32)
    uniforms, normals = np.full((6, 20000), 0.9, np.float32), np.ones((4, 20000), np.float32)
    found = geometry.parameters(*map(jnp.asarray, (uniforms, normals, gates)), jnp.float32(0.36))
    turned = [np.asarray(turn) != 0 for turn in (found.turn, found.second_turn)]
    assert [np.mean(turn) for turn in turned] == pytest.approx([0.2, 0.2], abs=0.01)
    assert np.mean(turned[0] | turned[1]) == pytest.approx(0.36, abs=0.01)
    assert np.mean(found.scale != 1) == pytest.approx(0.36, abs=0.01)


def test_the_gradient_is_the_slope_in_an_angle_and_in_the_image(x64):
    images, cotangent = jnp.asarray(texture(2, 1, 6, 7, 2)) - 0.5

    def product(images, angle):
        values = [jnp.full(1, value, images.dtype) for value in NEUTRAL]
        values = Geometry(*values)._replace(shift=still(images), fine_shift=still(images))
        matrix = geometry.matrix(values._replace(turn=angle[None]), 6, 7)
        return jnp.sum(geometry.warped(images, matrix) * cotangent)

    value = small.jit(product)
    step, angle = 1e-6, jnp.float64(0.7)
    in_image, in_angle = small.jit(jax.grad(product, (0, 1)))(images, angle)
    slope = (value(images, angle + step) - value(images, angle - step)) / (2 * step)
    np.testing.assert_allclose(in_angle, slope, rtol=1e-6)
    pixel = jnp.zeros_like(images).at[0, 2, 3, 1].set(step)
    slope = (value(images + pixel, angle) - value(images - pixel, angle)) / (2 * step)
    np.testing.assert_allclose(in_image[0, 2, 3, 1], slope, rtol=1e-6)


def test_a_flip_keeps_its_coin_and_no_quarter_turn_is_one_of_four_at_1():
    """Of images for which a flip is certainly drawn half stay; of quarter turns a quarter."""
    count, rng = 20_000, np.random.default_rng(4)
    uniforms, gates = (rng.random((n, count), np.float32) for n in (6, 8))
    normals = np.ones((4, count), np.float32)
    found = geometry.parameters(*map(jnp.asarray, (uniforms, normals, gates)), ONE)
    assert {*np.unique(found.flip)} == {0, 1} and {*np.unique(found.quarters)} == {0, 1, 2, 3}
    for values, share in ((found.flip, 1 / 2), (found.quarters, 1 / 4)):
        for value in np.unique(values):
            same = int(np.sum(np.asarray(values) == value))
            assert stats.binomtest(same, count, share).pvalue > LIKELY
