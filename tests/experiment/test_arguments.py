"""The text after the colon in `--config=FILE:key=value`, as values."""

import pytest

from gan_jax.experiment.arguments import arguments, network_of


def test_a_network_is_named_among_the_arguments_or_is_the_first():
    known = ['a', 'b']
    assert network_of('', known) == ('a', '')
    text = 'augment=n_of(2, flip, cutout),network=b,strength=0.5'
    assert network_of(text, known) == ('b', 'augment=n_of(2, flip, cutout),strength=0.5')
    assert network_of('network=b,network=a', known) == ('a', '')
    with pytest.raises(ValueError, match="there is no network 'c'; known: a, b"):
        network_of('network=c', known)


def test_arguments_take_the_type_of_their_default():
    assert arguments('n=3,x=2', n=1, x=1.0, name='a') == {'n': 3, 'x': 2.0, 'name': 'a'}
    assert isinstance(arguments('x=2', x=1.0)['x'], float)
    assert arguments(' n=3 , x=2,', n=1, x=1.0) == {'n': 3, 'x': 2.0}
    for text in ('n=one', 'm=1', 'n'):
        with pytest.raises(ValueError):
            arguments(text, n=1)


def test_a_comma_within_a_value_is_told():
    with pytest.raises(ValueError, match="does not take '2024'; it takes path=, and what stands"):
        arguments('path=Photos, 2024', path='')
    with pytest.raises(ValueError, match=r"does not take 'paht=a'; it takes path=\Z"):
        arguments('paht=a', path='')
