"""TensorBoard reads what is written, and a disk that fails costs one warning."""

import contextlib
import resource
import threading

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_jax.runtime import tensorboard
from gan_jax.runtime.tensorboard import Events


def read(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


@contextlib.contextmanager
def largest_file(size):
    """No file of this process may grow beyond that many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_all_kinds_are_read_while_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, 'FLUSH', 0)
    writer = Events(tmp_path, -1)
    writer.write_hparams({'steps': 9})
    writer.write_scalars(0, {'d/hinge': 0.5})
    writer.write_scalars(3, {'d/hinge': 0.25, 'g/hinge': -1.0})
    writer.write_texts(3, {'note': 'one'})
    writer.write_images(3, {'samples': np.full((2, 4, 5, 3), 128, np.uint8)})
    found = read(tmp_path)
    assert [(e.step, e.value) for e in found.Scalars('d/hinge')] == [(0, 0.5), (3, 0.25)]
    assert [(e.step, e.value) for e in found.Scalars('g/hinge')] == [(3, -1.0)]
    assert b'"steps": 9' in found.Tensors('config/text_summary')[0].tensor_proto.string_val[0]
    assert found.Tensors('note/text_summary')[0].tensor_proto.string_val == [b'one']
    assert found.Images('samples')[0].height == 4
    writer.close()


def test_what_an_interrupted_run_wrote_later_is_hidden(tmp_path, monkeypatch):
    for number, (since, steps) in enumerate([(-1, [0, 1, 2, 3]), (1, [2, 4])]):
        monkeypatch.setattr('os.getpid', lambda number=number: number)  # as of two processes
        writer = Events(tmp_path, since)
        for step in steps:
            writer.write_scalars(step, {'a': 10 * number + step})
        writer.close()
    found = read(tmp_path).Scalars('a')
    assert [(e.step, e.value) for e in found] == [(0, 0), (1, 1), (2, 12), (4, 14)]


@pytest.mark.parametrize('size', [0, 40, 300])
def test_a_disk_that_fails_costs_one_warning_and_no_thread_waits(tmp_path, capsys, size):
    threads = threading.active_count()
    with largest_file(size):
        writer = Events(tmp_path, -1)
        for step in range(50):
            writer.write_scalars(step, {'a': 1.0, 'b': 2.0})
            writer.write_images(step, {'samples': np.zeros((1, 8, 8, 3), np.uint8)})
            assert threading.active_count() == threads
        writer.flush()
        writer.close()
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert said.startswith('gan_jax: TensorBoard events stop here: [Errno 27] File too large')


def test_a_place_that_is_no_folder_costs_one_warning(tmp_path, capsys):
    (tmp_path / 'tensorboard').write_text('')
    writer = Events(tmp_path / 'tensorboard', -1)
    writer.write_scalars(1, {'a': 1.0})
    writer.close()
    assert capsys.readouterr().err.count('TensorBoard events stop here') == 1
