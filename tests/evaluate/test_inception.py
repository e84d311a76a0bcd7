"""Inception: shapes, quirks and weights. `tests/oracle` compares it with the public one."""

import contextlib
import functools

import flax.linen as nn
import jax
import numpy as np
import pytest

from gan_jax.data.archives.download import sha256_of
from gan_jax.data.archives.table import File
from gan_jax.evaluate import inception, interpolate, published, weights
from gan_jax.runtime.errors import DATA, UNAVAILABLE, UserError
from tests.evaluate.torch_files import StateDict, tensor, write_legacy, write_zip
from tests.oracle.made import random_weights

IMAGES = jax.ShapeDtypeStruct((2, 299, 299, 3), np.float32)


@functools.cache
def state():
    return random_weights()


def as_file(path, arrays, write=write_legacy):
    return write(path, StateDict({k: tensor(x, str(i)) for i, (k, x) in enumerate(arrays.items())}))


@pytest.mark.slow
def test_shapes_and_count():
    net = inception.Inception()
    variables = jax.eval_shape(net.init, jax.random.key(0), IMAGES)
    assert sum(np.prod(x.shape) for x in jax.tree.leaves(variables)) == 23_885_392
    found = jax.eval_shape(net.apply, variables, IMAGES)
    widths = {name: found[name].shape[1] for name in inception.LAYERS}
    assert [*widths.values()] == [64, 192, 768, 2048, 1008, 1008] and len(found) == 6


def test_the_mean_does_not_count_padding_and_the_last_block_takes_the_maximum():
    ones = np.ones((1, 8, 8, 3), np.float32)
    np.testing.assert_allclose(inception._mean_pool(ones), ones, rtol=1e-6)
    ramp = np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1)
    assert inception._max_pool(ramp)[0, 0, 0, 0] == 9 and inception._max_pool(ramp)[0, 7, 7] == 63
    calls = []

    def watched(next_call, args, kwargs, context):
        if isinstance(context.module, inception._MixedE) and context.method_name == '__call__':
            calls.append((context.module.name, context.module.pool))
        return next_call(*args, **kwargs)

    with nn.intercept_methods(watched):
        jax.eval_shape(inception.Inception().init, jax.random.key(0), IMAGES)
    assert calls == [('Mixed_7b', inception._mean_pool), ('Mixed_7c', inception._max_pool)]


def test_clean_images_stay_in_the_range_of_pixels(monkeypatch):
    """The cubic overshoots at an edge, and clean-fid cuts that off."""
    edge = np.zeros((1, 8, 8, 1), np.uint8)
    edge[:, :, 4:] = 255
    rows = interpolate.matrix('clean', 8, 299) @ edge[0, 0, :, 0]
    assert rows.min() < -5 and rows.max() > 260

    class Seen:
        def apply(self, variables, images):
            return {'2048': images}

    monkeypatch.setattr(inception, 'Inception', Seen)
    for kind in ('clean', 'tf1'):
        seen = inception.features({}, edge, interpolation=kind, layers=['2048'])['2048']
        assert (float(seen.min()), float(seen.max())) == pytest.approx((-1, 127 / 128), abs=1e-5)


# The convolutions of the published file, by block.
STEM = 'Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 Conv2d_3b_1x1 Conv2d_4a_3x3'
BRANCHES = {
    '5b 5c 5d': '1x1 5x5_1 5x5_2 3x3dbl_1 3x3dbl_2 3x3dbl_3 _pool',
    '6a': '3x3 3x3dbl_1 3x3dbl_2 3x3dbl_3',
    '6b 6c 6d 6e': '1x1 7x7_1 7x7_2 7x7_3 7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5 _pool',
    '7a': '3x3_1 3x3_2 7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4',
    '7b 7c': '1x1 3x3_1 3x3_2a 3x3_2b 3x3dbl_1 3x3dbl_2 3x3dbl_3a 3x3dbl_3b _pool',
}


def test_every_convolution_has_the_name_that_it_has_in_the_published_file():
    """`random_weights` takes its names from the network, and would follow it in any other."""
    expected = {*STEM.split()} | {
        f'Mixed_{block}.branch{branch}'
        for blocks, branches in BRANCHES.items()
        for block in blocks.split()
        for branch in branches.split()
    }
    assert len(expected) == 94
    found = {name.removesuffix('.conv.weight') for name in state() if name.endswith('conv.weight')}
    assert found == expected


@pytest.mark.parametrize('write', [write_legacy, write_zip])
def test_every_tensor_goes_to_its_place(write, tmp_path):
    found = inception.load(as_file(tmp_path / 'w.pth', state(), write))
    params, stats = found['params'], found['batch_stats']
    name = 'Mixed_6e.branch7x7dbl_2'
    ours = params['Mixed_6e']['branch7x7dbl_2']
    kernel = state()[f'{name}.conv.weight']
    assert kernel.shape == (192, 192, 7, 1)
    np.testing.assert_array_equal(ours['conv']['kernel'], kernel.transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(ours['bn']['scale'], state()[f'{name}.bn.weight'])
    np.testing.assert_array_equal(ours['bn']['bias'], state()[f'{name}.bn.bias'])
    seen = stats['Mixed_6e']['branch7x7dbl_2']['bn']
    np.testing.assert_array_equal(seen['mean'], state()[f'{name}.bn.running_mean'])
    np.testing.assert_array_equal(seen['var'], state()[f'{name}.bn.running_var'])
    np.testing.assert_array_equal(params['fc']['kernel'], state()['fc.weight'].T)
    np.testing.assert_array_equal(params['fc_bias'], state()['fc.bias'])
    assert sum(x.size for x in jax.tree.leaves(found)) == 23_885_392


def test_other_networks_are_refused(tmp_path):
    other = dict(state())
    other['fc.weight'] = other['fc.weight'][:1000]
    with pytest.raises(UserError, match=r"'fc.weight' is \[1000, 2048\], which does not fit") as e:
        inception.load(as_file(tmp_path / 'w.pth', other))
    assert e.value.status == DATA
    del other['fc.weight']
    with pytest.raises(UserError, match="has no 'fc.weight': it is not the Inception"):
        inception.load(as_file(tmp_path / 'w.pth', other))


def test_grey_images_are_shown_in_three_channels_and_only_what_is_asked_is_given():
    shapes = jax.eval_shape(inception.Inception().init, jax.random.key(0), IMAGES)
    features = functools.partial(inception.features, interpolation='tf1', layers=('2048',))
    found = jax.eval_shape(features, shapes, jax.ShapeDtypeStruct((2, 16, 16, 1), np.uint8))
    assert {name: x.shape for name, x in found.items()} == {'2048': (2, 2048)}


# The published file ------------------------------------------------------------------------------


TINY = {'params': {'fc': {'kernel': np.arange(6.0).reshape(2, 3)}, 'fc_bias': np.ones(3)}}


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A published file at an address that can be fetched from, for a network of two arrays."""
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(inception, 'load', lambda path: TINY)
    path = tmp_path / 'release.pth'
    path.write_bytes(bytes(range(200)))
    sha256 = sha256_of(path)
    file = File('inception.pth', 200, sha256, path.as_uri())
    monkeypatch.setattr(weights, 'PUBLISHED', file)
    return path


def equal(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_it_is_downloaded_once_and_kept_as_arrays(release, tmp_path):
    assert equal(weights.published(tmp_path), TINY)
    (kept,) = (tmp_path / 'inception').iterdir()
    assert kept.name == f'{weights.PUBLISHED.sha256[:16]}.npz'
    release.unlink()
    assert equal(weights.published(tmp_path), TINY)


def test_a_damaged_copy_is_fetched_again(release, tmp_path):
    weights.published(tmp_path)
    (kept,) = (tmp_path / 'inception').iterdir()
    whole = kept.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        whole[:-100],
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        b'',
    ):
        kept.write_bytes(damaged)
        assert equal(weights.published(tmp_path), TINY)
        assert kept.read_bytes() == whole


def test_arrays_of_another_making_are_not_taken(release, tmp_path):
    weights.published(tmp_path)
    (kept,) = (tmp_path / 'inception').iterdir()
    np.savez(kept, **{'params/fc_bias': np.zeros(1008, np.float32)})
    assert equal(weights.published(tmp_path), TINY)


def refused(folder):
    with pytest.raises(UserError) as caught:
        weights.published(folder)
    assert caught.value.status == UNAVAILABLE
    assert weights.PUBLISHED.url in str(caught.value) and '\n' not in str(caught.value)
    assert not list(folder.glob('inception/*.npz'))
    return str(caught.value)


def test_without_a_network_it_says_where_from_and_where_to(release, tmp_path, monkeypatch):
    monkeypatch.setattr('gan_jax.data.archives.download.WAIT', 0)
    release.unlink()
    assert f'set ${weights.VARIABLE} to its path' in refused(tmp_path)


def test_a_file_with_another_sum_is_refused_before_it_is_read(release, tmp_path, monkeypatch):
    monkeypatch.setattr(inception, 'load', lambda path: pytest.fail('it was read'))
    content = release.read_bytes()
    release.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert 'is not the published file' in refused(tmp_path)
    monkeypatch.setenv(weights.VARIABLE, str(release))
    assert f'{release} is another file than the published one' in refused(tmp_path)
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / 'nothing.pth'))
    assert 'nothing.pth, which is no file' in refused(tmp_path)


def test_a_check_reads_no_file(release, tmp_path, monkeypatch):
    weights.published(tmp_path)
    for name in ('sha256_of', 'arrays'):
        monkeypatch.setattr(published, name, None)
    weights.check(tmp_path)
    (kept,) = (tmp_path / 'inception').iterdir()
    kept.rename(kept.with_name(weights.PUBLISHED.name))
    weights.check(tmp_path)
    monkeypatch.setenv(weights.VARIABLE, str(release))
    weights.check(tmp_path)
    release.write_bytes(b'torn')
    with pytest.raises(UserError, match=r'is another file than the published one \(4 bytes\)'):
        weights.check(tmp_path)


def test_a_download_shows_its_progress_and_ends_at_a_signal(release, tmp_path, monkeypatch):
    seen = []

    @contextlib.contextmanager
    def bar(what):
        def tick(done, total):
            seen.append((what, done, total))
            raise KeyboardInterrupt

        yield tick

    monkeypatch.setattr(published, 'bar', bar)
    with pytest.raises(KeyboardInterrupt):
        weights.published(tmp_path)
    assert seen == [('inception.pth', 0, 0)]


def test_the_variable_goes_before_the_folder(release, tmp_path, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, str(release))
    assert equal(weights.published(tmp_path / 'none'), TINY)
    assert not (tmp_path / 'none').exists()
