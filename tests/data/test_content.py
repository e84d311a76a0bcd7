"""What is said of data sets from which nothing can be learned."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import content
from gan_jax.data.dataset import SAMPLED, DataSet
from tests.data.archives.maker import noise

BLACK = np.zeros((5, 4, 4, 3), np.uint8)
SAME = np.repeat(noise(0, 1, 4, 4, 3), 5, axis=0)
FLAT = np.broadcast_to(noise(1, 5, 1, 1, 3), (5, 4, 4, 3))


def fault(images):
    return data.content_fault(DataSet(images, None, 0, 'mine'))


@pytest.mark.parametrize(
    ('images', 'sentence'),
    [
        (BLACK, "the 5 images of 'mine' are all black"),
        (BLACK + 7, "the 5 images of 'mine' are all the same one"),
        (SAME, "the 5 images of 'mine' are all the same one"),
        (FLAT, "the 5 images of 'mine' are each of one colour all over"),
        (noise(0, 1, 4, 4, 3), "'mine' holds a single image"),
    ],
)
def test_data_without_content_are_told(images, sentence):
    assert fault(images).startswith(sentence)


@pytest.mark.parametrize('images', [BLACK, SAME, FLAT])
@pytest.mark.parametrize('place', range(5))
def test_one_pixel_is_content(images, place):
    images = images.copy()
    images[place, 2, 2, 1] ^= 1
    assert fault(images) == ''


@pytest.mark.parametrize('name', [*data.READERS])
def test_what_comes_with_the_package_has_content(name):
    assert data.content_fault(data.load(name)) == ''


def test_of_many_images_some_are_looked_at(monkeypatch):
    many = np.zeros((2 * SAMPLED, 2, 2, 1), np.uint8)
    many[1] = noise(0, 2, 2, 1)  # of these every second one
    said = f"the {SAMPLED} images of 'mine' that were looked at, of {2 * SAMPLED}, are all black"
    assert fault(many).startswith(said)
    many[2, 0] = 1
    assert fault(many) == ''
    monkeypatch.setattr(content, 'BYTES', 3 * 4)  # three images
    assert fault(many).startswith("the 3 images of 'mine' that were looked at, of 2048,")


def test_large_images_are_not_all_read(monkeypatch):
    seen = []

    class Watched(np.ndarray):
        def __getitem__(self, index):
            found = super().__getitem__(index)
            seen.append(found.nbytes)
            return found

    monkeypatch.setattr(content, 'BYTES', 10 * 64 * 64)
    images = np.zeros((1000, 64, 64, 1), np.uint8).view(Watched)
    assert 'all black' in fault(images)
    assert max(seen) == 10 * 64 * 64
