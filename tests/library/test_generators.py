"""`gan_jax.load_generator` of a run: the images of `sample`, and refusals in a sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax import sample, train
from gan_jax.runtime.errors import MISSING, UserError

pytestmark = pytest.mark.usefixtures('quick')
TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    flags = [f'--config={TINY}:method=none', '--config.steps=4', '--config.every.checkpoint=2']
    bare = ['--config.evaluate.metrics=', '--config.evaluate.full=']
    assert train.main([*flags, *bare, f'--workdir={folder}']) == 0
    return folder


def test_images_of_seeds_are_the_files_of_sample(trained, tmp_path):
    flags = [f'--workdir={trained}', f'--out={tmp_path}/drawn', '--allow=tests', '--num=12']
    assert sample.main(flags) == 0
    files = sorted((tmp_path / 'drawn').iterdir())
    expected = np.stack([np.asarray(Image.open(file)) for file in files])[..., None]
    generator = gan_jax.load_generator(f'{trained}', allow='tests')
    np.testing.assert_array_equal(generator.generate(range(12)), expected)
    assert (generator.step, generator.image_shape, generator.latent_dim) == (4, (8, 8, 1), 4)
    assert (generator.num_classes, len(generator.class_names)) == (0, 10)


def test_another_step_and_other_weights_give_other_images(trained):
    load = gan_jax.load_generator
    last = load(trained, allow=['tests']).generate(range(2))
    for other in ({'step': 2}, {'step': '2', 'weights': 'raw'}):
        found = load(trained, allow=['tests'], **other)
        assert found.step == 2
        assert not np.array_equal(found.generate(range(2)), last)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'step': 3}, 'has no checkpoint of step 3; it has 4, 2'),
        ({'step': 'newest'}, "step is 'newest': give a number, 'last' or 'best'"),
        ({'weights': 'long'}, "weights is 'long'"),
        ({'allow': ()}, 'is code of tests, .* --allow=tests'),
    ],
)
def test_what_a_run_does_not_have_is_refused(trained, options, words):
    with pytest.raises(UserError, match=words):
        gan_jax.load_generator(trained, **{'allow': 'tests', **options})


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match='config.json does not exist') as caught:
        gan_jax.load_generator(tmp_path)
    assert caught.value.status == MISSING
