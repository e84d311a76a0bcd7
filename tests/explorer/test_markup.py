"""HTML of pictures: what is in it can be saved, and text of anybody is text."""

import base64
import io
import re

import numpy as np
from PIL import Image

from gan_jax.explorer import markup

EVIL = '<script>alert(1)</script>" onerror="alert(2)'
IMAGES = np.random.default_rng(0).integers(256, size=(3, 8, 8, 3)).astype(np.uint8)


def saved(html):
    """(name, pixels) of the file that the link in an HTML text saves."""
    content, name = re.search(
        r'<a href="data:image/\w+;base64,([^"]+)" download="([^"]+)"', html
    ).groups()
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        return name, np.asarray(image)


def test_a_picture_is_shown_large_and_saved_as_it_is():
    name, still = saved(markup.picture(IMAGES[0], 'a digit', 'image-3'))
    assert name == 'image-3.png'
    np.testing.assert_array_equal(still, IMAGES[0])


def test_text_of_anybody_is_no_markup():
    for html in (
        markup.picture(IMAGES[0], EVIL, EVIL),
        markup.film(IMAGES, EVIL, EVIL),
        markup.row(IMAGES, [EVIL] * 3),
        markup.sentence(EVIL),
    ):
        assert '<script' not in html and 'onerror="' not in html


def test_a_row_has_a_caption_under_each_image():
    html = markup.row(IMAGES, ['cat', 'dog', 'owl'])
    assert re.findall('<figcaption>(.*?)</figcaption>', html) == ['cat', 'dog', 'owl']
    assert re.findall('alt="(.*?)"', html) == ['cat', 'dog', 'owl']
