"""The harness of `make faults`: guards that exist, bites that bite, verdicts that can say lost."""

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from tests import soak
from tests.edited import replaced
from tests.faults import bench, command, damage, hostile, images, verdict
from tests.faults.__main__ import ATTACKS, _trial
from tests.faults.attack import Attack, draws
from tests.faults.command import Ended


@pytest.mark.parametrize('attack', ATTACKS.values(), ids=list(ATTACKS))
def test_the_guard_of_each_attack_stands_in_the_source(attack):
    assert replaced(*attack.guard)
    assert attack.count >= 1


def test_the_trials_of_two_runs_are_the_same():
    assert draws('a', 1).random() == draws('a', 1).random()
    assert len({draws(name, i).random() for name in ATTACKS for i in range(9)}) == 9 * len(ATTACKS)


# Bites -------------------------------------------------------------------------------------------


def bite(asked, script, tmp_path):
    """The status of a small program, run as the command that is bitten."""
    (tmp_path / 'program.py').write_text(script)
    line = [sys.executable, '-m', 'tests.faults.bitten', json.dumps(asked), 'program']
    environment = {'PYTHONPATH': f'{command.ROOT}:{tmp_path}'}
    return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True).returncode


WRITES = """
import os, pathlib
folder = pathlib.Path('below')
folder.mkdir()
(folder / 'a').write_text('x' * 100)
(folder / 'a').read_text()
(folder / 'a').rename(folder / 'b')
"""


def test_a_kill_comes_at_the_operation_that_is_asked_for(tmp_path):
    for at, left in ((1, []), (2, ['below']), (3, ['below', 'below/a'])):
        folder = tmp_path / str(at)
        folder.mkdir()
        assert bite({'below': 'below', 'at': at}, WRITES, folder) == -signal.SIGKILL
        found = [str(p.relative_to(folder)) for p in folder.rglob('below*')]
        found += [f'below/{p.name}' for p in folder.glob('below/*')]
        assert found == left


def test_a_file_is_cut_in_the_midst(tmp_path):
    assert bite({'below': 'below', 'at': 2, 'bytes': 30}, WRITES, tmp_path) == -signal.SIGXFSZ
    assert (tmp_path / 'below' / 'a').read_text() == 'x' * 30


def test_operations_are_counted(tmp_path):
    asked = {'below': 'below', 'count': str(tmp_path / 'count')}
    assert bite(asked, WRITES, tmp_path) == 0
    assert (tmp_path / 'count').read_text() == '3'


def test_a_signal_comes_after_the_first_line(tmp_path):
    script = 'import time\nimport gan_jax.runtime.signals\ntime.sleep(20)\n'
    asked = {'signal': signal.SIGTERM, 'seconds': 0.1}
    assert bite(asked, script, tmp_path) == -signal.SIGTERM


def test_every_bite_changes_a_file(tmp_path):
    path = tmp_path / 'folder' / 'file'
    for kind in (damage.flip, damage.truncate, damage.delete):
        for seed in range(9):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b'0123456789')
            kind(path, random.Random(seed))
            assert not path.exists() or path.read_bytes() != b'0123456789'
    changed = [images._spoiled(b'0123456789' * 9, random.Random(s)) for s in range(30)]
    assert changed.count(b'0123456789' * 9) == 0


# Verdicts ----------------------------------------------------------------------------------------


def test_a_command_is_civil_or_not():
    assert not verdict.civil(Ended(0, 'done', ''), (0,))
    assert not verdict.civil(Ended(65, '', 'gan_jax: it is damaged\n'), (0, 65))
    assert 'hangs' in verdict.civil(Ended(None, '', ''), (0,))
    assert 'traceback' in verdict.civil(Ended(0, '', 'Traceback (most recent'), (0,))
    assert 'status 3' in verdict.civil(Ended(3, '', 'gan_jax: x'), (0, 65))
    assert 'without a sentence' in verdict.civil(Ended(65, '', ''), (0, 65))


def test_what_is_outside_is_listed_whole(tmp_path):
    hostile._fill(tmp_path)
    before = hostile.listed(tmp_path)
    changes = [
        lambda: (tmp_path / 'file').write_text('x'),
        lambda: (tmp_path / 'empty' / 'x').mkdir(),
        lambda: (tmp_path / 'folder' / 'file').unlink(),
        lambda: (tmp_path / 'l').symlink_to('file'),
        lambda: (tmp_path / 'h').hardlink_to(tmp_path / 'file'),
        lambda: (tmp_path / 'folder').chmod(0o700),
    ]
    for change in changes:
        change()
        after = hostile.listed(tmp_path)
        assert hostile._changed(before, after)
        before = after
    assert not hostile._changed(before, hostile.listed(tmp_path))


def test_there_are_enough_hostile_workdirs():
    assert len(hostile.KINDS) >= 60 and len(hostile.NAMING) >= 60


def test_what_a_run_must_keep_is_known_by_its_content(tmp_path):
    (tmp_path / 'checkpoints' / '4').mkdir(parents=True)
    (tmp_path / 'checkpoints' / '4' / 'x').write_text('x')
    before = verdict.kept(tmp_path)
    (tmp_path / 'checkpoints').rename(tmp_path / 'quarantine')
    assert before == verdict.kept(tmp_path) and not before - verdict.anywhere(tmp_path)
    (tmp_path / 'quarantine' / '4' / 'x').write_text('y')
    assert before - verdict.anywhere(tmp_path) == before == Counter(before)


def test_a_command_within_this_process_ends_as_one_outside(monkeypatch):
    ended = bench.within('gan_jax.sample', ['--workdir=/nowhere', '--out=/tmp/x.png'])
    assert (ended.status, 'Traceback' in ended.err) == (66, False)
    assert ended.err.startswith('gan_jax: /nowhere')
    assert bench.within('gan_jax.sample', ['--nonsense']).status == 2

    def defect(arguments):
        raise KeyError('x')

    monkeypatch.setattr('gan_jax.sample.main', defect)
    assert 'Traceback' in bench.within('gan_jax.sample', []).err

    def slow(arguments):
        while True:
            pass

    monkeypatch.setattr('gan_jax.sample.main', slow)
    assert bench.within('gan_jax.sample', [], longest=0.1).status is None


def test_a_trial_that_a_verdict_cannot_read_is_lost(tmp_path):
    (tmp_path / 'left').mkdir()
    place = SimpleNamespace(scratch=tmp_path)
    attack = Attack('a', 1, lambda place, draw, index: '' if index else {}['x'], None)
    assert 'KeyError' in _trial(attack, place, 0) and not _trial(attack, place, 1)
    assert not [*tmp_path.iterdir()]  # of the trial before


# The soak ----------------------------------------------------------------------------------------


def test_growth_is_that_of_the_windows_after_the_first_thousand_steps():
    levels = [(step, 100 + 0.002 * step) for step in range(1000, 5000, 250)]
    wild = [(0, 1.0), (250, 900.0), (750, 5.0)]
    assert soak.growth([*wild, *levels]) == pytest.approx(2)
    samples = [(0, 1.0), (10, 9.0), (20, 2.0), (250, 7.0), (soak.STEPS, 99.0)]
    assert soak.by_window(samples) == [(0, 2.0), (250, 7.0)]


def test_the_last_step_of_a_log(tmp_path):
    log = tmp_path / 'metrics.jsonl'
    assert soak.last_step(log) is None
    log.write_text('{"step": 1}\n{"step": 25}\n{"st')
    assert soak.last_step(log) == 25
