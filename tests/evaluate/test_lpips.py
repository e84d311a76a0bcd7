"""LPIPS against loops over a small VGG16, whose weights lie in files of the true formats."""

import jax
import numpy as np
import pytest
from scipy import ndimage

from gan_jax.evaluate import lpips, published
from gan_jax.runtime.errors import DATA, UserError
from tests.evaluate.torch_files import StateDict, old_tensor, python2_state, write_legacy

WIDTHS = (3, 4, 5, 4, 6)
RNG = np.random.default_rng(0)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(lpips, 'WIDTHS', WIDTHS)


def vgg16():
    """Tensors by torchvision's names, the classifier of 1,000 classes among them."""
    found, channels = {'classifier.6.bias': np.zeros(1000, np.float32)}, 3
    for width, block in zip(WIDTHS, lpips.BLOCKS, strict=True):
        for i in block:
            size = (width, channels, 3, 3)
            found[f'features.{i}.weight'] = RNG.normal(size=size).astype(np.float32) / 3
            found[f'features.{i}.bias'] = RNG.normal(size=width).astype(np.float32)
            channels = width
    return found


def linear():
    sizes = enumerate(WIDTHS)
    return {f'lin{i}.model.1.weight': RNG.random((1, n, 1, 1), np.float32) for i, n in sizes}


def write_vgg16(path, arrays):
    """As torch of 2017 wrote it."""
    made = {name: old_tensor(x, str(i)) for i, (name, x) in enumerate(arrays.items())}
    return write_legacy(path, StateDict(made))


def write_linear(path, arrays):
    """As torch under Python 2 wrote it."""
    return python2_state(path, arrays)


def of_loops(tensors, factors, image):
    """The normalised map of each block, [width, h, w], of an image [H, W, 3] from 0 to 255."""
    x = (image.transpose(2, 0, 1) / 255 - 0.5) * 2
    x = (x - np.array([-0.030, -0.088, -0.188])[:, None, None]) / np.array([0.458, 0.448, 0.450])[
        :, None, None
    ]
    maps = []
    for number, block in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))):
        if number:
            n, h, w = x.shape
            x = x.reshape(n, h // 2, 2, w // 2, 2).max(axis=(2, 4))
        for i in block:
            kernel, bias = (tensors[f'features.{i}.{part}'] for part in ('weight', 'bias'))
            summed = [
                sum(ndimage.correlate(c, k, mode='constant') for c, k in zip(x, ks, strict=True))
                for ks in kernel
            ]
            x = np.maximum(np.stack(summed) + bias[:, None, None], 0)
        maps.append(x / (np.sqrt((x**2).sum(axis=0)) + 1e-10))
    return maps


@pytest.mark.slow
def test_the_distance_is_that_of_loops(small, tmp_path):
    tensors, factors = vgg16(), linear()
    variables = {
        'vgg16': lpips.load_vgg16(write_vgg16(tmp_path / 'vgg.pth', tensors)),
        'lpips': lpips.load_linear(write_linear(tmp_path / 'lpips.pth', factors)),
    }
    images = RNG.uniform(0, 255, (2, 3, 32, 16, 3))
    found = jax.jit(lpips.distance)(variables, *images.astype(np.float32))
    expected = np.zeros(3)
    for n in range(3):
        pair = (of_loops(tensors, factors, image.astype(np.float64)) for image in images[:, n])
        for i, (a, b) in enumerate(zip(*pair, strict=True)):
            weight = factors[f'lin{i}.model.1.weight'][0]
            expected[n] += (weight * (a - b) ** 2).sum(axis=0).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_files_of_other_networks_are_refused(small, tmp_path):
    other = vgg16()
    other['features.5.weight'] = other['features.5.weight'][:, :2]
    with pytest.raises(
        UserError, match=r"'features.5.weight' is \[4, 2, 3, 3\], and has to be"
    ) as e:
        lpips.load_vgg16(write_vgg16(tmp_path / 'vgg.pth', other))
    assert e.value.status == DATA
    other = linear()
    del other['lin3.model.1.weight']
    with pytest.raises(UserError, match="'lin3.model.1.weight' is not there"):
        lpips.load_linear(write_linear(tmp_path / 'lpips.pth', other))


def test_both_files_are_needed_and_named_by_a_variable(tmp_path, monkeypatch):
    for one in lpips.files():
        monkeypatch.setenv(one.variable, str(tmp_path / 'none'))
    with pytest.raises(
        UserError, match=r'the weights of VGG16, which path lengths need, .*GAN_JAX_VGG16'
    ):
        lpips.check(tmp_path)
    monkeypatch.setattr(published, 'check', lambda one, data_dir: seen.append(one.network))
    seen = []
    lpips.check(tmp_path)
    assert seen == ['VGG16', 'LPIPS']
