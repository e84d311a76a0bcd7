"""The picture of the rooms shows the code as it is."""

import json
from xml.etree import ElementTree

import pytest

from tests.draw_rooms import PICTURE, WORDS, arrows, node, reduced, rooms_of_package

SVG = '{http://www.w3.org/2000/svg}'
ADVICE = 'docs/rooms.svg is not of this code: run python -m tests.draw_rooms and commit it'


@pytest.fixture(scope='module')
def picture() -> ElementTree.Element:
    return ElementTree.parse(PICTURE).getroot()


def test_the_picture_has_the_rooms_and_arrows_of_the_code(picture):
    listed = json.loads(picture.find(f'{SVG}metadata').text)
    assert listed['rooms'] == rooms_of_package(), ADVICE
    assert {*map(tuple, listed['arrows'])} == arrows(), ADVICE


def test_every_room_is_drawn_and_every_arrow_that_no_chain_implies(picture):
    drawn = {text.text.rstrip('/') for text in picture.iter(f'{SVG}text') if text.get('class')}
    assert drawn == {one.removesuffix('.__main__') for one in rooms_of_package()}, ADVICE
    paths = [path for path in picture.iter(f'{SVG}path') if path.get('class')]
    assert len(paths) == len(reduced(arrows())), ADVICE


def test_every_room_has_words():
    assert {*rooms_of_package()} <= WORDS.keys()


def test_the_arrows_are_the_imports_of_the_source():
    assert {('terms', 'views'), ('step', 'players'), ('evaluate.__main__', 'run')} <= arrows()
    assert ('evaluate', 'run') not in arrows()
    assert (node('gan_jax.terms.rotation'), node('gan_jax.step')) == ('terms', 'step')


def test_an_arrow_that_a_chain_implies_is_left_out():
    assert reduced({('a', 'b'), ('b', 'c'), ('a', 'c'), ('d', 'c')}) == [
        ('a', 'b'),
        ('b', 'c'),
        ('d', 'c'),
    ]
