"""Streaming from a file: the same batches as from memory, from any step, only as far as asked."""

import itertools
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc

import numpy as np
import pytest

from gan_jax.data import sampler, stream
from gan_jax.data.dataset import DataSet
from gan_jax.runtime import environment
from gan_jax.runtime.errors import DATA, DISK, UserError

N = 23  # not a multiple of a batch: an epoch leaves some images out
LABELS = np.arange(N, dtype=np.int32)[::-1].copy()


@pytest.fixture
def file(tmp_path):
    """Random images [N, 4, 4, 3], stored."""
    path = tmp_path / 'images.npy'
    np.save(path, np.random.default_rng(0).integers(0, 256, (N, 4, 4, 3), np.uint8))
    return path


@pytest.fixture
def dataset(file):
    return DataSet(np.load(file, mmap_mode='r'), LABELS, N, 'stored')


def take(dataset, count, *, seed=5, first=0, batch_size=4, rows=1):
    """The first `count` batches; the stream is closed."""
    sizes = {'batch_size': batch_size, 'rows': rows}
    batches = stream.batches(dataset, seed=seed, first=first, **sizes)
    taken = [*itertools.islice(batches, count)]
    batches.close()
    return taken


@pytest.mark.parametrize('first', [0, 3, 5, 7, 1_000_003])  # an epoch has 5 batches of 4
@pytest.mark.parametrize('rows', [1, 2, 3])
def test_a_batch_holds_the_rows_that_the_sampler_names(dataset, first, rows):
    memory = np.array(dataset.images)
    for step, batch in enumerate(take(dataset, 8, first=first, rows=rows), start=first):
        numbers = range(step * rows, (step + 1) * rows)
        index = np.stack([sampler.indices(5, n, 4, N) for n in numbers])
        assert batch.keys() == {'image', 'label', 'index'}
        np.testing.assert_array_equal(batch['index'], index)
        np.testing.assert_array_equal(batch['image'], memory[index])
        np.testing.assert_array_equal(batch['label'], LABELS[index])
        assert batch['image'].shape == (rows, 4, 4, 4, 3)
        types = [batch[name].dtype for name in ('image', 'label', 'index')]
        assert types == [np.uint8, np.int32, np.int32]
        assert type(batch['image']) is np.ndarray  # no view of the file, which may go away


def test_a_stream_that_resumes_goes_on_where_the_other_stood(dataset):
    whole, resumed = take(dataset, 14, rows=2), take(dataset, 7, first=7, rows=2)
    for one, other in zip(whole[7:], resumed, strict=True):
        np.testing.assert_array_equal(one['image'], other['image'])
        np.testing.assert_array_equal(one['label'], other['label'])


def test_two_seeds_differ(dataset):
    ((one,), (other,)) = (take(dataset, 1, seed=seed) for seed in (1, 2))
    assert (one['label'] != other['label']).any()


def test_no_labels_are_zeros(dataset):
    for batch in take(dataset._replace(labels=None, num_classes=0), 2, rows=3):
        np.testing.assert_array_equal(batch['label'], np.zeros((3, 4), np.int32))
        assert batch['label'].dtype == np.int32


# How much is read, and when it ends --------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """The numbers of the batches whose rows were asked for, in order."""
    numbers, indices = [], sampler.indices

    def recording(seed, step, batch_size, size):
        numbers.append(step)
        return indices(seed, step, batch_size, size)

    monkeypatch.setattr(sampler, 'indices', recording)
    return numbers


def test_nothing_is_skipped_through_and_little_is_read_ahead(dataset, asked):
    batches = stream.batches(dataset, seed=0, first=900, batch_size=4, rows=1)
    next(batches), next(batches)
    time.sleep(0.2)  # time enough for threads that would read on and on
    batches.close()
    ahead = 902 + stream.AHEAD
    assert {900, 901} <= {*asked} <= {*range(900, ahead)}


def test_reading_goes_on_while_the_caller_works(dataset, asked):
    batches = stream.batches(dataset, seed=0, first=0, batch_size=4, rows=1)
    next(batches)
    deadline = time.monotonic() + 30
    while stream.AHEAD not in asked and time.monotonic() < deadline:
        time.sleep(0.01)
    assert stream.AHEAD in asked
    batches.close()


def test_memory_is_that_of_a_few_batches(tmp_path):
    np.save(tmp_path / 'images.npy', np.zeros((1600, 64, 64, 3), np.uint8))  # 20 MB
    images = np.load(tmp_path / 'images.npy', mmap_mode='r')
    batches = stream.batches(
        DataSet(images, None, 0, 'zeros'), seed=0, first=0, batch_size=16, rows=1
    )
    batch = next(batches)['image'].nbytes
    tracemalloc.start()
    for _ in itertools.islice(batches, 100):
        time.sleep(0.001)  # in which threads without bounds would read on
    most = tracemalloc.get_traced_memory()[1] / batch
    tracemalloc.stop()
    batches.close()
    # Ready ones, those that are being read, and that of the caller, of an epoch's hundred.
    assert 2 < most < stream.AHEAD + stream.THREADS + 3


def prefetching():
    return [t for t in threading.enumerate() if t.name.startswith('grain-prefetch')]


@pytest.mark.parametrize('end', ['close', 'drop'])
def test_the_threads_end_with_the_stream(dataset, end):
    before = {*prefetching()}
    batches = stream.batches(dataset, seed=0, first=0, batch_size=4, rows=1)
    next(batches)
    threads = {*prefetching()} - before
    assert threads
    if end == 'close':
        batches.close()
    del batches
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_a_program_that_just_ends_says_nothing(file):
    code = f"""
        import numpy as np
        from gan_jax.data import stream
        from gan_jax.data.dataset import DataSet
        data = DataSet(np.load({str(file)!r}, mmap_mode='r'), None, 0, 'stored')
        batches = stream.batches(data, seed=0, first=0, batch_size=4, rows=1)
        print(next(batches)['image'].shape)
    """
    command = [sys.executable, '-W', 'error', '-c', textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, '(1, 4, 4, 4, 3)\n')
    assert result.stderr == ''


# What goes wrong ---------------------------------------------------------------------------------


def truncate(file):
    os.truncate(file, 500)


def replace(file):
    other = file.with_name('other.npy')
    np.save(other, np.zeros((N, 4, 4, 3), np.uint8))
    stat = file.stat()
    other.replace(file)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def overwrite(file):
    np.save(file, np.zeros((N, 4, 4, 3), np.uint8))


@pytest.mark.parametrize('change', [truncate, replace, overwrite])
def test_a_file_that_changes_ends_the_stream_with_a_sentence(file, dataset, change):
    before = {*prefetching()}
    batches = stream.batches(dataset, seed=0, first=0, batch_size=4, rows=1)
    next(batches)
    threads = {*prefetching()} - before
    time.sleep(0.01)  # so that the clock of the file system moves
    change(file)
    with pytest.raises(UserError) as caught:
        [*itertools.islice(batches, 2 * stream.AHEAD)]
    assert caught.value.status == DATA
    assert str(caught.value) == (
        f'{file} was changed while it was read: put the file back as it was and resume, or train '
        'anew on the new one'
    )
    for thread in threads:  # though `caught` still holds the frames that hold the stream
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_a_file_that_goes_away_ends_the_stream_with_a_sentence(file, dataset):
    batches = stream.batches(dataset, seed=0, first=0, batch_size=4, rows=1)
    next(batches)
    file.unlink()
    with pytest.raises(UserError, match='can no longer be read') as caught:
        [*itertools.islice(batches, 2 * stream.AHEAD)]
    assert caught.value.status == DISK and str(file) in str(caught.value)


def test_without_grain_a_sentence_names_the_extra(dataset, monkeypatch):
    monkeypatch.setitem(sys.modules, 'grain', None)
    with pytest.raises(UserError, match=re.escape(environment.install('grain'))):
        stream.batches(dataset, seed=0, first=0, batch_size=4, rows=1)


@pytest.mark.parametrize('wrong', [{'batch_size': N + 1}, {'batch_size': 0}, {'seed': -1}])
def test_arguments_out_of_range_are_refused_at_once(dataset, wrong):
    arguments = {'seed': 0, 'first': 0, 'batch_size': 4, 'rows': 1} | wrong
    with pytest.raises(ValueError, match='must'):
        stream.batches(dataset, **arguments)
