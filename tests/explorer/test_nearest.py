"""Nearest images, against distances by hand."""

import numpy as np

from gan_jax.explorer import nearest


def test_the_nearest_come_first_with_their_distances_in_grey_levels():
    greys = np.array([10, 90, 20, 250], np.uint8)
    table = np.broadcast_to(greys[:, None, None, None], (4, 8, 8, 1)).copy()
    table[2, 0, 0] = 84  # one pixel of 64 that is 64 levels away: a root mean square of 8
    found = nearest.nearest(table, np.full((8, 8, 1), 20, np.uint8), 3)
    assert found.rows.tolist() == [2, 0, 1]
    np.testing.assert_allclose(found.distances, [8, 10, 70])


def test_blocks_change_nothing(monkeypatch):
    table = np.random.default_rng(0).integers(256, size=(50, 8, 8, 3)).astype(np.uint8)
    whole = nearest.nearest(table, table[3], 9)
    monkeypatch.setattr(nearest, 'BLOCK', 7)
    parts = nearest.nearest(table, table[3], 9)
    assert whole.rows[0] == 3 and whole.distances[0] == 0
    np.testing.assert_array_equal(whole.rows, parts.rows)
    np.testing.assert_array_equal(whole.distances, parts.distances)


def test_only_large_images_are_made_smaller(monkeypatch):
    monkeypatch.setattr(nearest, 'BLOCK', 2)
    small = np.zeros((3, 32, 32, 1), np.uint8)
    assert nearest.shrunk(small) is small
    assert nearest.shrunk(np.zeros((3, 64, 64, 3), np.uint8)).shape == (3, 32, 32, 3)
