"""The page without its library: what it says where a generator or a file has not what it takes."""

import html
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from PIL import Image

from gan_jax.explorer import page
from gan_jax.explorer.actions import Actions
from gan_jax.runtime.errors import UserError


class Refused(Exception):
    """In the place of gradio's error."""


def explorer_of(shape=(8, 8, 1), layers=0):
    generator = SimpleNamespace(image_shape=shape, num_classes=0)
    directions = SimpleNamespace(vectors=np.eye(2))
    return SimpleNamespace(
        generator=generator, layers=layers, truncates=False, psi=None, directions=directions
    )


@pytest.fixture
def gr():
    return MagicMock(Error=lambda said, print_exception: Refused(said))


def test_a_generator_without_w_has_no_styles_to_mix_and_the_page_says_so(gr):
    said = {}
    for layers in (0, 4):
        gr.HTML.reset_mock()
        page.build(gr, Actions(explorer_of(layers=layers), None, lambda: None), 'title')
        said[layers] = [call.args[0] for call in gr.HTML.call_args_list if call.args]
    assert f'<p>{page.NO_W}</p>' in said[0] and page.NO_W.count('. ') == 0
    assert not any(page.NO_W in text for text in said[4])
    assert any('Your picture' in text for text in said[4])


def test_a_generator_without_directions_is_said_and_has_its_page(gr):
    class Bare(SimpleNamespace):
        @property
        def directions(self):
            raise UserError('no directions of <it>')

    explorer = Bare(generator=explorer_of().generator, layers=0, truncates=False, psi=None)
    page.build(gr, Actions(explorer, None, lambda: None), 'title')
    assert ('<p>no directions of &lt;it&gt;</p>',) in [call.args for call in gr.HTML.call_args_list]


def test_an_upload_that_is_no_picture_is_one_sentence(gr, tmp_path):
    actions = Actions(explorer_of(layers=4), None, lambda: None)
    parts = page.Parts(gr, actions, {'number': None}, None)
    act = parts.calling(lambda own, found, path: actions.project(path, own, 50), [], (None,))['fn']
    (tmp_path / '<b>bad.png').write_bytes(b'no picture')
    Image.new('LA', (8, 8)).save(tmp_path / 'clear.png')
    for name, said in {
        '<b>bad.png': '<b>bad.png cannot be read as an image: repair it or leave it out',
        'clear.png': 'clear.png is transparent in places: save it without transparency, or ',
    }.items():
        with pytest.raises(Refused) as caught:
            act(None, f'{tmp_path}/{name}', 0)
        assert '<' not in str(caught.value) and '\n' not in str(caught.value)
        assert html.unescape(str(caught.value)).startswith(said)


def test_an_upload_is_brought_to_the_height_and_width_of_the_generator(tmp_path):
    Image.new('L', (30, 20)).save(tmp_path / 'wide.png')
    actions = Actions(explorer_of((4, 8, 3)), None, lambda: None)
    assert actions._read(tmp_path / 'wide.png').shape == (4, 8, 3)
