"""Vision transformers against loops in NumPy, with weights from files of the true formats."""

import functools

import jax
import numpy as np
import pytest
from scipy.special import erf

from gan_jax import data
from gan_jax.data import prepared
from gan_jax.evaluate import (
    clip,
    dinov2,
    extractor,
    lpips,
    pretrained,
    published,
    scores,
    vit,
    weights,
)
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.names import parse_score
from gan_jax.runtime.errors import DATA, UserError
from tests.evaluate.torch_files import StateDict, tensor, torchscript, write_zip

RNG = np.random.default_rng(0)
NET = vit.Net(width=8, layers=2, heads=2, patch=4)
STORED, SIDE, OUT = 3, 8, 5  # 3×3 positions in the file, 2×2 patches in an image


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def blocks(prefix, names, width=8, layers=2):
    """The tensors of all blocks; `names` are of norm, qkv, out, norm, fc, fc."""
    first, qkv, out, second, fc_1, fc_2 = names
    of = {
        **{f'{name}.weight': (width,) for name in (first, second)},
        **{f'{name}.bias': (width,) for name in (first, second)},
        f'{qkv}weight': (3 * width, width),
        f'{qkv}bias': (3 * width,),
        f'{out}.weight': (width, width),
        f'{out}.bias': (width,),
        f'{fc_1}.weight': (4 * width, width),
        f'{fc_1}.bias': (4 * width,),
        f'{fc_2}.weight': (width, 4 * width),
        f'{fc_2}.bias': (width,),
    }
    return {f'{prefix}.{i}.{k}': normal(*shape) for i in range(layers) for k, shape in of.items()}


DINO = ('norm1', 'attn.qkv.', 'attn.proj', 'norm2', 'mlp.fc1', 'mlp.fc2')
CLIP = ('ln_1', 'attn.in_proj_', 'attn.out_proj', 'ln_2', 'mlp.c_fc', 'mlp.c_proj')


def dino_tensors():
    return {
        'cls_token': normal(1, 1, 8),
        'pos_embed': normal(1, 1 + STORED**2, 8),
        'mask_token': normal(1, 8),
        'patch_embed.proj.weight': normal(8, 3, 4, 4),
        'patch_embed.proj.bias': normal(8),
        **blocks('blocks', DINO),
        **{f'blocks.{i}.ls{j}.gamma': normal(8) for i in range(2) for j in (1, 2)},
        'norm.weight': normal(8),
        'norm.bias': normal(8),
    }


def clip_tensors():
    return {
        'visual.class_embedding': normal(8),
        'visual.positional_embedding': normal(5, 8),
        'visual.proj': normal(8, OUT).astype(np.float16),
        'visual.conv1.weight': normal(8, 3, 4, 4).astype(np.float16),
        **{f'visual.{norm}.{k}': normal(8) for norm in ('ln_pre', 'ln_post') for k in LEAVES},
        **blocks('visual.transformer.resblocks', CLIP),
        'transformer.resblocks.0.ln_1.weight': normal(3),  # of the text
        'logit_scale': normal(1),
    }


LEAVES = ('weight', 'bias')


def reference(tensors, names, prefix, image, positions, first, *, epsilon, quick):
    """The class token [8] after all blocks, of one image, written out in float64."""
    t = {name: x.astype(np.float64) for name, x in tensors.items()}
    kernel = t[f'{first}.weight']
    bias = t.get(f'{first}.bias', 0)
    tokens = [
        np.einsum('fcij,ijc->f', kernel, image[4 * i : 4 * i + 4, 4 * j : 4 * j + 4]) + bias
        for i in range(2)
        for j in range(2)
    ]
    cls = t['cls_token'][0, 0] if 'cls_token' in t else t['visual.class_embedding']
    x = np.stack([cls, *tokens]) + positions

    def norm(x, name):
        deviation = np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
        x = (x - x.mean(axis=1, keepdims=True)) / deviation
        return x * t[f'{name}.weight'] + t[f'{name}.bias']

    if 'visual.ln_pre.weight' in t:
        x = norm(x, 'visual.ln_pre')
    for i in range(2):
        norm_1, qkv, out, norm_2, fc_1, fc_2 = (f'{prefix}.{i}.{name}' for name in names)
        three = norm(x, norm_1) @ t[f'{qkv}weight'].T + t[f'{qkv}bias']
        heads = []
        for h in range(2):
            q, k, v = (three[:, 8 * part + 4 * h : 8 * part + 4 * h + 4] for part in range(3))
            shares = np.exp(q @ k.T / 2)
            heads.append(shares / shares.sum(axis=1, keepdims=True) @ v)
        y = np.concatenate(heads, axis=1) @ t[f'{out}.weight'].T + t[f'{out}.bias']
        x = x + y * t.get(f'{prefix}.{i}.ls1.gamma', 1)
        y = norm(x, norm_2) @ t[f'{fc_1}.weight'].T + t[f'{fc_1}.bias']
        y = y / (1 + np.exp(-1.702 * y)) if quick else y * (1 + erf(y / np.sqrt(2))) / 2
        y = y @ t[f'{fc_2}.weight'].T + t[f'{fc_2}.bias']
        x = x + y * t.get(f'{prefix}.{i}.ls2.gamma', 1)
    return norm(x[:1], 'norm' if 'norm.weight' in t else 'visual.ln_post')[0]


def zipped(path, tensors):
    return write_zip(path, StateDict({k: tensor(x, k) for k, x in tensors.items()}))


def features(net, variables, images):
    return jax.jit(functools.partial(vit.class_features, net))(variables, images)


def test_dinov2_is_that_of_loops(tmp_path):
    tensors, images = dino_tensors(), normal(2, SIDE, SIDE, 3)
    variables = dinov2.load(zipped(tmp_path / 'w', tensors), net=NET, stored=STORED, side=SIDE)
    stored = tensors['pos_embed'][0]
    positions = np.concatenate([stored[:1], vit.resized_positions(stored[1:], 2)])
    options = {'epsilon': 1e-6, 'quick': False}
    of = functools.partial(reference, tensors, DINO, 'blocks')
    expected = [of(image, positions, 'patch_embed.proj', **options) for image in images]
    np.testing.assert_allclose(features(NET, variables, images), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_clip_is_that_of_loops_and_is_read_from_its_archive(tmp_path):
    net = NET._replace(quick=True, epsilon=1e-5)
    tensors, images = clip_tensors(), normal(2, SIDE, SIDE, 3)
    path = torchscript(tmp_path / 'ViT.pt', tensors, root='ViT-B-32')
    variables = clip.load(path, net=net, side=SIDE, out=OUT)
    of = functools.partial(reference, tensors, CLIP, 'visual.transformer.resblocks')
    positions = tensors['visual.positional_embedding']
    options = {'epsilon': 1e-5, 'quick': True}
    tokens = [of(image, positions, 'visual.conv1', **options) for image in images]
    expected = np.stack(tokens) @ tensors['visual.proj'].astype(np.float64)
    np.testing.assert_allclose(features(net, variables, images), expected, rtol=1e-3, atol=1e-4)


def test_files_of_other_networks_are_refused(tmp_path):
    other = dino_tensors()
    other['blocks.1.mlp.fc1.weight'] = other['blocks.1.mlp.fc1.weight'][:16]
    load = functools.partial(dinov2.load, net=NET, stored=STORED, side=SIDE)
    with pytest.raises(UserError, match=r"'blocks.1.mlp.fc1.weight' is \[16, 8\], and has") as e:
        load(zipped(tmp_path / 'w', other))
    assert e.value.status == DATA
    del other['pos_embed']
    with pytest.raises(UserError, match="'pos_embed' is not there"):
        load(zipped(tmp_path / 'w', other))


# Positions ---------------------------------------------------------------------------------------


def cubic(x, a=-0.75):
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


@pytest.mark.parametrize('offset', [0.0, 0.1])
def test_positions_are_interpolated_as_in_loops(offset):
    grid = RNG.normal(size=(5, 5, 2))
    found = vit.resized_positions(grid.reshape(25, 2), 3, offset=offset).reshape(3, 3, 2)
    at = [(i + 0.5) * 5 / (3 + offset) - 0.5 for i in range(3)]
    for i, y in enumerate(at):
        for j, x in enumerate(at):
            expected = sum(
                cubic(y - a) * cubic(x - b) * grid[np.clip(a, 0, 4), np.clip(b, 0, 4)]
                for a in range(int(np.floor(y)) - 1, int(np.floor(y)) + 3)
                for b in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3)
            )
            np.testing.assert_allclose(found[i, j], expected, rtol=1e-5, atol=1e-6)


def test_positions_of_37_patches_for_16():
    ramp = np.broadcast_to(np.arange(37.0)[:, None, None], (37, 37, 1)).reshape(-1, 1)
    found = vit.resized_positions(ramp, 16).reshape(16, 16)
    places = (np.arange(16) + 0.5) * 37 / 16.1 - 0.5
    np.testing.assert_allclose(found[1:-1, 3], places[1:-1], atol=0.1)  # not linear at a = -0.75
    np.testing.assert_allclose(vit.resized_positions(ramp, 37, offset=0), ramp, atol=1e-5)


def test_patches_go_row_by_row():
    images = np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3)
    found = np.asarray(vit.patches(images, 2))
    assert found.shape == (2, 6, 12)
    np.testing.assert_array_equal(found[1, 4], images[1, 2:4, 2:4].ravel())


# As extractors -----------------------------------------------------------------------------------


@pytest.mark.parametrize('name', pretrained.TRANSFORMERS)
def test_the_published_networks_have_their_sizes(name):
    """The bytes of the file are four for each number and some for names."""
    one = pretrained.TRANSFORMERS[name]
    assert len(one.weights.file.sha256) == 64 and name in one.weights.file.url + clip.NAME
    width, layers, patch = one.net.width, one.net.layers, one.net.patch
    block = 12 * width**2 + 13 * width + (2 * width if 'dino' in name else 0)
    stored = 37**2 if 'dino' in name else 7**2
    count = layers * block + (3 * patch**2 + stored + 1 + 1) * width + 2 * width
    if 'dino' in name:
        count += 2 * width  # a bias of patches, and the token of masks
        assert 0 < one.weights.file.size - 4 * count < 150_000
    assert one.width == {384: 384, 1024: 1024}.get(width, 512 if 'clip' in name else 768)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A transformer of 8 features in the place of DINOv2's smallest."""
    tensors = dino_tensors()
    path = zipped(tmp_path / 'w.pth', tensors)
    load = functools.partial(dinov2.load, net=NET, stored=STORED, side=SIDE)
    name = 'dinov2_vits14'
    one = pretrained.TRANSFORMERS[name]._replace(net=NET, width=8, side=SIDE)
    monkeypatch.setitem(pretrained.TRANSFORMERS, name, one)
    monkeypatch.setitem(pretrained.WIDTHS, name, 8)
    monkeypatch.setattr(published, 'variables_of', lambda weights, data_dir: load(path))
    monkeypatch.setattr(published, 'check', lambda weights, data_dir: None)
    return name, tensors


@pytest.mark.slow
def test_images_are_resized_normalised_and_shown_in_three_channels(tiny):
    name, tensors = tiny
    of = extractor.of_name(name, pretrained.variables_of)
    images = RNG.integers(0, 256, (70, SIDE, SIDE, 1)).astype(np.uint8)
    found = of.extract(images)
    assert found.features.shape == (70, 8) and found.probs is None
    mean, deviation = np.array(dinov2.MEAN), np.array(dinov2.DEVIATION)
    shown = (np.repeat(images, 3, 3) / 255 - mean) / deviation
    stored = tensors['pos_embed'][0]
    positions = np.concatenate([stored[:1], vit.resized_positions(stored[1:], 2)])
    of_one = functools.partial(reference, tensors, DINO, 'blocks', epsilon=1e-6, quick=False)
    for i in (0, 69):
        expected = of_one(shown[i], positions, 'patch_embed.proj')
        np.testing.assert_allclose(found.features[i], expected, rtol=1e-3, atol=1e-4)
    larger = np.repeat(np.repeat(images[:3], 2, 1), 2, 2)
    assert np.abs(of.extract(larger).features - found.features[:3]).max() > 0
    assert of.extract(larger).features.shape == (3, 8)
    assert of.metadata['name'] == name and len(of.metadata['weights_sha256']) == 64


def test_a_score_is_measured_in_them(tiny, tmp_path):
    given = extractor_context(tmp_path)
    name, _ = tiny
    asked = [f'fd40_test@{name}', f'kd9_train@{name}']
    for check in scores.checks(asked, given):
        check()
    images = given.train.images[:40]
    values = scores.prepare(asked, given).measure(images, None, None)
    assert values[asked[0]] > 0 and asked[1] in values
    assert parse_score(asked[0]).extractor == name


def test_fewer_images_than_features_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(published, 'check', lambda weights, data_dir: None)
    with pytest.raises(UserError, match='1,000 images in 1,024 features'):
        for check in scores.checks(['fd1k_test@dinov2_vitl14'], extractor_context(tmp_path)):
            check()


def test_no_data_set_shares_a_folder_with_weights():
    every = [*(one.weights for one in pretrained.TRANSFORMERS.values()), *lpips.files()]
    folders = [one.folder for one in [*every, weights._weights()]]
    assert {*folders} <= {*prepared.RESERVED} and len({*folders}) == 7
    assert not any(map(prepared.can_name, folders)) and prepared.can_name('photos.2')


def test_a_file_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('GAN_JAX_CLIP_VITB32', str(tmp_path / 'none.pt'))
    with pytest.raises(UserError, match='of clip_vitb32, which scores of @clip_vitb32 need'):
        pretrained.check('clip_vitb32', tmp_path)


def extractor_context(tmp_path):
    train, test = (data.load('digits', split=split) for split in ('train', 'test'))
    return Context(train, lambda: test, train, None, num=9, data_dir=tmp_path)
