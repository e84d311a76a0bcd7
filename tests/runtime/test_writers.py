"""The terminal, and several writers as one."""

import numpy as np

from gan_jax.run import log
from gan_jax.runtime.writers import TerminalWriter, Writers


def test_plain_lines_when_nobody_watches(capsys):
    writer = TerminalWriter(100, 0)
    writer.write_scalars(20, {'d/hinge/real': 0.51234, 'time/step': 0.1})
    writer.close()
    assert capsys.readouterr().out == 'step 20/100  d/hinge/real 0.512  step 0.1\n'


def test_a_line_says_how_long_it_takes_once_that_is_measured(capsys):
    writer = TerminalWriter(1000, 0)
    for step, pace in ((10, {}), (20, {'time/seconds_per_step': 0.5}), (1000, {'time/s': 0.5})):
        writer.write_scalars(step, {'a': 1.0, **pace})
    first, second, last = capsys.readouterr().out.splitlines()
    assert second == 'step 20/1000  a 1  seconds_per_step 0.5  about 8 min left'
    assert 'left' not in first + last


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
    writers = Writers([log.Log(tmp_path / 'm.jsonl', -1), pictures])
    writers.write_images(4, {'a': np.zeros((1, 2, 2, 1), np.uint8)})
    writers.write_scalars(4, {'a': 1})
    writers.close()
    assert pictures.seen[0] == 4
    assert log.read_rows(tmp_path / 'm.jsonl') == [{'step': 4, 'a': 1}]
