"""Pictures that a page carries: what they show, and how small they are."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from gan_jax.reports import nearest, pictures
from gan_jax.sampling.pictures import grid, save, ungrid
from tests.reports.made import images


def shown(frame):
    """The pixels of a frame, [H, W, 3]."""
    kind, _, content = frame.address.partition(',')
    assert kind == 'data:image/webp;base64'
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert('RGB'))


@pytest.mark.parametrize('size', [5, 16, 47, 48, 64])
@pytest.mark.parametrize('channels', [1, 3])
def test_a_grid_can_be_taken_apart(size, channels):
    one = np.random.default_rng(0).integers(0, 256, (12, size, size, channels), np.uint8)
    np.testing.assert_array_equal(ungrid(grid(one), size)[:12], one)


def test_another_picture_is_no_grid():
    picture = grid(images(9))
    assert ungrid(picture[:-1], 16) is None and ungrid(picture, 15) is None
    assert ungrid(picture[:, :7], 16) is None


def test_a_small_picture_is_carried_without_loss():
    picture = grid(images(64))
    frame = pictures.frame(picture, 100_000, step=7)
    np.testing.assert_array_equal(shown(frame)[..., :1], picture)
    assert (frame.step, frame.height, frame.width) == (7, *picture.shape[:2])


@pytest.mark.parametrize('room', [200_000, 40_000, 6_000])
def test_a_picture_of_noise_is_made_to_fit(room):
    noise = np.random.default_rng(0).integers(0, 256, (900, 1400, 3), np.uint8)
    frame = pictures.frame(noise, room)
    assert len(frame.address) <= room + 100
    assert max(frame.width, frame.height) <= pictures.SIDE


def written(folder, count):
    found = []
    for step in range(count):
        save(folder / f'{step}.png', grid(images(4, seed=step)))
        found.append((step, folder / f'{step}.png'))
    return found


def test_the_first_and_the_last_of_many_pictures_are_shown(tmp_path):
    found, unreadable = pictures.frames(written(tmp_path, 40), 1_000_000)
    assert len(found) == pictures.FRAMES and unreadable == 0
    steps = [one.step for one in found]
    assert steps[0] == 0 and steps[-1] == 39 and steps == sorted(steps)


def test_a_damaged_picture_is_left_out_and_counted(tmp_path):
    found = written(tmp_path, 3)
    found[1][1].write_bytes(b'\x89PNG no more')
    frames, unreadable = pictures.frames(found, 1_000_000)
    assert [one.step for one in frames] == [0, 2] and unreadable == 1


def test_a_picture_that_would_fill_the_memory_is_not_opened(tmp_path, monkeypatch):
    save(tmp_path / 'large.png', np.zeros((100, 100, 1), np.uint8))
    assert pictures.read(tmp_path / 'large.png') is not None
    monkeypatch.setattr(pictures, 'PIXELS', 9_999)
    assert pictures.read(tmp_path / 'large.png') is None


# The nearest training images ---------------------------------------------------------------------


@pytest.mark.parametrize('size', [6, 128])
def test_the_nearest_images_are_those_of_a_search_by_hand(size):
    rng = np.random.default_rng(0)
    training = rng.integers(0, 256, (30, size, size, 3), np.uint8)
    samples = training[[3, 20, 11]] // 2 + 60
    found = nearest.nearest_images(samples, training)
    factor = max(1, size // nearest.SIDE)

    def small(x):
        cells = x.reshape(len(x), size // factor, factor, size // factor, factor, 3)
        return cells.mean(axis=(2, 4)).reshape(len(x), -1)

    away = np.sqrt(((small(samples)[:, None] - small(training)[None]) ** 2).mean(axis=-1))
    for i, row in enumerate(np.argsort(away, axis=1)[:, : nearest.NEIGHBOURS]):
        np.testing.assert_array_equal(found.images[1:, i], training[row])
    np.testing.assert_array_equal(found.images[0], samples)
    np.testing.assert_allclose(found.distances, away.min(axis=1), rtol=1e-5)


def test_a_copy_has_distance_0_and_a_real_image_is_not_its_own_neighbour():
    training = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 1), np.uint8)
    found = nearest.nearest_images(training[5:7], training)
    np.testing.assert_allclose(found.distances, 0, atol=1e-6)
    assert (found.between_real > 10).all() and len(found.between_real) == nearest.SAMPLES


@pytest.mark.parametrize(
    ('samples', 'training', 'said'),
    [
        (images(4), images(40), ''),
        (images(4), images(40)[:, :8], 'another shape'),
        (images(4), images(2), 'too few'),
        (images(4), np.broadcast_to(images(1), (3_000_000, 16, 16, 1)), 'more than the 0.6 GB'),
    ],
    ids=['whole', 'shape', 'few', 'large'],
)
def test_why_there_are_no_neighbours(samples, training, said):
    found = nearest.fault(samples, training)
    assert said in found and bool(said) == bool(found)
