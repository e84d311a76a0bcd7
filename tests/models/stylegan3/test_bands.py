"""The signals of StyleGAN3's maps."""

import itertools

import pytest

from gan_jax.models.stylegan3.bands import bands


@pytest.mark.parametrize(
    ('side', 'rates', 'channels'),
    [
        (64, [16] * 4 + [32] * 4 + [64] * 7, [512] * 14 + [3]),
        (128, [16] * 3 + [32] * 3 + [64] * 3 + [128] * 6, [512] * 10 + [456, 342, 256, 256, 3]),
        (
            *(1024, [16, 16, 32, 32, 64, 128, 128, 256, 256, 512, *[1024] * 5]),
            [512] * 7 + [323, 203, 128, 81, 51, 32, 32, 3],
        ),
    ],
)
def test_rates_sides_and_channels_are_the_published_networks(side, rates, channels):
    found = bands(side, 3, 32_768, 512, 14)
    assert [band.rate for band in found] == rates
    assert [band.channels for band in found] == channels
    assert [band.side for band in found] == [rate + 20 for rate in rates[:-2]] + [side, side]


def test_cutoffs_grow_from_two_waves_to_half_the_pixels():
    found = bands(64, 3, 32_768, 512, 14)
    cutoffs = [band.cutoff for band in found]
    ratios = [b / a for a, b in itertools.pairwise(cutoffs)]
    assert cutoffs[0] == 2 and cutoffs[12:] == [32] * 3
    assert ratios == pytest.approx([16 ** (1 / 12)] * 12 + [1, 1])


def test_the_transition_reaches_the_stopband_or_half_the_rate():
    found = bands(64, 3, 32_768, 512, 14)
    assert found[0].width == 8 - 2  # half the rate, beyond the stopband
    assert found[7].width == pytest.approx(
        15.634559494947936 * 1.0 - 10.079368399158986 + 0.3654405
    )
    assert found[-1].width == pytest.approx(32 * 2**0.3 - 32)


@pytest.mark.parametrize('depth', [3, 6])
def test_a_shallow_network_ends_in_the_same_band(depth):
    found = bands(16, 1, 512, 32, depth)
    assert len(found) == depth + 1 and found[-3].cutoff == found[-1].cutoff == 8
    assert [band.side for band in found] == [36] * (depth - 1) + [16, 16]
    assert all(band.rate >= 2 * band.cutoff for band in found)


def test_a_map_has_a_channel_at_least():
    assert [band.channels for band in bands(8, 3, 1, 4, 3)] == [1, 1, 1, 3]
