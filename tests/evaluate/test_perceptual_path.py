"""Path lengths of a generator whose slope is known, their protocol, and what is refused."""

import functools
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import lpips, perceptual_path, protocol
from gan_jax.evaluate.context import Context
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.pairs import Pairs
from gan_jax.sampling.paths import STEP

STATE = {'speed': np.float32(3.0)}


def paths(shape=(16, 16, 1), **changes):
    """Pairs whose images differ by STEP times the speed of the state and the number of the pair."""

    def pairs(space):
        def of(state, block):
            number = block * 100 + np.arange(100, dtype=np.float32)[:, None, None, None]
            slope = np.asarray(state['speed']) * number * (2 if space == 'z' else 1)
            a = np.zeros((100, *shape), np.float32)
            return jnp.asarray(a), jnp.asarray(a + np.float32(STEP) * slope)

        return of

    of_no = functools.partial(pytest.fail, 'no image is shifted')
    return Pairs(lambda: True, of_no, lambda: 'moving', pairs, of_no)._replace(**changes)


@pytest.fixture
def plain(monkeypatch):
    """The mean square of the difference of images from 0 to 1 in the place of LPIPS."""

    def distance(variables, a, b):
        assert variables == {} and a.shape[3] == 3 and a.shape[1] == a.shape[2]
        return ((a - b) ** 2).mean(axis=(1, 2, 3)) / 255**2

    monkeypatch.setattr(lpips, 'variables_of', lambda data_dir: {})
    monkeypatch.setattr(lpips, 'check', lambda data_dir: None)
    monkeypatch.setattr(lpips, 'distance', distance)
    perceptual_path._lengths.clear_cache()
    yield
    perceptual_path._lengths.clear_cache()


def context(**changes):
    train = data.load('digits')
    given = Context(train, lambda: data.load('digits', split='test'), train, None, num=9)
    return given._replace(**{'pairs': paths(), **changes})


def test_the_length_is_the_mean_square_of_the_slope_without_its_ends(plain):
    found = protocol.prepare_metrics('ppl150_wend', context())
    assert found.num == 0
    values = found.measure(np.zeros(0, np.uint8), STATE, None)
    slopes = np.arange(150.0)[1:149] ** 2 * 9  # without the first and the last one of 150
    assert values == {'ppl150_wend': pytest.approx(slopes.mean(), rel=1e-3)}
    told = found.protocol['path_lengths']['ppl150_wend']
    assert (told['pairs'], told['space'], told['step']) == (150, 'w', 1e-4)
    assert told['vgg16_sha256'] == lpips.VGG16.sha256
    assert (told['images'], told['sides'], told['clipped']) == ('float32', (16, 16), True)


def test_the_protocol_tells_the_sides_that_are_compared(plain):
    of = functools.partial(data.DataSet, labels=None, num_classes=0, name='large')
    for side, told in ((255, 255), (384, 384), (512, 256), (1024, 256), (768, 256), (800, 266)):
        train = of(images=np.zeros((1, side, side, 3), np.uint8))
        found = protocol.prepare_metrics('ppl100_wend,ppl100_z', context(train=train)).protocol
        sides = [one['sides'] for one in found['path_lengths'].values()]
        assert sides == [(told, told), (64, 64)]


def test_between_latents_images_are_rounded(plain):
    values = protocol.prepare_metrics('ppl100_z', context()).measure(None, STATE, None)
    grey = np.rint(255 * 1e-4 * np.arange(100) * 6) / 255
    assert values['ppl100_z'] == pytest.approx((grey**2).mean() / 1e-8, rel=1e-4)


def test_a_hundredth_at_either_end_is_left_out():
    x = np.random.default_rng(0).permutation(np.arange(1000.0))
    assert perceptual_path.trimmed_mean(x) == np.arange(9, 991).mean()
    assert perceptual_path.trimmed_mean(np.r_[x, 1e9]) < 600


@pytest.mark.slow
def test_images_are_averaged_down_to_256_or_brought_to_64():
    x = np.random.default_rng(0).random((2, 512, 512, 1), np.float32)
    found = perceptual_path._shown(x, 'wend')
    means = 255 * x.reshape(2, 256, 2, 256, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(found, np.repeat(means[..., None], 3, -1), rtol=1e-5)
    assert perceptual_path._shown(x[:, :510, :510], 'wend').shape == (2, 510, 510, 3)
    blocks = np.rint(255 * x).reshape(2, 64, 8, 64, 8).mean(axis=(2, 4))
    found = perceptual_path._shown(x, 'z')
    np.testing.assert_allclose(found[..., 1], blocks, rtol=1e-5)
    ramp = np.arange(32, dtype=np.float32).reshape(1, 1, 32, 1) * np.ones((1, 32, 1, 1)) / 255
    row = perceptual_path._shown(ramp.astype(np.float32), 'z')[0, 5, :, 0]
    np.testing.assert_allclose(row, np.clip(np.arange(64) / 2 - 0.25, 0, 31), atol=1e-4)


NO_W = paths(has_w=lambda: False)
SMALL = SimpleNamespace(images=np.zeros((4, 8, 8, 1), np.uint8), name='small')


@pytest.mark.parametrize(
    ('name', 'changes', 'said'),
    [
        ('ppl', {}, 'write ppl50k_wend, between two w, or ppl50k_z, between two latents'),
        ('ppl50k', {}, 'has to say of how many pairs and along what'),
        ('ppl99_z', {}, "'ppl99_z' is of 99 pairs: take 100 to 1,000,000"),
        ('ppl1k_wend', {'pairs': NO_W}, 'from w to w, and the generator has none: write ppl1k_z'),
        ('ppl1k_wend', {'train': SMALL}, "the run's have 8 by 8: write ppl1k_z, which enlarges"),
        (
            'ppl1k_z',
            {'pairs': paths(statistics=lambda: 'standing(9)')},
            "config.evaluate.batch_norm is standing(9): write 'moving'",
        ),
    ],
)
def test_what_would_mean_nothing_is_refused(plain, name, changes, said):
    with pytest.raises(UserError) as caught:
        protocol.check_metrics(name, context(**changes))
    assert said in str(caught.value)


def test_what_means_something_is_let_through(plain):
    assert protocol.check_metrics('ppl1k_z', context(pairs=NO_W, train=SMALL)) is True
    assert all(perceptual_path.knows(name) for name in perceptual_path.NAMES)
