"""The digit metrics on real images, whose right values are known."""

import flax.linen as nn
import numpy as np
import pytest

from gan_jax import data
from gan_jax.errors import UserError
from gan_jax.evaluate import probes, protocol


def prepare(metrics, name='digits', critic=None):
    return protocol.prepare(
        metrics, data.load(name, size=16), lambda: data.load(name, split='test', size=16), critic
    )


def measure(images, name='digits'):
    return prepare('fd_digits,modes', name).measure(images, {})


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
    values = measure(data.load('stacked_digits').images, 'stacked_digits')
    assert values['modes'] == 1000
    assert values['modes_kl'] < 1e-2


def test_no_metric_is_a_valid_choice():
    blank = np.zeros((2, 8, 8, 1), np.uint8)
    anything = data.DataSet(blank, None, 0, 'anything')
    assert protocol.prepare('', anything, None, None).measure(blank, {}) == {}


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
        return {'features': scale * image.reshape(len(image), -1)}


def test_probes_read_the_features_of_the_discriminator():
    probing = prepare('retrieval,linear_probe', critic=Pixels())
    values = probing.measure(np.zeros((2, 16, 16, 1), np.uint8), {'params': {'scale': 2.0}})
    train, test = (data.load('digits', split=split, size=16) for split in ('train', 'test'))
    pixels = probes.probe(lambda x: x.reshape(len(x), -1) / 127.5, train, test)
    assert values == pytest.approx(pixels, abs=1e-2)
    assert values['linear_probe'] > 0.9
    nothing = probing.measure(np.zeros((2, 16, 16, 1), np.uint8), {'params': {'scale': 0.0}})
    assert nothing['retrieval'] == pytest.approx(1 / 360)


def test_probes_alone_name_no_extractor():
    described = prepare('retrieval').protocol
    assert 'extractor' not in described and probes.POLICY in described['probes']


def test_a_linear_probe_without_labels_is_refused():
    blank = data.DataSet(np.zeros((2, 8, 8, 1), np.uint8), None, 0, 'blank')
    with pytest.raises(UserError, match="needs labels and 'blank' has none"):
        protocol.prepare('linear_probe', blank, None, None)
