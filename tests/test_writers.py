"""Rows that survive an interruption, and writers whose failure does not cost the run."""

import json
from contextlib import closing

import numpy as np
import pytest

from gan_jax.writers import JsonlWriter, TensorBoardWriter, TerminalWriter, Writers


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_row_starts_with_its_step(tmp_path):
    with closing(JsonlWriter(tmp_path / 'm.jsonl', -1)) as writer:
        writer.write_scalars(3, {'a': 0.1, 'b': 2})
        assert (tmp_path / 'm.jsonl').read_text() == '{"step": 3, "a": 0.1, "b": 2}\n'  # flushed


def test_numbers_that_are_not_finite_are_null(tmp_path):
    with closing(JsonlWriter(tmp_path / 'm.jsonl', -1)) as writer:
        writer.write_scalars(0, {'a': float('nan'), 'b': float('inf')})
    assert lines(tmp_path / 'm.jsonl') == [{'step': 0, 'a': None, 'b': None}]


@pytest.mark.parametrize(
    ('since', 'kept'), [(-1, []), (0, [0]), (5, [0, 5]), (7, [0, 5]), (9, [0, 5, 9])]
)
def test_rows_after_the_checkpoint_are_dropped(since, kept, tmp_path):
    path = tmp_path / 'm.jsonl'
    path.write_text('{"step": 0}\n{"step": 5}\n{"step": 9}\n')
    JsonlWriter(path, since).close()
    assert [row['step'] for row in lines(path)] == kept


@pytest.mark.parametrize('torn', ['{"step": 6, "a', '{"step": 6}', 'null\n', '[]\n', '{}\n'])
def test_a_torn_or_foreign_last_line_is_dropped(torn, tmp_path):
    path = tmp_path / 'm.jsonl'
    path.write_text('{"step": 5}\n' + torn)
    with closing(JsonlWriter(path, 100)) as writer:
        writer.write_scalars(6, {'a': 1})
    assert lines(path) == [{'step': 5}, {'step': 6, 'a': 1}]


def test_a_failing_tensorboard_disk_costs_one_warning(tmp_path, monkeypatch, capsys):
    writer = TensorBoardWriter(tmp_path, -1)

    def full(*arguments, **options):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(writer._writer, 'add_scalar', full)
    writer.write_scalars(1, {'a': 1.0})
    writer.write_scalars(2, {'a': 1.0})
    assert capsys.readouterr().err.count('No space left on device') == 1
    writer.close()


def test_plain_lines_when_nobody_watches(capsys):
    writer = TerminalWriter(100, 0)
    writer.write_scalars(20, {'d/hinge/real': 0.51234, 'time/step': 0.1})
    writer.close()
    assert capsys.readouterr().out == 'step 20/100  d/hinge/real 0.512  step 0.1\n'


def test_a_live_bar_shows_losses_and_the_time_left(monkeypatch, capsys):
    monkeypatch.setenv('FORCE_COLOR', '1')
    monkeypatch.setenv('COLUMNS', '160')
    writer = TerminalWriter(100, 0)
    writer.write_scalars(20, {'d/hinge/real': 0.51234, 'time/images_per_second': 642.0})
    writer.close()
    said = capsys.readouterr().out
    assert '20/100' in said and 'd/hinge/real 0.512' in said and '642 images/s' in said


def test_several_writers_are_one_and_each_takes_what_it_knows(tmp_path):
    class Pictures:
        seen = None

        def write_images(self, step, images):
            self.seen = step, images

    pictures = Pictures()
    writers = Writers([JsonlWriter(tmp_path / 'm.jsonl', -1), pictures])
    writers.write_images(4, {'a': np.zeros((1, 2, 2, 1), np.uint8)})
    writers.write_scalars(4, {'a': 1})
    writers.close()
    assert pictures.seen[0] == 4
    assert lines(tmp_path / 'm.jsonl') == [{'step': 4, 'a': 1}]
