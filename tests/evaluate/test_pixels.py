"""Metrics of pixels by their names: the right images, their protocol, and what is refused."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import pixels, protocol, rows, sliced_wasserstein, spectrum
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.names import is_distance
from gan_jax.runtime.errors import UserError


def context(**changes):
    train, test = (data.load('digits', split=split) for split in ('train', 'test'))
    return Context(train, lambda: test, train, None, num=9)._replace(**changes)


def fakes(count):
    shape = count, 16, 16, 1
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_both_compare_the_first_fakes_with_spaced_reals():
    given = context()
    found = protocol.prepare_metrics('swd40_test,spectrum2k_train,spectrum30_test', given)
    assert found.num == 2000
    images = fakes(2000)
    values = found.measure(images, None, None)
    test = given.held_out().images
    by_hand = sliced_wasserstein.distances(test[rows.spaced(360, 40)], images[:40])
    assert by_hand == {16: values['swd40_test']} and values['swd40_test_16'] == by_hand[16]
    real, scale = given.train.images, spectrum.scale_of(given.train.images)
    profiles = spectrum.profile(images, scale), spectrum.profile(real, scale)
    assert values['spectrum2k_train'] == spectrum.difference(*profiles)
    octaves = spectrum.octaves(*profiles)
    assert {k: values[f'spectrum2k_train_{k}'] for k in (1, 2, 4)} == octaves
    assert len(values) == 2 + 2 * 4


def test_both_profiles_are_kept_beside_the_numbers():
    found = protocol.prepare_metrics('swd40_test,spectrum50_test', context())
    kept, images = {}, fakes(50)
    values = found.measure(images, None, None, keep=kept.__setitem__)
    assert values == found.measure(images, None, None)  # with nobody to keep them
    assert all(type(value) is float for value in values.values())
    ((name, curves),) = kept.items()
    assert name == 'spectrum50_test_profiles' and name not in values
    some = context().held_out().images[rows.spaced(360, 50)]
    scale = spectrum.scale_of(some)
    assert [*curves.values] == ['real', 'generated'] and [*curves.at] == [*range(9)]
    assert curves.values['real'] == spectrum.profile(some, scale).tolist()
    assert curves.values['generated'] == spectrum.profile(images, scale).tolist()
    both = (np.array(curves.values[one]) for one in ('generated', 'real'))
    assert values['spectrum50_test'] == spectrum.difference(*both)


def test_the_protocol_says_how():
    told = protocol.prepare_metrics('swd40_test,spectrum2k_train', context()).protocol['pixels']
    assert told['swd40_test']['reference'] == 'test, 40 of 360 images'
    assert told['swd40_test']['patches'] == 128 and told['swd40_test']['directions'] == 512
    assert told['spectrum2k_train']['reference'] == 'train, 1437 of 1437 images'
    assert told['spectrum2k_train']['reference_digest'] == data.digest(data.load('digits'))


def test_less_is_better():
    assert is_distance('swd8192_train') and is_distance('spectrum10k_test')
    assert all(pixels.knows(name) for name in pixels.NAMES)


SMALL = data.DataSet(np.zeros((50, 6, 9, 1), np.uint8), None, 0, 'small')


@pytest.mark.parametrize(
    ('name', 'changes', 'said'),
    [
        ('swd', {}, "'swd' does not say of how many images: write swd8192_test"),
        ('spectrum', {}, 'write spectrum10k_test'),
        ('swd40', {}, "'swd40' does not say which real images: write swd40_test, or _train"),
        ('swd40k_train', {}, "'swd40k_train' would hold more patches than fit in memory: take at"),
        ('swd1_test', {}, "'swd1_test' is of 1 images: take 2 to 1,000,000"),
        ('spectrum1001k_test', {}, 'take 2 to 1,000,000'),
        ('swd10k_test', {}, "split of 'digits' has 360: write swd360_test"),
        ('swd20_train', {'train': SMALL}, "7 pixels a side at least, and 'small' has 6 by 9"),
        ('spectrum20_train', {'train': SMALL._replace(images=fakes(1))}, 'at least 2 real images'),
    ],
)
def test_what_would_mean_nothing_is_refused(name, changes, said):
    with pytest.raises(UserError) as caught:
        protocol.check_metrics(name, context(**changes))
    assert said in str(caught.value)
