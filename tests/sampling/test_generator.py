"""A generator by itself: images of seeds and of latents, classes, truncation, refusals."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.autoencoder import Decoder
from gan_jax.keys import named
from gan_jax.latents import truncated, uniform
from gan_jax.models.conditions import table_of
from gan_jax.models.stylegan2 import mapping
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.generate import make_generate
from gan_jax.sampling.generator import Generator

Z, SHAPE = 3, (4, 4, 1)
COUNTS = (2, 1)  # two images of class 0 for one of class 1


class Labelled(nn.Module):
    """The mean of z, through a bend, plus a tenth for class 1, and noise a pixel if asked for."""

    noise: float = 0.0
    truncation: float = 1.0

    @nn.compact
    def __call__(self, z, label, *, train):
        shift = self.param('shift', nn.initializers.zeros, (1,), jnp.float32)
        x = nn.sigmoid(z.mean(1) * self.truncation) * 0.8 + label.astype(jnp.float32) / 10
        x = jnp.broadcast_to((x + shift)[:, None, None, None], (len(z), *SHAPE))
        return x + self.noise * jax.random.normal(self.make_rng('noise'), x.shape)


def made(**options):
    network = options.pop('network', Labelled())
    given = dict(
        network=network,
        variables={'params': {'shift': jnp.zeros(1)}},
        image_shape=SHAPE,
        latent_dim=Z,
        class_counts=COUNTS,
        class_names=('cat', 'dog'),
        step=7,
    )
    return Generator(**{**given, **options})


def expected(z, label):
    """The images in NumPy."""
    x = 0.8 / (1 + np.exp(-z.mean(1))) + np.asarray(label) / 10
    return np.broadcast_to(np.round(x * 255)[:, None, None, None], (len(z), *SHAPE))


def test_a_cell_that_ends_in_a_generator_shows_no_weights():
    assert 'shift' not in repr(made()) and 'image_shape=(4, 4, 1)' in repr(made())


def test_latents_of_a_seed_do_not_depend_on_the_others():
    one = made()
    many = one.latents(range(205))
    assert many.shape == (205, Z) and many.dtype == np.float32
    np.testing.assert_array_equal(one.latents([204, 7]), many[[204, 7]])
    np.testing.assert_array_equal(one.latents(7), many[7:8])
    root = named(jax.random.key(0), 'sample')
    seven = jax.random.normal(jax.random.fold_in(root, 7), (1, Z))
    np.testing.assert_array_equal(many[7:8], seven)


def test_images_of_seeds_are_those_of_sample_bit_for_bit():
    one = made(network=Labelled(noise=0.1))
    draw = make_generate(one.network, latent_dim=Z, class_counts=COUNTS)
    whole = np.concatenate(list(draw(one.variables, 0, range(130))))
    np.testing.assert_array_equal(one.generate(range(130)), whole)
    np.testing.assert_array_equal(one.generate([129, 3, 4]), whole[[129, 3, 4]])
    assert one.generate(5).shape == (1, *SHAPE)


@pytest.mark.slow
def test_images_of_latents_are_what_the_network_makes_of_them():
    one = made()
    z = np.random.default_rng(0).normal(size=(105, Z)).astype(np.float32)
    labels = np.arange(105) % 2
    found = one.generate(z, labels)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected(z, labels), atol=1)
    np.testing.assert_allclose(one.generate(jnp.asarray(z[:2]), 'dog'), expected(z[:2], 1), atol=1)
    np.testing.assert_array_equal(one.generate(np.float64(z[:2]), 1), one.generate(z[:2], 1))


def test_without_a_class_images_follow_the_proportions_of_the_data():
    one, z = made(), np.zeros((6, Z), np.float32)
    dogs = one.generate(z)[:, 0, 0, 0] != one.generate(z, 'cat')[:, 0, 0, 0]
    assert dogs.sum() == 2
    np.testing.assert_array_equal(one.generate(range(6)), one.generate(one.latents(range(6))))


def test_seeds_with_a_class_each_are_images_of_their_latents():
    one = made()
    found = one.generate([3, 9], ['dog', 0])
    np.testing.assert_array_equal(found, one.generate(one.latents([3, 9]), [1, 0]))
    same = one.generate([3, 9], 'dog')
    np.testing.assert_array_equal(found[0], same[0])
    assert np.all(found[1] < same[1])


def test_an_image_of_a_latent_does_not_depend_on_how_many_there_are():
    one = made(network=Labelled(noise=0.1))
    z = np.random.default_rng(0).normal(size=(6, Z)).astype(np.float32)
    np.testing.assert_array_equal(one.generate(z, 0)[:3], one.generate(z[:3], 0))


@pytest.mark.slow
def test_truncation_bounds_latents_and_psi_is_of_the_network():
    one = made()
    assert np.abs(one.latents(range(100), truncation=0.5)).max() <= 0.5
    short = one.generate(range(100), 0, truncation=0.01)
    assert short.min() >= 101 and short.max() <= 103
    z = np.full((1, Z), 9, np.float32)
    assert one.generate(z, 0).max() == 204  # 0.8 of white
    assert one.generate(z, 0, psi=0.0).max() == 102


class Layered(nn.Module):
    """Column i is a bend of what layer i has as w: the mean of z, around an average of 0."""

    truncation: float = 1.0
    truncated: int = 3

    def __call__(self, z, label, *, train):
        w = jnp.repeat(z.mean(1)[:, None, None], 4, axis=1)
        w = mapping.truncated(w, jnp.zeros(1), self.truncation, self.truncated)
        return jnp.broadcast_to(nn.sigmoid(w)[:, None], (len(z), *SHAPE))


@pytest.mark.slow
def test_psi_is_of_the_first_layers_that_are_asked_for():
    one = made(network=Layered(), class_counts=(1,), class_names=None)
    far, near, half = 225, 181, 128  # of white: sigmoids of 2, of 0.9 and of 0
    z = np.full((1, Z), 2, np.float32)

    def columns(**options):
        return one.generate(z, **options)[0, 0, :, 0].tolist()

    assert columns() == [far] * 4
    assert columns(psi=0.0) == [half] * 3 + [far]
    assert columns(psi=0.0, psi_layers=1) == [half] + [far] * 3
    assert columns(psi=0.45, psi_layers=2) == [near] * 2 + [far] * 2
    assert columns(psi=0.0, psi_layers=9) == [half] * 4
    seeds = one.generate(range(3), psi=0.0, psi_layers=2)
    np.testing.assert_array_equal(seeds[:, :, :2], half)
    np.testing.assert_array_equal(seeds[:, :, 2:], one.generate(range(3))[:, :, 2:])
    assert np.all(seeds[:, :, 2:] != half)
    for options, said in (
        (dict(psi=0.5, psi_layers=0), 'psi_layers is 0: give an integer from 1 to'),
        (dict(psi=0.5, psi_layers=1.5), 'psi_layers is 1.5: give an integer from 1 to'),
        (dict(psi_layers=2), 'psi_layers is 2, and there is no psi for them: give both'),
    ):
        with pytest.raises(UserError, match=said):
            one.generate(z, **options)
    with pytest.raises(UserError, match='psi_layers is 2, and the layers of this generator'):
        made().generate(z, psi=0.5, psi_layers=2)


def test_a_program_is_compiled_once(monkeypatch):
    calls = []

    class Counting(Labelled):
        def __call__(self, z, label, *, train):
            calls.append(len(z))
            return super().__call__(z, label, train=train)

    one = made(network=Counting())
    one.generate(range(3))
    count = len(calls)
    one.generate(range(5, 50), 'dog')
    assert len(calls) == count + 1  # whether it takes classes
    one.generate(np.zeros((5, Z), np.float32), 0)
    count = len(calls)
    one.generate(np.zeros((7, Z), np.float32), 1)
    assert len(calls) == count  # padded to eight both times


@pytest.mark.slow
def test_another_field_forgets_what_was_compiled():
    one = made()
    before = one.generate(range(2), 0)
    other = dataclasses.replace(one, variables={'params': {'shift': jnp.full(1, 0.1)}})
    assert np.all(other.generate(range(2), 0) > before)


def test_no_seeds_are_no_images():
    assert made().generate([]).shape == (0, *SHAPE)
    assert made().latents([]).shape == (0, Z)
    assert made().generate(np.zeros((0, Z), np.float32)).shape == (0, *SHAPE)


def test_codes_are_decoded():
    double = Decoder({'by': jnp.float32(2)}, lambda variables, x: x * variables['by'])
    one = made(decoder=double)
    z = np.full((1, Z), -2, np.float32)
    assert abs(int(one.generate(z, 0).max()) - 2 * int(made().generate(z, 0).max())) <= 1


class Normed(nn.Module):
    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.BatchNorm(not train, use_bias=False, use_scale=False)(z)
        return nn.sigmoid(jnp.broadcast_to(x[:, :1, None, None], (len(z), *SHAPE)))


@pytest.mark.slow
def test_standing_statistics_are_those_of_sample_and_serve_latents_too():
    stats = {'batch_stats': {'BatchNorm_0': {'mean': jnp.full(Z, 5.0), 'var': jnp.ones(Z)}}}
    one = made(network=Normed(), variables=stats, batch_norm='standing(3)', class_counts=(1,))
    draw = make_generate(one.network, latent_dim=Z, class_counts=(1,), batch_norm='standing(3)')
    whole = np.concatenate(list(draw(stats, 0, range(8))))
    np.testing.assert_array_equal(one.generate(range(8)), whole)
    np.testing.assert_allclose(one.generate(one.latents(range(8))), whole, atol=1)
    assert whole.mean() > 100  # with the moving averages nearly black


def test_statistics_of_the_batch_are_those_of_the_latents_that_are_given():
    stats = {'batch_stats': {'BatchNorm_0': {'mean': jnp.zeros(Z), 'var': jnp.ones(Z)}}}
    one = made(network=Normed(), variables=stats, batch_norm='batch', class_counts=(1,))
    z = np.float32([[3, 0, 0], [5, 0, 0], [4, 0, 0]])
    found = one.generate(z)[:, 0, 0, 0] / 255
    root = np.sqrt(1.5)
    np.testing.assert_allclose(found, 1 / (1 + np.exp([root, -root, 0])), atol=0.01)


@pytest.mark.parametrize(
    ('call', 'words'),
    [
        (lambda one: one.generate(-1), 'the seeds are -1: give an integer from 0 to'),
        (lambda one: one.generate([0.5]), r'the seeds are \[0.5\]: give an integer'),
        (lambda one: one.latents([[1]]), 'the seeds are'),
        (lambda one: one.generate(2_000_000_001), 'the seeds are 2000000001'),
        (
            lambda one: one.generate(np.zeros((2, 4), np.float32)),
            r'the latents are float32 \[2, 4\]: give floats \[N, 3\], or seeds',
        ),
        (lambda one: one.generate(np.zeros((2, 3), np.int32)), 'the latents are int32'),
        (lambda one: one.generate(0, 'cow'), "there is no class 'cow': give a class from 0 to 1"),
        (lambda one: one.generate(0, 2), "there is no class '2'"),
        (lambda one: one.generate(0, [0, 1]), 'label has 2 classes for 1 images: give one for ea'),
        (lambda one: one.generate(0, psi=1.5), 'psi is 1.5: give a number from 0 to 1, or leave'),
        (lambda one: one.generate(0, truncation=0), 'truncation is 0: give a number from 1e-30'),
        (
            lambda one: one.generate(one.latents(0), truncation=1.0),
            'truncation is 1.0, and latents are given',
        ),
    ],
)
def test_what_it_does_not_have_is_refused(call, words):
    with pytest.raises(UserError, match=words):
        call(made())


def test_classes_of_a_generator_without_and_tails_of_none_are_refused():
    class Plain(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            return nn.sigmoid(jnp.broadcast_to(z[:, :1, None, None], (len(z), *SHAPE)))

    plain = made(network=Plain(), variables={}, latent=uniform())
    assert (plain.num_classes, made().num_classes) == (0, 2)
    with pytest.raises(UserError, match='label is 1, and the generator of this run takes no cla'):
        plain.generate(0, 1)
    with pytest.raises(UserError, match='psi is 0.5, and the generator of this run has no average'):
        plain.generate(0, psi=0.5)
    with pytest.raises(UserError, match='truncation is 0.5, and the latents of this run have no t'):
        plain.generate(0, truncation=0.5)
    assert np.abs(made(latent=truncated(0.3)).latents(range(50))).max() <= 0.3


def test_a_number_is_a_number_and_a_text_is_a_name_first():
    one = made(class_names=('1', '0'))
    assert [one.class_of(x) for x in (0, 1, '0', '1', np.int32(1))] == [0, 1, 1, 0, 1]


def test_a_label_may_be_a_row_of_label_vectors():
    network = mapping.Mapping(4, 1, label_size=2, label_table=table_of(np.eye(3, 2)))
    found = made(network=Labelled())
    assert found.label_kind == 'class'
    rows = dataclasses.replace(found, network=network, class_names=None, class_counts=(1, 1, 1))
    assert rows.label_kind == 'row'
    rows.__dict__['num_classes'] = 3  # of a generator of images
    assert rows.class_of('2') == rows.class_of(np.int64(2)) == 2
    for label in ('3', 'cat', -1):
        with pytest.raises(UserError, match=f"no row '{label}' in the 3 label vectors .* 0 to 2"):
            rows.class_of(label)
