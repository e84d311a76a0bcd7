"""Single pictures: those of the generator, and what each control changes of them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import latents
from gan_jax.explorer.still import Choice, Explorer
from gan_jax.models.stylegan2 import generator as stylegan2
from gan_jax.sampling.generator import Generator
from tests import small
from tests.sweeps import tiny

pytestmark = pytest.mark.usefixtures('quick')
DIM = 6


def generator_of(network, shape, classes=0, **options):
    z, label = jnp.zeros((1, DIM)), jnp.zeros(1, jnp.int32)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), z, label, train=True))
    variables = small.numbers(shapes, np.random.default_rng(0), np.float32)
    names = [f'class {i}' for i in range(classes)] or None
    return Generator(network, variables, shape, DIM, (1,) * max(classes, 1), names, 7, **options)


@pytest.fixture(scope='module')
def plain():
    network = tiny.Labelled((8, 8, 1), 3)
    return Explorer(generator_of(network, (8, 8, 1), 3))


@pytest.fixture(scope='module')
def styled():
    network = stylegan2.Generator(
        (8, 8, 1), num_classes=3, units=8, layers=1, base=32, most=4, truncation=0.7, rate=1.0
    )
    return Explorer(generator_of(network, (8, 8, 1), 3))


def image(explorer, **choice):
    choice = Choice(**choice)
    return explorer.image(explorer.point(choice), choice.label)


def test_what_a_generator_has_is_found(plain, styled):
    assert (plain.layers, plain.psi, plain.truncates) == (0, None, True)
    assert (styled.layers, styled.psi, styled.truncates) == (4, 0.7, True)
    uniform = dataclasses.replace(plain.generator, latent=latents.uniform())
    assert not Explorer(uniform).truncates


def test_a_picture_is_the_image_of_its_number_and_class(plain, styled):
    """As the generator alone draws it of the same latents, with the noise of a first image."""
    for explorer in (plain, styled):
        of = explorer.generator
        expected = of.generate(of.latents(5), 2)[0]
        found = image(explorer, number=5, label=2, psi=explorer.psi or 1.0).astype(int)
        assert np.abs(found - expected).max() <= 1 and np.ptp(expected) > 20


def test_a_walk_along_a_direction_is_symmetric_in_units_of_the_spread(plain):
    points = [plain.point(Choice(number=3, moves=(0, step))) for step in (-2, 0, 2)]
    direction = plain.directions.vectors[1]
    np.testing.assert_array_equal(points[1], plain.point(Choice(number=3)))
    np.testing.assert_allclose(points[2] - points[1], 2 * plain.spread[1] * direction, atol=1e-5)
    np.testing.assert_allclose(points[2] - points[1], points[1] - points[0], atol=1e-5)
    # Of standard normal latents every direction has the spread 1, but for 1000 draws.
    np.testing.assert_allclose(plain.spread, 1, atol=0.1)


def test_the_first_direction_changes_the_first_layer_most(plain):
    kernel = plain.variables['params']['Dense_0']['kernel']
    moved = np.linalg.norm(plain.directions.vectors @ kernel, axis=1)
    assert (np.diff(moved) <= 1e-5).all()
    np.testing.assert_allclose(moved[0], np.linalg.norm(kernel, ord=2), rtol=1e-5)


@pytest.mark.parametrize('name', ['plain', 'styled'])
def test_the_ends_of_an_interpolation_are_the_images_of_both(name, request):
    explorer = request.getfixturevalue(name)
    ends = [explorer.point(Choice(number=number, label=1)) for number in (0, 9)]
    way = explorer.between(*ends, np.linspace(0, 1, 3))
    for point, number in ((way[0], 0), (way[2], 9)):
        np.testing.assert_array_equal(
            explorer.image(point, 1), image(explorer, number=number, label=1)
        )
    between = explorer.image(way[1], 1)
    assert not np.array_equal(between, explorer.image(way[0], 1))


def test_mixed_styles_have_the_layers_of_both(styled):
    of = {number: styled.point(Choice(number=number)) for number in (0, 1)}
    mixed = styled.point(Choice(number=0, other=1, first=2))
    np.testing.assert_array_equal(mixed[:2], of[0][:2])
    np.testing.assert_array_equal(mixed[2:], of[1][2:])
    assert not np.array_equal(image(styled, first=2), image(styled))


def test_psi_0_is_the_average_and_a_found_w_is_left_as_it_is(styled):
    average = styled.variables['averages']['w']
    np.testing.assert_allclose(styled.point(Choice(psi=0.0))[0], average, atol=1e-6)
    found = np.ones((4, 8), np.float32)
    np.testing.assert_array_equal(styled.point(Choice(psi=0.0, found=found)), found)


def test_truncated_latents_lie_within_the_threshold(plain):
    points = np.stack([plain.point(Choice(number=i, truncation=0.5)) for i in range(4)])
    assert np.abs(points).max() <= 0.5 < np.abs(plain.point(Choice())).max()


def test_a_picture_alone_has_standing_statistics_in_place_of_its_batch():
    network = tiny.Normed((8, 8, 1))
    given = generator_of(network, (8, 8, 1), batch_norm='batch')
    explorer = Explorer(given)
    standing = dataclasses.replace(given, batch_norm='standing(16)').settled['batch_stats']
    jax.tree.map(np.testing.assert_array_equal, explorer.variables['batch_stats'], standing)


def test_nothing_is_compiled_twice_however_controls_move(plain, styled):
    for explorer in (plain, styled):
        for number, label, psi in ((1, 0, 1.0), (2, 1, 0.3), (3, 2, 0.9)):
            image(explorer, number=number, label=label, psi=psi, moves=(0.5 * number,))
        assert explorer._made._cache_size() == 1
        assert explorer.layers == 0 or explorer._mapped._cache_size() <= 2  # one, and DRAWN
