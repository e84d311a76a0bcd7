"""Ways through latents: their ends, their middle, and what lies between."""

import numpy as np
import pytest

from gan_jax.explorer import walks

A, B = np.float32([3.0, 0.0, 0.1]), np.float32([0.0, 2.0, 0.1])
SHARES = np.linspace(0, 1, 5)


@pytest.mark.parametrize('way', [walks.straight, walks.around])
def test_a_way_begins_and_ends_at_its_points_bit_for_bit(way):
    points = way(A, B, SHARES)
    assert points.shape == (5, 3) and points.dtype == np.float32
    np.testing.assert_array_equal(points[0], A)
    np.testing.assert_array_equal(points[-1], B)


@pytest.mark.parametrize('way', [walks.straight, walks.around])
def test_the_way_back_is_the_same(way):
    np.testing.assert_allclose(way(B, A, SHARES), way(A, B, SHARES)[::-1], rtol=1e-6)


def test_the_straight_way_by_hand():
    np.testing.assert_allclose(walks.straight(A, B, [0.25])[0], [2.25, 0.5, 0.1], rtol=1e-6)
    w = np.stack([A, B])
    np.testing.assert_array_equal(walks.straight(w, w[::-1], [0.5])[0][0], w.mean(0))


def test_the_arc_stays_on_the_sphere_and_turns_evenly():
    a, b = np.float32([1, 0]), np.float32([0, 1])
    points = walks.around(a, b, [0, 1 / 3, 2 / 3, 1])
    angles = np.deg2rad([0, 30, 60, 90])
    np.testing.assert_allclose(points, np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-7)


@pytest.mark.parametrize('other', [[2.0, 0, 0], [-2.0, 0, 0], [0.0, 0, 0]])
def test_where_there_is_no_arc_the_way_is_straight(other):
    a, b = np.float32([1, 0, 0]), np.float32(other)
    np.testing.assert_array_equal(walks.around(a, b, SHARES), walks.straight(a, b, SHARES))


def test_a_walk_is_symmetric_and_goes_through_the_point():
    direction = np.float32([0, 1, 0])
    points = walks.along(A, direction, np.linspace(-2, 2, 5))
    np.testing.assert_array_equal(points[2], A)
    np.testing.assert_array_equal(points - A, -(points - A)[::-1])
    np.testing.assert_array_equal(points[4] - A, 2 * direction)


def test_every_layer_of_w_takes_the_same_step():
    w = np.stack([A, B])
    (moved,) = walks.along(w, np.float32([1, 0, 0]), np.float32([0.5]))
    np.testing.assert_array_equal(moved - w, [[0.5, 0, 0]] * 2)


def test_mixed_layers_are_the_others_from_the_first_on():
    w, other = np.zeros((4, 2)), np.ones((4, 2))
    assert walks.mixed(w, other, 1)[:, 0].tolist() == [0, 1, 1, 1]
    np.testing.assert_array_equal(walks.mixed(w, other, 0), other)
    np.testing.assert_array_equal(walks.mixed(w, other, 4), w)
