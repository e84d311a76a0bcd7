"""Keys by name: distinct, independent of order, and the same for ever."""

import itertools

import jax
import numpy as np
import pytest

from gan_jax.keys import named


def data(key):
    return tuple(jax.random.key_data(key).tolist())


ROOT = jax.random.key(0)


def test_distinct_purposes_have_distinct_keys():
    words = ('d', 'g', 'z', 'view', 'label', 'real', 0, 1, 2)
    purposes = [
        purpose for length in range(4) for purpose in itertools.product(words, repeat=length)
    ]
    keys = {data(named(ROOT, *purpose)) for purpose in purposes}
    assert len(keys) == len(purposes) == 1 + 9 + 81 + 729


def test_a_purpose_has_one_key():
    assert data(named(ROOT, 'step', 3, 'd', 0)) == data(named(ROOT, 'step', 3, 'd', 0))
    assert data(named(named(ROOT, 'step', 3), 'd', 0)) == data(named(ROOT, 'step', 3, 'd', 0))
    assert data(named(ROOT)) == data(ROOT)


def test_traced_numbers_give_the_key_of_plain_ones():
    key = jax.jit(lambda step: named(ROOT, 'step', step))(np.int32(7))
    assert data(key) == data(named(ROOT, 'step', 7))


def test_another_root_gives_another_key():
    assert data(named(jax.random.key(1), 'z')) != data(named(ROOT, 'z'))


@pytest.mark.parametrize('x64', [False, True])
def test_keys_never_change(x64):
    """A run that is resumed by a later version of the program must draw the same numbers."""
    with jax.enable_x64(x64):
        assert data(named(jax.random.key(42), 'step', 1000, 'd', 1, 'z')) == (678104751, 3304571783)
        text = 'real gan_jax.views.augmented translation 1'
        assert data(named(jax.random.key(0), 'view', text)) == (1448773400, 313286981)
