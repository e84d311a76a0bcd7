"""Classification accuracy: who is trained on what, who is tested on what, and what is refused."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import class_network, classification, protocol
from gan_jax.evaluate.context import Context
from gan_jax.runtime.errors import UserError


def split(name):
    return data.load('digits', split=name)


def context(**changes):
    train = split('train')
    given = Context(train, lambda: split('test'), train, None, num=9, conditional=lambda: True)
    return given._replace(**changes)


@pytest.fixture
def centroids(monkeypatch):
    """The nearest mean image in the place of the network."""

    def learn(images, labels, num_classes, *, progress=None):
        flat = images.reshape(len(images), -1) / 255
        means = np.stack([flat[labels == c].mean(axis=0) for c in range(num_classes)])

        def predict(images):
            apart = images.reshape(len(images), 1, -1) / 255 - means[None]
            return (apart**2).sum(axis=2).argmin(axis=1)

        return predict

    monkeypatch.setattr(class_network, 'learn', learn)
    return learn


def fakes(count, wrong=()):
    """Digits of the train split, image i of class i mod 10; of the classes `wrong` the next one."""
    train = split('train')
    of = np.arange(count) % 10
    shown = np.where(np.isin(of, wrong), (of + 1) % 10, of)
    rows = [np.flatnonzero(train.labels == c)[i // 10] for i, c in enumerate(shown)]
    return train.images[rows], of


def test_each_classifier_is_tested_on_what_the_other_has_learned(centroids):
    images, labels = fakes(500, wrong=(3,))
    found = protocol.prepare_metrics('cas400', context())
    assert found.num == 400
    values = found.measure(images, None, None)
    train, test = split('train'), split('test')
    of_reals = centroids(train.images, train.labels, 10)
    of_fakes = centroids(images[:400], labels[:400], 10)
    assert values == {
        'cas400': np.mean(of_fakes(test.images) == test.labels),
        'cas400_gan_test': np.mean(of_reals(images[:400]) == labels[:400]),
        'cas400_real': np.mean(of_reals(test.images) == test.labels),
    }
    assert values['cas400'] < values['cas400_real'] - 0.05
    told = found.protocol['classification']
    assert told['num'] == {'cas400': 400} and told['test'] == '360 images'


@pytest.mark.parametrize(
    ('name', 'changes', 'said'),
    [
        ('cas', {}, "'cas' does not say of how many images: write cas10k"),
        ('cas99', {}, "'cas99' is of 99 images of 10 classes: take 100 to 1,000,000"),
        ('cas1k', {'conditional': lambda: False}, 'and the generator takes none: leave it out'),
        ('cas1k', {'held_out': lambda: split('test')._replace(labels=None)}, 'needs classes and'),
    ],
)
def test_what_would_mean_nothing_is_refused(name, changes, said):
    with pytest.raises(UserError) as caught:
        protocol.check_metrics(name, context(**changes))
    assert said in str(caught.value)
    assert all(classification.knows(one) for one in classification.NAMES)
