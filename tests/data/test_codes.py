"""The codes of a data set on the disk: their range, what they are made of, and when they fit."""

import json

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import autoencoder, codes, dataset, prepared, subsets
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.a_fork import autoencoders

PATH = 'tests.a_fork.autoencoders.patches'
BYTES = 'tests.a_fork.autoencoders.bytes_of_patches'
SPLITS = {split: data.load('digits', split=split) for split in ('train', 'test')}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder with the codes of the digits."""
    folder = tmp_path_factory.mktemp('encoded')
    codes.write(folder, SPLITS, PATH, autoencoders.patches())
    return folder


def attached(root, split='train', path=PATH, images=None):
    return codes.attached(images or SPLITS[split], root, split, path)


def refused(status, said, call, *given, **named):
    with pytest.raises(UserError, match=said) as caught:
        call(*given, **named)
    assert caught.value.status == status


def test_each_channel_has_the_mean_and_the_deviation_that_networks_are_made_for(root):
    found = attached(root).codes.array
    assert (found.dtype, found.shape) == (np.float16, (1437, 8, 8, 3))
    rows = found.reshape(-1, 3).astype(float)
    np.testing.assert_allclose(rows.mean(0), 0.5, atol=1e-4)
    np.testing.assert_allclose(rows.std(0), 0.25, atol=1e-4)
    assert rows.min() < 0 and rows.max() > 1  # nothing is cut off
    # In [-1, 1], where networks see images, that is a mean of 0 and a deviation of a half.


def test_offset_and_scale_lead_back_to_the_autoencoders_numbers(root):
    own = autoencoders.patches()
    for split, images in SPLITS.items():
        found = attached(root, split)
        expected = np.asarray(own.encode(own.variables, images.images.astype(np.float32) / 255))
        numbers = found.codes.offset + found.codes.scale * found.codes.array.astype(float)
        # float16 has 11 bits
        bound = 2.0**-11 * (np.abs(found.codes.array) * found.codes.scale).max()
        assert np.abs(numbers - expected).max() <= bound
        np.testing.assert_array_equal(found.images, images.images)
        np.testing.assert_array_equal(found.labels, images.labels)


def test_bytes_stay_bytes(tmp_path):
    codes.write(tmp_path, SPLITS, BYTES, autoencoders.bytes_of_patches())
    found = attached(tmp_path, path=BYTES).codes
    assert (found.array.dtype, found.offset, found.scale) == (np.uint8, (0,) * 4, (255,) * 4)
    images = SPLITS['train'].images
    np.testing.assert_array_equal(found.array[..., 3], images[:, 1::2, 1::2, 0])


def test_many_images_are_scaled_by_some_of_them_evenly_spaced(tmp_path, monkeypatch):
    monkeypatch.setattr(codes, 'SAMPLED', 10)
    codes.write(tmp_path, SPLITS, PATH, autoencoders.patches())
    found = attached(tmp_path).codes.array
    some = found[np.arange(10) * 1437 // 10].reshape(-1, 3).astype(float)
    np.testing.assert_allclose(some.mean(0), 0.5, atol=1e-3)
    np.testing.assert_allclose(some.std(0), 0.25, atol=1e-3)
    assert abs(found.astype(float).std() - 0.25) > 1e-3


@pytest.mark.parametrize(
    ('own', 'said'),
    [
        (autoencoders.blind, 'codes that are NaN or too large: check'),
        (autoencoders.constant, 'channel 3 of 4 is the same number in all codes'),
    ],
)
def test_codes_from_which_nothing_is_learned_are_refused_and_nothing_is_left(tmp_path, own, said):
    refused(DATA, f'--encode: {said}', codes.write, tmp_path, SPLITS, PATH, own())
    assert not list(tmp_path.iterdir())


def with_one_bad_code(spoilt):
    """The splits with a white image at the end of the test split, and an autoencoder for them.

    Codes are `spoilt(codes, 1 for a white image and 0 for others)`.
    """
    images = SPLITS['test'].images.copy()
    images[-1] = 255
    own = autoencoders.patches()

    def encode(variables, x):
        white = (x == 1).all((1, 2, 3))[:, None, None, None]
        return spoilt(own.encode(variables, x), white.astype(x.dtype))

    splits = {**SPLITS, 'test': SPLITS['test']._replace(images=images)}
    return splits, own._replace(encode=encode)


def test_one_bad_code_of_the_last_split_leaves_nothing(tmp_path):
    splits, bad = with_one_bad_code(lambda codes, white: codes / (1 - white))
    refused(DATA, 'NaN or too large', codes.write, tmp_path, splits, PATH, bad)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings('error')
def test_a_code_too_large_for_half_precision_is_refused_without_a_warning(tmp_path):
    splits, large = with_one_bad_code(lambda codes, white: codes + 1e6 * white)
    refused(DATA, 'NaN or too large', codes.write, tmp_path, splits, PATH, large)


def test_the_range_of_pieces_is_the_one_of_all():
    whole = np.random.default_rng(0).normal(1000, [0.5, 2, 9], (37, 4, 4, 3)).astype(np.float32)
    whole[:9] -= 50
    pieces = np.split(whole, [1, 9, 30])
    offset, scale = codes.range_of(iter(pieces))
    rows = whole.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(scale, 4 * rows.std(0), rtol=1e-9)
    np.testing.assert_allclose(offset, rows.mean(0) - 2 * rows.std(0), rtol=1e-9)


def test_absent_other_and_damaged_codes_are_refused(root, tmp_path):
    said = (
        r"images of 'digits' are not encoded in .*gan_jax.prepare --dataset=digits --encode=tests"
    )
    refused(MISSING, said, attached, tmp_path)
    refused(DATA, f'has codes of {PATH}, not of my.vae', attached, root, path='my.vae')
    larger = data.load('digits', size=32)
    refused(
        DATA, "of other images than the 32x32 of the split 'train'", attached, root, images=larger
    )
    other = SPLITS['train']._replace(images=SPLITS['train'].images[::-1])
    refused(DATA, 'of other images', attached, root, images=other)
    codes.write(tmp_path, SPLITS, PATH, autoencoders.patches())
    file = tmp_path / 'digits.codes' / 'train' / 'images.npy'
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused(DATA, 'missing or damaged', attached, tmp_path)


def test_a_data_set_that_only_has_the_name_of_codes_is_none(tmp_path):
    pieces = [codes.Piece('train', 'images', SPLITS['train'].images[:2])]
    prepared.write_prepared(tmp_path / 'digits.codes', pieces, {}, num_classes=0)
    assert codes.record_of(tmp_path, 'digits') is None


def test_codes_are_no_images(root):
    """A data set by the name of the folder would train on float16 as if it were bytes."""
    said = r"is no data set but codes of one: name the data set 'digits'"
    refused(DATA, said, data.load, 'digits.codes', root)
    assert 'digits.codes' not in data.prepared_in(root)


def test_large_codes_stay_on_the_disk(root, monkeypatch):
    monkeypatch.setattr(prepared, 'MEMORY', 1000)
    seen = dataset.as_seen(attached(root))
    assert dataset.on_disk(seen) and seen.images.dtype == np.float16
    assert not dataset.on_disk(attached(root))


def test_a_part_of_a_data_set_has_its_codes(root):
    whole = attached(root)
    part, indices = subsets.subset(whole, 0.1, 3)
    assert 100 < len(indices) < 200
    np.testing.assert_array_equal(part.codes.array, whole.codes.array[indices])
    np.testing.assert_array_equal(dataset.as_seen(part).images, part.codes.array)


def test_a_part_whose_codes_do_not_fit_in_memory_is_refused(root, monkeypatch):
    monkeypatch.setattr(prepared, 'MEMORY', 1000)
    whole = attached(root)
    monkeypatch.setattr(subsets, 'MEMORY', 8 * 8 * 3 * 2 * 140)
    with pytest.raises(UserError, match="fraction 0.1 of 'digits' is 0.0 GB, more than is held"):
        subsets.subset(whole, 0.1, 3)
    assert len(subsets.subset(whole, 0.05, 3)[1])


def test_the_digest_of_a_run_knows_codes_and_how_they_are_decoded_and_metrics_do_not(root):
    whole = attached(root)
    bare = whole._replace(codes=None)
    assert dataset.training_digest(bare) == dataset.digest(bare) == dataset.digest(whole)
    array, offset, *_ = whole.codes
    moved = whole.codes._replace(offset=(0.0, *offset[1:]))
    weights = whole.codes._replace(variables='other')
    pixels = whole.codes._replace(array=array + np.float16(1))
    digests = [
        dataset.training_digest(whole._replace(codes=one))
        for one in (None, whole.codes, moved, weights, pixels)
    ]
    assert len({*digests}) == 5
    labels = whole._replace(labels=whole.labels[::-1])
    assert dataset.training_digest(labels) not in digests


def test_a_record_is_json_and_complete(root):
    record = dataset.codes_record(attached(root))
    assert json.loads(json.dumps(record)) == {
        **record,
        **{k: [*record[k]] for k in codes.Range._fields},
    }
    assert (record['image'], record['code']) == ([16, 16, 1], [8, 8, 3])
    assert record['variables'] == autoencoder.digest(autoencoders.patches())
    assert dataset.codes_record(SPLITS['train']) is None
