"""A run that is explored: its checkpoints, its discriminator, its training images, its films."""

import base64
import html
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import train
from gan_jax.explorer import actions, training
from gan_jax.explorer.still import Explorer
from gan_jax.run.generators import restore_generator
from gan_jax.run.trained import restore_run
from gan_jax.runtime.errors import UserError

pytestmark = [pytest.mark.usefixtures('quick'), pytest.mark.slow]

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
ALLOW = ['tests']
FLAGS = ('steps=6', 'every.checkpoint=2', 'every.sample=100', 'every.evaluate=100')
NUMBER = {'number': 3, 'other': 5}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp('run')
    options = [f'--config.{flag}' for flag in FLAGS]
    assert train.main([f'--config={TINY}:method=none', f'--workdir={place}', *options]) == 0
    return place


@pytest.fixture(scope='module')
def acts(folder):
    explorer = Explorer(restore_generator(folder, 'last', ALLOW))
    options = dict(allow=ALLOW, weights=None, data_dir=None)
    run = training.TrainedRun(folder, 'last', explorer, **options)
    return actions.Actions(explorer, run, lambda: None)


def frames(text):
    """The images of an HTML text, uint8 each, all frames of a film."""
    found = []
    for content in re.findall(r'<img src="data:image/\w+;base64,([^"]+)"', text):
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            for i in range(getattr(image, 'n_frames', 1)):
                image.seek(i)
                found.append(np.asarray(image.convert('L'))[::32, ::32, None])
    return found


def test_every_checkpoint_draws_its_own_picture(acts, folder):
    assert acts.run.steps == [2, 4, 6]
    for step in (2, 6):
        of = restore_generator(folder, f'{step}', ALLOW)
        (found,) = frames(acts.picture(NUMBER | {'step': step}, None))
        assert np.abs(found.astype(int) - of.generate(of.latents(3))[0]).max() <= 1
    assert acts.run.variables(6) is acts.explorer.variables


def test_a_film_over_time_has_a_frame_of_each_checkpoint(acts):
    film = frames(acts.over_time(NUMBER | {'step': 6}, None))
    each = [frames(acts.picture(NUMBER | {'step': step}, None))[0] for step in (2, 4, 6, 4)]
    np.testing.assert_array_equal(film, each)
    alone = actions.Actions(acts.explorer, None, lambda: None)
    with pytest.raises(UserError, match='needs two checkpoints or more'):
        alone.over_time(NUMBER, None)


def test_a_film_to_a_second_image_begins_and_ends_with_both(acts):
    film = frames(acts.to_second(NUMBER, None))
    assert len(film) == 2 * actions.FRAMES - 2
    first, last = (frames(acts.picture({'number': n, 'step': 6}, None))[0] for n in (3, 5))
    np.testing.assert_array_equal(film[0], first)
    np.testing.assert_array_equal(film[actions.FRAMES - 1], last)


def test_a_film_along_a_direction_goes_through_the_picture(acts):
    values = NUMBER | {'step': 6, 'move_0': 1.0, 'move_1': 0.0}
    film = frames(acts.along(values, None, 1))
    picture = frames(acts.picture(values, None))[0]
    end = frames(acts.picture(values | {'move_1': -4.0}, None))[0]
    np.testing.assert_array_equal(film[actions.FRAMES // 2], picture)
    np.testing.assert_array_equal(film[0], end)


def test_between_two_pictures_of_a_film_the_caller_is_asked(acts):
    calls = []
    asked = actions.Actions(acts.explorer, acts.run, lambda: calls.append(1))
    asked.to_second(NUMBER, None)
    assert len(calls) == actions.FRAMES


def test_the_score_is_the_logit_of_the_checkpoints_discriminator(acts, folder):
    image = acts.explorer.generator.generate(3)[0]
    for step in (2, 6):
        whole = restore_run(folder, f'{step}', ALLOW)
        critic, variables = whole.setup.experiment.gan.critic, whole.checkpoint.state.d.variables

        def logits(images, critic=critic, variables=variables):
            labels = np.zeros(len(images), np.int32)
            return critic.apply(variables, np.float32(images) / 255, labels, train=False)['logit']

        found = acts.run.score(image, 0, step)
        np.testing.assert_allclose(found.logit, logits(image[None])[0], rtol=1e-4, atol=1e-5)
        images = whole.setup.dataset.images
        some = images[np.arange(100) * len(images) // 100]
        np.testing.assert_allclose(found.share, np.mean(logits(some) < found.logit), atol=0.011)
    said = acts.score(NUMBER | {'step': 6}, None)
    words = r"<p>D's logit is -?\d+\.\d\d, larger than for \d+% of 100 training images.</p>"
    assert re.fullmatch(words, html.unescape(said))


def test_a_discriminator_that_reads_more_has_no_score_and_the_picture_is_there(acts, monkeypatch):
    other = training.TrainedRun(
        acts.run._folder, 'last', acts.explorer, allow=ALLOW, weights=None, data_dir=None
    )
    monkeypatch.setattr(training, 'reads_of', lambda critic: ('z',))
    asked, values = actions.Actions(acts.explorer, other, lambda: None), NUMBER | {'step': 6}
    assert len(frames(asked.picture(values, None))) == 1
    said = html.unescape(asked.score(values, None))
    assert said == "<p>D of this run reads 'z' beside an image: no score</p>"


def test_a_training_image_is_its_own_nearest(acts, monkeypatch):
    dataset = acts.run.dataset
    monkeypatch.setattr(acts.explorer, 'image', lambda *given: dataset.images[7])
    shown = acts.nearest(NUMBER | {'step': 6}, None)
    found = frames(shown)
    assert len(found) == actions.NEIGHBOURS
    np.testing.assert_array_equal(found[0], dataset.images[7])
    assert f'<figcaption>{dataset.labels[7]}, 0.0 grey levels</figcaption>' in shown


def test_an_exported_generator_has_pictures(acts):
    alone = actions.Actions(acts.explorer, None, lambda: None)
    assert alone.picture(NUMBER, None) == acts.picture(NUMBER | {'step': 6}, None)
