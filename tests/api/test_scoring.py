"""`gan_jax.score`: the scores of the command, and nothing printed."""

import inspect

import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax.evaluate import image_scores
from gan_jax.runtime import output


def test_remarks_of_a_folder_and_of_references_are_warnings(tmp_path, monkeypatch, capsys):
    """A folder of grey and colour images, and a --data_dir that keeps no references."""
    monkeypatch.setattr(output, '_noted', set())
    (tmp_path / 'mixed').mkdir()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 16, 16, 3), np.uint8)
    for i, image in enumerate(images):
        shown = image if i % 2 else image[..., 0]
        Image.fromarray(shown).save(tmp_path / 'mixed' / f'{i}.png')
    (tmp_path / 'references').touch()  # not a folder
    with pytest.warns(UserWarning) as caught:
        found = gan_jax.score(tmp_path / 'mixed', images, 'kd8@digits,swd8', tmp_path)
    assert capsys.readouterr() == ('', '')
    said = [str(one.message) for one in caught]
    assert sum('images are grey and become colour' in one for one in said) == 1
    assert sum('keeps no references' in one for one in said) == 1
    assert {one.filename for one in caught} == {__file__}
    assert found['protocol']['scored']['count'] == 8


def test_its_arguments_and_its_page_are_those_of_the_scores():
    assert inspect.signature(gan_jax.score) == inspect.signature(image_scores.score)
    assert gan_jax.score.__doc__ == image_scores.score.__doc__
