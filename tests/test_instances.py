"""IC-GAN: neighbours by hand, draws of instances and reals, what is kept and what is refused."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax import data, instances
from gan_jax.data import DataSet, sampler
from gan_jax.data.dataset import Training
from gan_jax.experiment import config, setup
from gan_jax.experiment.build import build_latent
from gan_jax.instances import Table, make_table, nearest
from gan_jax.latents import draw_by_index, draw_latents, entries_of
from gan_jax.runtime.errors import PartError, UserError
from gan_jax.testing import check_latent
from tests import small
from tests.shipped import CONFIG

# Directions at 0, 10, 30, 90 and 100 degrees, of several lengths.
POINTS = np.array([(100, 0), (49, 9), (26, 15), (0, 120), (-7, 40)])
# By hand: the angles to the others, such as 10 and 30 degrees of the first image.
TWO_NEAREST = [[1, 2], [0, 2], [1, 0], [4, 2], [3, 2]]
UNIT = POINTS / np.sqrt((POINTS**2).sum(1, keepdims=True))
DIM = 6  # 4 numbers of noise
CALLS = []


def points(images):
    """The features of images that hold a point: its coordinates."""
    CALLS.append(len(images))
    return images[:, 0, :2, 0].astype(np.float32) - 128


def infinite(images):
    return np.full((len(images), 2), np.inf, np.float32)


def data_of(coordinates) -> DataSet:
    images = np.zeros((len(coordinates), 8, 8, 1), np.uint8)
    images[:, 0, :2, 0] = coordinates + 128
    return DataSet(images, None, 0, 'points')


@pytest.fixture
def training(tmp_path):
    return Training(data_of(POINTS), tmp_path)


@pytest.fixture
def latent(training):
    asked = {'fn': 'gan_jax.instances.instances', 'features': 'tests.test_instances.points'}
    asked |= {'neighbours': 2, 'dim': DIM, 'labels': 'data'}
    return build_latent({'latent': asked}, training=lambda: training)


def rows_of(h):
    """The images whose features these are, [...]."""
    close = np.abs(np.asarray(h)[..., None, :] - UNIT).max(-1) < 1e-6
    assert (close.sum(-1) == 1).all()
    return close.argmax(-1)


# The table ---------------------------------------------------------------------------------------


def test_features_are_of_unit_length_and_neighbours_by_their_angle(training):
    table = make_table(training, 'tests.test_instances.points', 2)
    np.testing.assert_allclose(table.features, UNIT, rtol=1e-6)
    assert table.features.dtype == np.float32
    np.testing.assert_array_equal(table.neighbours, TWO_NEAREST)
    assert table.neighbours.dtype == np.int32


@pytest.mark.parametrize('block', [1 << 26, 70, 1])
def test_neighbours_are_those_of_a_sort_of_all_whatever_is_in_memory(monkeypatch, block):
    monkeypatch.setattr(instances, 'BLOCK', block)
    x = np.random.default_rng(0).standard_normal((30, 4))
    for k in (1, 7, 29):
        expected = [
            sorted((j for j in range(30) if j != i), key=lambda j: -(x[i] @ x[j]))[:k]
            for i in range(30)
        ]
        np.testing.assert_array_equal(nearest(x, k), expected)


def test_the_table_is_kept_by_the_images_and_the_network(training):
    path = 'tests.test_instances.points'
    first = make_table(training, path, 2)
    CALLS.clear()
    again = make_table(training, path, 2)
    assert not CALLS and all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    # Another k takes the features that are there; another image makes all anew.
    assert make_table(training, path, 3).neighbours.shape == (5, 3) and not CALLS
    other = make_table(training._replace(dataset=data_of(POINTS[::-1])), path, 2)
    assert CALLS == [5]
    np.testing.assert_allclose(other.features, UNIT[::-1], rtol=1e-6)


def test_a_damaged_file_is_not_used(training, tmp_path):
    path = 'tests.test_instances.points'
    first = make_table(training, path, 2)
    files = sorted((tmp_path / 'references').iterdir())
    assert len(files) == 2
    for file in files:
        whole = bytearray(file.read_bytes())
        at = whole.index(first.neighbours.tobytes()) if b'rows' in whole else len(whole) // 2
        whole[at] ^= 1
        file.write_bytes(whole)
    CALLS.clear()
    again = make_table(training, path, 2)
    assert CALLS == [5] and all(np.array_equal(*pair) for pair in zip(first, again, strict=True))


def test_neighbours_of_digits_are_mostly_of_their_class(tmp_path):
    digits = data.load('digits', size=16)
    table = make_table(Training(digits, tmp_path), 'digits', 50)
    assert table.features.shape == (1437, 64) and table.neighbours.shape == (1437, 50)
    np.testing.assert_allclose(np.linalg.norm(table.features, axis=1), 1, rtol=1e-5)
    assert (digits.labels[table.neighbours] == digits.labels[:, None]).mean() > 0.9
    assert (table.neighbours != np.arange(1437)[:, None]).all()


@pytest.mark.slow
def test_the_outline_of_a_data_set_costs_one_image(tmp_path):
    """A dry run on data that are not here, such as 50,000 blank images."""
    blank = data.outline('cifar10', 8)
    CALLS.clear()
    table = make_table(Training(blank, tmp_path), 'tests.test_instances.points', 50)
    assert CALLS == [1] and not [*tmp_path.iterdir()]
    assert (table.features.shape, table.neighbours.shape) == ((50_000, 2), (50_000, 50))
    check_latent(instances._conditioned(table), dim=8, images=50_000)


# The draws ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_keeps_what_every_distribution_promises(latent):
    larger = instances._conditioned(Table(np.eye(9, dtype=np.float32), np.eye(9, 2, dtype=int)))
    check_latent(larger, dim=12, images=9)
    check_latent(latent._replace(reals=None, gives=lambda z: {}), dim=DIM)


def test_latents_are_noise_and_the_features_of_a_uniform_instance(latent):
    z = np.asarray(draw_latents(latent, jax.random.key(0), 5000, DIM))
    assert stats.kstest(z[:, :4].ravel(), stats.norm().cdf).pvalue > 1e-3
    which = rows_of(z[:, 4:])
    assert stats.chisquare(np.bincount(which, minlength=5)).pvalue > 1e-3
    # Noise and instance are independent.
    for row in range(5):
        assert stats.kstest(z[which == row, :4].ravel(), stats.norm().cdf).pvalue > 1e-4
    np.testing.assert_array_equal(entries_of(latent, jnp.asarray(z))['h'], z[:, 4:])


def test_a_latent_by_index_is_one_whatever_else_is_drawn(latent):
    @small.jit
    def numbered(index):
        return draw_by_index(latent, jax.random.key(3), index, DIM)

    some, whole = (
        np.asarray(numbered(jnp.array([3, 150, 3]))),
        np.asarray(numbered(jnp.arange(200))),
    )
    np.testing.assert_array_equal(some, whole[[3, 150, 3]])
    assert {*rows_of(whole[:, 4:])} == {*range(5)}


def follow_the_paper(reals) -> bool:
    """p(x | h_i) is uniform over the neighbours of i, and h is of i, not of x (section 3)."""
    counts = np.zeros((5, 5), int)
    for step in range(1500):
        found = sampler.drawn(7, step, 2, 4, 5, reals)
        instance = sampler.of_step(7, step, 2, 4, 5)
        if not np.array_equal(rows_of(found['h']), instance):
            return False
        np.add.at(counts, (instance, found['index']), 1)
    own = np.take_along_axis(counts, np.array(TWO_NEAREST), axis=1)
    even = all(stats.chisquare(row).pvalue > 1e-3 for row in own)
    return even and own.sum() == counts.sum() == 12_000


def planted(latent):
    """Reals with an error each."""
    right = latent.reals

    def features_of_the_neighbour(bits, rows):
        index, _ = right(bits, rows)
        return index, {'h': np.float32(UNIT)[index]}

    def nearest_alone(bits, rows):
        return np.array(TWO_NEAREST)[rows, 0], right(bits, rows)[1]

    def instance_too(bits, rows):
        index, more = right(bits, rows)
        return np.where(bits.random_raw(rows.size).reshape(rows.shape) % 3, index, rows), more

    def without_unit_length(bits, rows):
        table = Table(np.float32(UNIT), nearest(POINTS.astype(float), 2))
        return instances._conditioned(table).reals(bits, rows)

    return features_of_the_neighbour, nearest_alone, instance_too, without_unit_length


def test_a_real_is_a_uniform_neighbour_of_its_instance_with_the_instance_s_features(latent):
    assert follow_the_paper(latent.reals)
    assert not any(follow_the_paper(wrong) for wrong in planted(latent))


def test_the_draws_of_a_batch_are_independent(latent):
    """All 16 choices of four reals' neighbours are equally frequent."""
    seen = []
    for step in range(2000):
        found = sampler.drawn(0, step, 1, 4, 5, latent.reals)
        first = np.array(TWO_NEAREST)[rows_of(found['h']), 0]
        seen.append(int(''.join('01'[i] for i in (found['index'] == first)[0].astype(int)), 2))
    assert stats.chisquare(np.bincount(seen, minlength=16)).pvalue > 1e-3


# Faults ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'neighbours': 5}, 'neighbours is 5, and there are 5 training images: give at most 4'),
        ({'features': 'digit'}, "'digit' is not an importable path such as 'package.module.name'"),
        ({'features': 'tests.test_instances.nothing'}, "'tests.test_instances' has no 'nothing'"),
        (
            {'features': 'tests.test_instances.infinite'},
            "the features of 'tests.test_instances.infinite' are not finite: take another network",
        ),
    ],
)
def test_what_makes_no_table_is_told(training, changes, words):
    asked = {'fn': 'gan_jax.instances.instances', 'neighbours': 2, **changes}
    with pytest.raises(PartError) as caught:
        build_latent({'latent': asked}, training=lambda: training)
    assert str(caught.value).startswith(f'config.latent: {words}')


def test_features_that_no_program_holds_are_refused(training, monkeypatch):
    monkeypatch.setattr(instances, 'MOST', 39)
    with pytest.raises(ValueError, match="the features of '.*points' take 0.0 GB, and the compile"):
        make_table(training, 'tests.test_instances.points', 2)


def test_code_of_others_needs_a_permission(training):
    with pytest.raises(ValueError, match='is code of tests, outside .* add --allow=tests'):
        make_table(training._replace(allow=()), 'tests.test_instances.points', 2)
    make_table(training._replace(allow=('tests',)), 'tests.test_instances.points', 2)


def test_a_fault_of_the_network_is_the_user_s(training, monkeypatch):
    """With its own sentence and status, such as that Inception's weights are not here."""
    monkeypatch.setenv('GAN_JAX_INCEPTION', '/nowhere')
    asked = {'fn': 'gan_jax.instances.instances', 'features': 'inception', 'neighbours': 2}
    with pytest.raises(UserError, match='GAN_JAX_INCEPTION') as caught:
        build_latent({'latent': asked}, training=lambda: training)
    assert caught.value.status == os.EX_UNAVAILABLE


def test_too_few_numbers_for_noise_are_refused(latent):
    with pytest.raises(
        PartError, match=r'config.latent: its dim is 2, of which 2 are features: gi'
    ):
        draw_latents(latent, jax.random.key(0), 4, 2)


@pytest.mark.parametrize(
    ('flag', 'words'),
    [
        ('latent.neighbours=0', 'config.latent.neighbours is 0: give an integer from 1'),
        ('latent.neighbour=3', "takes no 'neighbour'; did you mean 'neighbours'?"),
    ],
)
def test_a_config_is_checked_when_it_is_read(flag, words):
    with pytest.raises(UserError, match=words):
        config.load_config(f'{CONFIG}:method=icgan', [f'--config.{flag}'])


def tiny(*flags):
    flags = [f'--config.{flag}' for flag in flags]
    settings = json.loads(config.load_config(f'{CONFIG}:method=icgan', flags).to_json())
    settings['generator'] = {'fn': 'tests.sweeps.tiny.Generator'}
    settings['discriminator'] = {'fn': 'tests.sweeps.tiny.Trunk'}
    return settings


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (
            ['latent.dim=64'],
            'config.latent: its dim is 64, of which 64 are features: give more, su',
        ),
        (['latent.neighbours=1437'], 'config.latent: neighbours is 1437, and there are 1437 train'),
        (['data.fraction=0.03', 'batch_size=8'], 'config.latent: neighbours is 50, and there are'),
    ],
)
def test_a_run_that_cannot_be_is_told_by_its_key(flags, words, tmp_path):
    with pytest.raises(UserError) as caught:
        setup.build_setup(tiny(f'data.dir={tmp_path}', *flags))
    assert str(caught.value).startswith(words)


def test_a_discriminator_that_reads_h_without_instances_is_told(tmp_path):
    settings = tiny(f'data.dir={tmp_path}')
    settings['latent'] = {'fn': 'gan_jax.latents.normal', 'dim': 8, 'labels': 'data'}
    with pytest.raises(UserError, match="the discriminator reads 'h' .* or config.latent by its"):
        setup.build_setup(settings)
