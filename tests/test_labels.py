"""Labels of generated images: the data's proportions at random, and exactly by the number."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, labels
from gan_jax.evaluate import protocol
from gan_jax.evaluate.context import Context
from gan_jax.sampling.generate import make_generate
from gan_jax.terms import Objective, Term
from gan_jax.views import View
from tests import small

UNBALANCED = (7, 1)  # 140 to 20


def test_proportions_are_those_of_the_data_in_lowest_terms():
    of = np.repeat(np.arange(4, dtype=np.int32), [140, 20, 0, 60])
    assert labels.counts_of(of, 5) == (7, 1, 0, 3, 0)
    assert labels.counts_of(of, 5, 'uniform') == (1,) * 5
    assert labels.counts_of(np.arange(30, dtype=np.int32) % 10, 10) == (1,) * 10
    assert labels.counts_of(None, 0) == labels.uniform(0) == (1,)


@pytest.mark.parametrize(
    'counts',
    [UNBALANCED, (1, 1), (1,), (0, 3, 0, 2), (178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
     (1, 1, 1, 1, 96), (1000, *[1] * 300), tuple(range(1, 60))],
)  # fmt: skip
def test_of_the_first_images_every_class_has_its_share_to_less_than_one(counts):
    total = sum(counts)
    found = labels.at(counts, np.arange(2 * total + 3))
    assert found.dtype == np.int32
    so_far = np.cumsum(found[:, None] == np.arange(len(counts)), axis=0)  # [N, K]
    shares = np.arange(1, len(found) + 1)[:, None] * (np.array(counts) / total)
    assert np.abs(so_far - shares).max() < 1
    assert so_far[total - 1].tolist() == [*counts]  # after a period they are exact


def test_classes_that_are_all_alike_come_in_turn():
    np.testing.assert_array_equal(labels.at((1,) * 10, range(25)), np.arange(25) % 10)


def test_a_label_depends_on_the_number_alone():
    counts = tuple(range(1, 40))
    whole = labels.at(counts, np.arange(500))
    some = np.array([3, 499, 0, 77, 3])
    np.testing.assert_array_equal(labels.at(counts, some), whole[some])
    assert [labels.at(counts, [i])[0] for i in range(70)] == whole[:70].tolist()
    assert labels.at(UNBALANCED, []).shape == (0,)
    far = 2**31 - 1  # is number 7 of a period of 8
    assert labels.at(UNBALANCED, [far]) == labels.at(UNBALANCED, [7])


def test_random_labels_have_the_proportions_of_the_data():
    counts = (7, 0, 1, 2)
    found = np.asarray(labels.drawn(jax.random.key(3), counts, 40_000))
    shares = np.bincount(found, minlength=4) / len(found)
    np.testing.assert_allclose(shares, np.array(counts) / 10, atol=0.01)
    assert shares[1] == 0


def test_random_labels_of_classes_that_are_all_alike_are_plain_integers():
    expected = jax.random.randint(jax.random.key(3), (500,), 0, 10)
    drawn = labels.drawn(jax.random.key(3), (1,) * 10, 500)
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize('counts', [(7, 0, 1, 2), (1,) * 30, (0, 0, 3, 0)])
def test_many_classes_are_searched_for_the_same_labels(counts, monkeypatch):
    expected = labels.drawn(jax.random.key(3), counts, 300)
    monkeypatch.setattr(labels, 'MANY', 1)
    found = labels.drawn(jax.random.key(3), counts, 300)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_equal_proportions_of_many_label_vectors_are_told_by_their_number():
    many = (1,) * labels.MANY
    assert labels.to_json(many) == labels.MANY and labels.from_json(labels.MANY) == many
    for counts in ((1,) * 10, (*many, 2)):
        assert labels.to_json(counts) == [*counts]
        assert labels.from_json(labels.to_json(counts)) == counts


def test_equal_proportions_need_no_table_of_labels(monkeypatch):
    """Such a table would be as long as a data set whose every image has its own label vector."""
    monkeypatch.setattr(labels, '_sequence', None)
    many = (1,) * 50_000
    np.testing.assert_array_equal(labels.at(many, [3, 50_001]), [3, 1])
    assert labels.at(many, [3]).dtype == np.int32
    traced = jax.make_jaxpr(lambda key: labels.drawn(key, many, 4))(jax.random.key(3))
    assert all(np.size(constant) < 10 for constant in traced.consts)


# In training --------------------------------------------------------------------------------------


def keeping():
    """A term whose state holds the labels of the last fakes."""

    def d(out, state, key):
        return {'none': out['fake']['logit'].sum() * 0}, {'label': out['fake']['label']}, {}

    init = lambda: {'label': np.zeros(2000, np.int32)}  # noqa: E731
    return {'keeping': Term(d=Objective({'fake': View('fake')}, d), init=init)}


def test_a_step_draws_the_labels_of_fakes_as_often_as_they_come():
    terms = keeping()
    gan = small.make_gan(terms, class_counts=(8, 0, 2))
    assert gan.num_classes == 3
    hyper = small.make_hyper({'keeping': 1.0})
    state = small.first_state(gan, terms)
    after, _ = small.compiled(gan, terms)(state, small.make_batch(size=2000), hyper)
    shares = np.bincount(after.terms['keeping']['label'], minlength=3) / 2000
    np.testing.assert_allclose(shares, [0.8, 0, 0.2], atol=0.03)


# In evaluation ------------------------------------------------------------------------------------


class Perfect(nn.Module):
    """A generator whose images of a class are real ones of that class."""

    images: tuple  # of each class, uint8 [n, H, W, C]

    @nn.compact
    def __call__(self, z, label, *, train):
        picks = (jnp.abs(z[:, 0]) * 1e6).astype(jnp.int32)
        drawn = [jnp.asarray(images)[picks % len(images)] for images in self.images]
        return jnp.stack(drawn)[label, jnp.arange(len(z))] / 255


@pytest.fixture(scope='module')
def unbalanced():
    """140 zeros and 20 ones for training, and a generator that has learned both by heart."""
    digits = data.load('digits')
    of_class = [digits.images[digits.labels == c] for c in (0, 1)]
    both = of_class[0][:140], of_class[1][:20]
    train = data.DataSet(
        np.concatenate(both), np.repeat(np.arange(2, dtype=np.int32), [140, 20]), 2, 'digits'
    )
    return train, Perfect(tuple(both))


def distance(train, generator, choice):
    counts = labels.counts_of(train.labels, train.num_classes, choice)
    generate = make_generate(generator, latent_dim=1, class_counts=counts)
    images = np.concatenate([*generate({}, 0, range(800))])
    given = Context(train, lambda: train, train, None, num=800, class_counts=counts)
    return protocol.prepare_metrics('fd_digits', given).measure(images, None, None)['fd_digits']


def test_a_perfect_generator_of_unbalanced_data_is_near_them(unbalanced):
    """By its labels alone, were they uniform, it would be far away."""
    train, generator = unbalanced
    near, far = (distance(train, generator, choice) for choice in ('data', 'uniform'))
    assert near < 0.5
    assert far > 30


@pytest.mark.parametrize('counts', [(1, 1, 1), (5, 1), (1,) * 600 + (2,)])
def test_draws_are_int32_also_among_numbers_of_64_bits(counts, x64):
    assert labels.drawn(small.new_key(0), counts, 4).dtype == np.int32
