"""Kept references: taken for the same content alone, and made again whenever in doubt."""

import contextlib

import numpy as np
import pytest

from gan_jax.data import DataSet
from gan_jax.evaluate import arrays, frechet, references
from gan_jax.evaluate import extractor as extractor_module
from gan_jax.evaluate.extractor import Extractor, Features

FACTS = {'name': 'sums', 'weights_sha256': 'none'}


def dataset(name='a', changed=False):
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)
    images[17, 2, 3, 1] ^= changed
    return DataSet(images, np.arange(50, dtype=np.int32) % 5, 5, name)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def extractor(calls):
    def see(images):
        calls.append(len(images))
        return Features(images.reshape(len(images), 4, 12).sum(axis=2, dtype=np.float32), None)

    return Extractor(see, FACTS)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(extractor_module, 'CHUNK', 20)


def entries(folder):
    return sorted((folder / 'references').iterdir())


def test_the_second_time_nothing_is_computed(extractor, calls, tmp_path):
    told = []

    @contextlib.contextmanager
    def progress(what):
        told.append(what)
        yield lambda *at: told.append(at)

    first = references.features(dataset(), extractor, tmp_path, progress)
    assert calls == [20, 20, 10]
    assert told == ['sums: 50 real images', (20, 50), (40, 50), (50, 50)]
    expected = dataset().images.reshape(50, 4, 12).sum(axis=2, dtype=np.float32)
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(references.features(dataset(), extractor, tmp_path), expected)
    assert len(calls) == 3


def test_moments_are_those_of_all_images(extractor, calls, tmp_path):
    expected = frechet.moments(dataset().images.reshape(50, 4, 12).sum(axis=2, dtype=np.float64))
    for _ in range(2):
        found = references.moments(dataset(), extractor, tmp_path)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)
    assert len(calls) == 3


def test_moments_come_from_kept_features_with_the_same_bits(extractor, calls, tmp_path):
    alone = references.moments(dataset(), extractor, tmp_path / 'a')
    references.features(dataset(), extractor, tmp_path / 'b')
    calls.clear()
    found = references.moments(dataset(), extractor, tmp_path / 'b')
    assert not calls
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_renamed_data_set_is_found_and_one_changed_pixel_is_not(extractor, calls, tmp_path):
    references.moments(dataset('a'), extractor, tmp_path)
    references.moments(dataset('b'), extractor, tmp_path)
    assert len(calls) == 3 and len(entries(tmp_path)) == 1
    references.moments(dataset(changed=True), extractor, tmp_path)
    assert len(calls) == 6 and len(entries(tmp_path)) == 2


def test_another_extractor_or_version_is_another_entry(extractor, calls, tmp_path, monkeypatch):
    references.moments(dataset(), extractor, tmp_path)
    for key in FACTS:
        other = extractor._replace(metadata={**FACTS, key: 'other'})
        references.moments(dataset(), other, tmp_path)
    monkeypatch.setattr(references, 'VERSION', 2)
    references.moments(dataset(), extractor, tmp_path)
    references.features(dataset(), extractor, tmp_path)
    assert len(entries(tmp_path)) == 5 and len(calls) == 15


def test_a_torn_a_changed_and_a_foreign_entry_are_made_again(extractor, calls, tmp_path):
    mean, _ = references.moments(dataset(), extractor, tmp_path)
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    at = whole.index(mean.tobytes())
    flipped = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
    for damaged in (whole[: len(whole) // 2], flipped, b''):
        entry.write_bytes(damaged)
        calls.clear()
        references.moments(dataset(), extractor, tmp_path)
        assert len(calls) == 3 and entry.read_bytes() == whole
    # Well formed, and of other images: somebody has copied it here.
    references.moments(dataset(changed=True), extractor, tmp_path)
    (other,) = set(entries(tmp_path)) - {entry}
    entry.write_bytes(other.read_bytes())
    calls.clear()
    references.moments(dataset(), extractor, tmp_path)
    assert len(calls) == 3


def test_arrays_of_objects_are_not_loaded(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (tmp_path / 'was_here').touch, ()

    path = tmp_path / 'x.npz'
    np.savez(path, mean=np.array([Hostile()], dtype=object), digest=np.array('0'))
    assert arrays.read_arrays(path, {}) is None
    assert not (tmp_path / 'was_here').exists()


def test_where_nothing_can_be_written_the_numbers_are_given_all_the_same(
    extractor, calls, tmp_path, capsys
):
    (tmp_path / 'file').write_text('in the way')
    references.moments(dataset(), extractor, tmp_path / 'file')
    assert len(calls) == 3
    assert 'keeps no references' in capsys.readouterr().err


def test_arrays_come_back_as_they_were(tmp_path):
    kept = {'a': np.arange(6.0).reshape(2, 3).T, 'b': np.array(3, np.int64), 'c': np.zeros((0, 2))}
    arrays.write_arrays(tmp_path / 'x.npz', kept, {'of': 'this'})
    found = arrays.read_arrays(tmp_path / 'x.npz', {'of': 'this'})
    assert found.keys() == kept.keys()
    for name, array in kept.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert arrays.read_arrays(tmp_path / 'x.npz', {'of': 'that'}) is None
    assert arrays.read_arrays(tmp_path / 'y.npz', {}) is None


@pytest.mark.parametrize(
    'other',
    [
        {'a': np.array([1, 2, 3, 4, 5, 7], np.int32)},
        {'a': np.array([1, 2, 3, 4, 5, 6], np.int32).view(np.float32)},
        {'a': np.array([[1, 2, 3], [4, 5, 6]], np.int32)},
        {'b': np.zeros(0)},
    ],
)
def test_other_arrays_under_the_old_digest_are_not_taken(other, tmp_path):
    path, cache_key = tmp_path / 'x.npz', {'of': 'this'}
    arrays.write_arrays(path, {'a': np.array([1, 2, 3, 4, 5, 6], np.int32)}, cache_key)
    with np.load(path) as stored:
        kept = dict(stored)
    np.savez(path, **kept)
    assert arrays.read_arrays(path, cache_key) is not None
    np.savez(path, **kept | other)
    assert arrays.read_arrays(path, cache_key) is None
