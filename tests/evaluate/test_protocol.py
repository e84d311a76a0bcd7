"""The digit metrics on real images, whose right values are known."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.data.dataset import label_vectors
from gan_jax.evaluate import (
    digit_metrics,
    dimension,
    discriminator,
    gsnr,
    logits,
    names,
    probes,
    protocol,
)
from gan_jax.evaluate.context import Context
from gan_jax.models.conditions import LabelTable, condition, table_of
from gan_jax.runtime.errors import UserError
from tests import small


def prepare(metrics, name='digits', critic=None):
    train, test = (data.load(name, split=split, size=16) for split in ('train', 'test'))
    given = Context(train, lambda: test, train, critic, num=len(train.images))
    return protocol.prepare_metrics(metrics, given)


def measure(images):
    return prepare('fd_digits,modes').measure(images, None, None)


def test_the_train_images_are_at_distance_zero_from_themselves():
    values = measure(data.load('digits').images)
    assert abs(values['fd_digits']) < 1e-6
    assert values['modes'] == 10
    assert values['modes_kl'] < 1e-3


def test_the_held_out_images_are_at_the_floor():
    values = measure(data.load('digits', split='test').images)
    assert values['fd_digits'] == values['fd_digits_floor']
    assert 0.5 < values['fd_digits_floor'] < 1.5


def test_a_collapsed_sample_is_far_and_its_modes_are_counted():
    train = data.load('digits')
    only_two = train.images[np.isin(train.labels, (3, 7))]
    values = measure(only_two)
    assert values['fd_digits'] > 20 * values['fd_digits_floor']
    assert values['modes'] == 2
    assert values['modes_min_share'] == 0
    np.testing.assert_allclose(values['modes_kl'], np.log(5), atol=0.05)  # two of ten classes


def test_stacked_digits_have_a_thousand_modes():
    stacks = data.load('stacked_digits')
    order = np.argsort(stacks.labels, kind='stable')
    starts = np.searchsorted(stacks.labels[order], np.arange(1000))
    rows = order[starts[:, None] + np.arange(3)].ravel()
    three = stacks._replace(images=stacks.images[rows], labels=stacks.labels[rows])
    given = Context(three, lambda: three, three, None, num=len(rows))
    values = protocol.prepare_metrics('fd_digits,modes', given).measure(three.images, None, None)
    assert values['modes'] == 1000
    assert values['modes_kl'] < 1e-2


def test_no_metric_is_a_valid_choice():
    blank = np.zeros((2, 8, 8, 1), np.uint8)
    anything = data.DataSet(blank, None, 0, 'anything')
    found = protocol.prepare_metrics('', Context(anything, None, anything, None, num=2))
    assert found.measure(blank, None, None) == {} and found.num == 0
    assert found.protocol == {'metrics': []}


def test_the_protocol_names_the_reference_and_the_extractor():
    described = prepare('fd_digits').protocol
    assert described['reference'] == 'train, 1437 images'
    assert described['reference_digest'] == data.digest(data.load('digits', size=16))


class Pixels(nn.Module):
    """A discriminator whose features are the pixels, times a number that it has learned."""

    @nn.compact
    def __call__(self, image, label, *, train):
        assert not train
        scale = self.param('scale', nn.initializers.ones, ())
        features = scale * image.reshape(len(image), -1)
        return {'features': features, 'logit': features.mean(axis=1) + label.astype(features.dtype)}


def critic_of(scale):
    """A state of training, as far as these metrics look at it."""
    return SimpleNamespace(d=SimpleNamespace(variables={'params': {'scale': scale}}))


NO_IMAGES = np.zeros((0, 16, 16, 1), np.uint8)


def test_probes_read_the_features_of_the_discriminator():
    probing = prepare(','.join(probes.NAMES), critic=Pixels())
    assert probing.num == 0
    values = probing.measure(NO_IMAGES, critic_of(2.0), None)
    train, test = (data.load('digits', split=split, size=16) for split in ('train', 'test'))
    pixels = probes.probe(lambda x: x.reshape(len(x), -1) / 127.5, train, test)
    assert values == pytest.approx(pixels, abs=1e-2)
    assert values['linear_probe'] > 0.9
    nothing = probing.measure(NO_IMAGES, critic_of(0.0), None)
    assert nothing['retrieval'] == pytest.approx(1 / 360)


def test_dimensions_are_of_the_features_of_held_out_images():
    asked = prepare('effective_rank,intrinsic_dimension', critic=Pixels())
    values = asked.measure(NO_IMAGES, critic_of(2.0), None)
    pixels = data.load('digits', split='test', size=16).images.reshape(360, -1) / 127.5
    by_hand = dimension.effective_rank(pixels), dimension.intrinsic_dimension(pixels)
    assert (*values.values(),) == pytest.approx(by_hand, rel=1e-3)
    assert asked.protocol['dimensions'] == {'images': 360, 'k': 20, 'version': 1}
    assert 'k' not in prepare('effective_rank', critic=Pixels()).protocol['dimensions']
    assert 'dimensions' not in prepare('gsnr').protocol


def test_only_what_is_asked_is_told():
    assert [*prepare('knn', critic=Pixels()).measure(NO_IMAGES, critic_of(1.0), None)] == ['knn']


def test_logits_are_those_of_the_images_that_were_learned_and_of_their_labels():
    train, test = (data.load('digits', split=split) for split in ('train', 'test'))
    train_subset = train._replace(images=train.images[:99] // 2, labels=train.labels[:99])
    given = Context(train, lambda: test, train_subset, Pixels(), num=30)
    found = protocol.prepare_metrics('overfitting', given)
    assert found.num == 30
    fakes = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 1), np.uint8)
    values = found.measure(fakes, critic_of(3.0), None)

    def logit(images, labels):
        return np.mean(3 * images.mean(axis=(1, 2, 3)) / 255 + labels)

    expected = {
        'logit_train': logit(train_subset.images, train_subset.labels),
        'logit_test': logit(test.images, test.labels),
        'logit_fake': logit(fakes, np.arange(30) % 10),
    }
    assert {k: values[k] for k in expected} == pytest.approx(expected, rel=1e-5)
    assert values.keys() == {*expected, 'overfit'}
    others = given._replace(class_counts=(0, 1, *[0] * 8))  # every fake is a one
    values = protocol.prepare_metrics('overfitting', others).measure(fakes, critic_of(3.0), None)
    assert values['logit_fake'] == pytest.approx(logit(fakes, np.ones(30)), rel=1e-5)


class Labels(nn.Module):
    """A discriminator whose logit is the label vector's only number."""

    num_classes: int = 0
    label_size: int = 1
    label_table: LabelTable | None = None

    @nn.compact
    def __call__(self, image, label, *, train):
        return {'logit': condition(self, label, image.dtype)[:, 0]}


@pytest.mark.slow
def test_held_out_images_have_the_label_vectors_of_their_own_split():
    """Row 0 of the test split is another vector than row 0 of the table in D's variables."""
    of = {'train': np.array([[1], [2], [2], [4]]), 'test': np.array([[7], [8], [8], [8], [8]])}
    train, test = (
        data.DataSet(np.zeros((len(x), 4, 4, 1), np.uint8), None, 0, 'x', vectors=label_vectors(x))
        for x in of.values()
    )
    critic = Labels(label_table=table_of(train.vectors.table))
    given = Context(train, lambda: test, train, critic, num=3, class_counts=(1, 2, 1))
    variables = {'label_vectors': {'table': train.vectors.table}}
    state = SimpleNamespace(d=SimpleNamespace(variables=variables))
    found = protocol.prepare_metrics('overfitting', given)
    values = found.measure(np.zeros((3, 4, 4, 1), np.uint8), state, None)
    assert (values['logit_train'], values['logit_test']) == pytest.approx((9 / 4, 39 / 5))
    fakes = train.vectors.table[given.generated_labels(3)]
    assert values['logit_fake'] == pytest.approx(fakes.mean())
    named = protocol.prepare_metrics('sensitivity', given).measure(NO_IMAGES, state, None)
    assert named['sensitivity_flip'] == 0


@pytest.mark.slow
def test_sensitivity_is_that_of_held_out_images_and_needs_no_fakes():
    found = prepare('sensitivity', critic=Pixels())
    assert found.num == 0
    values = found.measure(NO_IMAGES, critic_of(1.0), None)
    assert {name.removeprefix('sensitivity_') for name in values} == {*logits.SENSITIVE_TO}
    test = data.load('digits', split='test', size=16)
    by_hand = logits.sensitivity(lambda x: x.mean(axis=(1, 2, 3)) / 255 + test.labels, test.images)
    assert values['sensitivity_zoom_out'] == pytest.approx(by_hand['zoom_out'], rel=1e-3)


def test_gsnr_is_of_the_gradients_of_the_learned_images_batch_by_batch():
    train = data.load('digits')
    train_subset = train._replace(images=train.images[:640], labels=train.labels[:640])
    asked = []

    def d_gradient(state, batch, key, hyper):
        asked.append((batch, jax.random.key_data(key).tolist()))
        assert (state.step, hyper) == (7, 'numbers')
        return {'w': batch['image'].mean(axis=(0, 1, 2, 3)), 'b': batch['label'].mean()[None]}

    given = Context(
        train,
        lambda: data.load('digits', split='test'),
        train_subset,
        Pixels(),
        num=30,
        batch_size=20,
        d_gradient=d_gradient,
    )
    found = protocol.prepare_metrics('gsnr', given)
    assert found.num == 0
    state = jax.tree.map(np.asarray, small.first_state(small.make_gan({}), {}))
    values = found.measure(NO_IMAGES, state.replace(step=7), 'numbers')
    known = {image.tobytes() for image in train_subset.images}
    drawn = [image.tobytes() for batch, _ in asked for image in batch['image']]
    assert {*drawn} <= known and len({*drawn}) < len(drawn)  # with replacement
    assert len({str(key) for _, key in asked}) == len(asked) == 32
    again = [d_gradient(state.replace(step=7), batch, jax.random.key(0), 'numbers')
             for batch, _ in [*asked]]  # fmt: skip
    assert values == gsnr.gsnr(again, batch_size=20)


def test_diversity_is_beside_the_reals_and_rings():
    train = data.load('digits')
    found = prepare('diversity')
    values = found.measure(train.images, None, None)
    assert (values['diversity'], values['collapsed']) == (1, 0) and 0.9 < values['vendi'] < 1.1
    assert found.measure(train.images[train.labels == 3], None, None)['collapsed'] == 1


def test_probes_alone_name_no_extractor():
    described = prepare('retrieval').protocol
    assert 'extractor' not in described and probes.POLICY in described['probes']


@pytest.mark.parametrize('name', ['linear_probe', 'knn'])
def test_a_linear_probe_without_labels_is_refused(name):
    blank = data.DataSet(np.zeros((2, 8, 8, 1), np.uint8), None, 0, 'blank')
    with pytest.raises(UserError, match="needs classes and 'blank' has no labels"):
        protocol.prepare_metrics(name, Context(blank, lambda: blank, blank, None, num=2))


def test_a_metric_that_fails_does_not_end_the_others(monkeypatch):
    def fail(*arguments):
        raise ValueError('no such thing')

    monkeypatch.setattr(logits, 'overfitting', fail)
    found, told = prepare('modes,overfitting', critic=Pixels()), []
    images = data.load('digits').images
    values = found.measure(
        images, critic_of(1.0), None, failed=lambda *of: told.append((*of[0], str(of[1])))
    )
    assert values['modes'] == 10 and np.isnan(values['overfitting'])
    assert told == [('overfitting', 'no such thing')]
    with pytest.raises(ValueError, match='no such thing'):
        found.measure(images, critic_of(1.0), None)


def test_every_name_belongs_to_one_family():
    known = [*digit_metrics.NAMES, *discriminator.NAMES]
    assert len({*known}) == len(known)
    assert not any(names.parse_score(name) for name in known)


def test_an_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="there is no metric 'retrival'; did you mean 'retrieval'?"):
        prepare('modes,retrival')
