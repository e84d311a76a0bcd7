"""Sliced Wasserstein distance: its pyramid against SciPy, its values where they are known."""

import numpy as np
import pytest
from scipy import ndimage, stats

from gan_jax.evaluate import sliced_wasserstein as swd


def images(count=6, side=32, channels=3, seed=0):
    shape = count, side, side, channels
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def test_the_pyramid_is_that_of_convolutions_with_the_whole_filter():
    binomial = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 256

    def blurred(x):
        return ndimage.convolve(x, binomial, mode='mirror')

    def doubled(x):
        spread = np.zeros((len(x), 2 * x.shape[1], 2 * x.shape[2], x.shape[3]))
        spread[:, ::2, ::2] = x
        return blurred(4 * spread)

    fine = images(2, 64).astype(np.float64)
    middle = blurred(fine)[:, ::2, ::2]
    coarse = blurred(middle)[:, ::2, ::2]
    expected = [fine - doubled(middle), middle - doubled(coarse), coarse]
    for level, wanted in enumerate(expected):
        np.testing.assert_allclose(swd.pyramid(images(2, 64), level), wanted, atol=1e-3)


@pytest.mark.parametrize(
    ('size', 'sizes'),
    [
        ((64, 64), [(64, 64), (32, 32), (16, 16)]),
        ((31, 31), [(31, 31)]),
        ((48, 96), [(48, 96), (24, 48)]),
        ((16, 16), [(16, 16)]),
        ((8, 8), [(8, 8)]),
    ],
)
def test_levels_halve_down_to_sixteen(size, sizes):
    assert swd.level_sizes(size) == sizes


def test_a_projection_is_compared_by_the_wasserstein_distance_of_scipy():
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(50, 1)).astype(np.float32) for _ in range(2))
    by_scipy = stats.wasserstein_distance(a[:, 0], 2 * b[:, 0])  # directions are 1 and -1
    assert swd.sliced(a, 2 * b, directions=20, seed=0) == pytest.approx(by_scipy, rel=1e-5)


def test_a_shift_projects_to_its_mean_length_on_a_sphere():
    a = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    found = swd.sliced(a, a + np.float32([0, 0, 2]), directions=20_000, seed=1)
    assert found == pytest.approx(1, rel=0.02)  # |cos| is on average 1/2 on the sphere in space


def test_sets_of_one_distribution_are_near_and_others_are_not():
    smooth = ndimage.gaussian_filter(images(64, 16), (0, 1, 1, 0))
    near = swd.distances(images(64, 16), images(64, 16, seed=1))[16]
    assert near < 30 and swd.distances(images(64, 16), smooth)[16] > 2.5 * near


def test_neither_brightness_nor_contrast_counts():
    real, fake = images(channels=1), images(channels=1, seed=1).astype(np.float32)
    plain = swd.distances(real, fake)
    found = swd.distances(real, fake / 4 + 10)
    assert found == pytest.approx(plain, rel=1e-3)


def test_a_patch_is_a_patch_of_its_image_and_every_place_is_drawn():
    ramp = np.arange(10 * 9).reshape(1, 10, 9, 1).astype(np.float32)
    found = swd._patches(ramp, 0, 500, [0])
    assert found.shape == (500, 7, 7, 1) and found.dtype == np.float32
    corners = found[:, 0, 0, 0]
    assert {*corners} == {9 * i + j for i in range(4) for j in range(3)}
    steps = found[:, :, :, 0] - corners[:, None, None]
    assert (steps == 9 * np.arange(7)[:, None] + np.arange(7)).all()


def test_portions_move_no_place(monkeypatch):
    x = images(7, 32)
    whole = [swd._patches(x, level, 9, [3, level]) for level in range(2)]
    monkeypatch.setattr(swd, 'BYTES', 2 * 4 * x[0].size)
    for level in range(2):
        np.testing.assert_array_equal(swd._patches(x, level, 9, [3, level]), whole[level])


def test_large_images_are_taken_one_by_one(monkeypatch):
    seen, plain = [], swd.pyramid
    monkeypatch.setattr(swd, 'pyramid', lambda x, level: seen.append(len(x)) or plain(x, level))
    monkeypatch.setattr(swd, 'BYTES', 100)
    swd._patches(images(3, 16), 0, 2, [0])
    assert seen == [1, 1, 1]


def test_each_channel_of_the_patches_is_standardised(monkeypatch):
    monkeypatch.setattr(swd, 'BLOCK', 4)
    rng = np.random.default_rng(0)
    x = rng.normal([5, -1, 300], [2, 0.1, 30], (11, 7, 7, 3)).astype(np.float32)
    x[..., 1] = 7
    found = swd._standardised(x.copy()).reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(0), [1, 0, 1], atol=1e-5)


def test_levels_differ_by_where_the_sets_do():
    fine = images(40).astype(np.float32)
    board = 100 * (1 - 2 * (np.indices((32, 32)).sum(axis=0) % 2))[None, :, :, None]
    found = swd.distances(fine, fine + board, patches=32, directions=64)
    plain = swd.distances(fine, fine, patches=32, directions=64)
    assert [*found] == [32, 16] and found[16] == pytest.approx(plain[16], rel=1e-3)
    assert found[32] > 5 * plain[32]  # the board is gone when it is halved


def test_sets_that_cannot_be_compared_are_refused():
    for real, fake in ((images(3), images(4)), (images(0), images(0))):
        with pytest.raises(ValueError, match='two sets .* of one shape'):
            swd.distances(real, fake)
    with pytest.raises(ValueError, match='at least 7 pixels a side'):
        swd.distances(images(2, 6), images(2, 6))
