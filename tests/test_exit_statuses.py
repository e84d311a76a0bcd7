"""One table of exit statuses: docs/reliability.md and the code agree."""

import ast
import math
import re
import signal
import sys
from pathlib import Path

import clu.metrics
import numpy as np
import pytest

from gan_jax import sample, train
from gan_jax.evaluate import weights
from gan_jax.run import observe, resume
from gan_jax.runtime import checkpoint, cli, errors, signals, workdir

ROOT = Path(__file__).parent.parent
CONSTANTS = {k: v for k, v in vars(errors).items() if k.isupper() and isinstance(v, int)}


def table(path, header):
    """The rows of the table of a file whose first column has that name, as lists of cells."""
    lines = iter((ROOT / path).read_text().splitlines())
    for line in lines:
        if line.startswith(f'| {header} |'):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith('|'):
            break
        found.append([cell.strip() for cell in line.strip('|').split('|')])
    return found


ROWS = {int(row[0]): row for row in table('docs/reliability.md', 'status')}


def raised():
    """The names of the statuses with which the source makes a UserError, or that it ends with."""
    names = set()
    for path in (ROOT / 'gan_jax').rglob('*.py'):
        if path.name == 'errors.py':
            continue
        names |= {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
    return names & CONSTANTS.keys()


def test_the_table_holds_every_constant_and_nothing_else():
    named = {row[1]: status for status, row in ROWS.items() if row[1]}
    stops = {n.name: 128 + n for n in signals.ASKING if n != signal.SIGTERM}
    assert named == {'OK': 0} | CONSTANTS | stops
    assert [status for status, row in ROWS.items() if not row[1]] == [1]


def test_every_constant_is_raised_somewhere():
    assert raised() | {'USAGE'} == CONSTANTS.keys()  # USAGE is what a UserError has by itself


def test_every_status_of_a_user_error_is_a_constant():
    """No number is written where a name of the table should stand."""
    wrong = []
    for path in (ROOT / 'gan_jax').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == 'UserError':
                status = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == 'status')]
                wrong += [(path.name, node.lineno) for s in status if isinstance(s, ast.Constant)]
    assert not wrong


def test_every_row_says_what_to_do():
    for status, (_, _, meaning, said, do, resumable) in ROWS.items():
        assert meaning and re.fullmatch('`[^`]+`', said)
        assert status == 0 or (do and resumable)


# The table's sentences, provoked; runs of several processes are in runtime/test_distributed.py.


def quoted(status, folder):
    """The example of a row, for a run in that folder."""
    text = ROWS[status][3].strip('`')
    return text.replace('workdirs/digits', str(folder)).replace('workdirs', str(folder.parent))


def sentence(main, *flags):
    """(status, standard error) of a command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['command', *map(str, flags)])
        with pytest.raises(SystemExit) as caught:
            cli.run(main)
    return caught.value.code


def test_wrong_config(capsys, tmp_path):
    flags = ('--config=configs/digits.py', '--config.batch_size=1', '--dry_run')
    assert sentence(train.main, *flags) == errors.USAGE
    assert quoted(errors.USAGE, tmp_path) in capsys.readouterr().err


def test_no_such_workdir(capsys, tmp_path):
    asked = (f'--workdir={tmp_path / "none"}', f'--out={tmp_path / "x.png"}')
    assert sentence(sample.main, *asked) == errors.MISSING
    assert quoted(errors.MISSING, tmp_path / 'digits') in capsys.readouterr().err


def test_a_workdir_that_cannot_be_made_and_one_that_is_held(tmp_path):
    def said(status, folder):
        with pytest.raises(errors.UserError) as caught, workdir.locked(folder):
            pass
        assert caught.value.status == status
        return f'gan_jax: {caught.value}'

    told = said(errors.UNWRITABLE, Path('/dev/null/run'))
    assert told.startswith(quoted(errors.UNWRITABLE, tmp_path))
    with workdir.locked(tmp_path):
        assert said(errors.BUSY, tmp_path).startswith(quoted(errors.BUSY, tmp_path))


def test_a_run_that_has_diverged(tmp_path):
    bad = {'d/adversarial/real': clu.metrics.Average(np.float32(math.nan), np.int32(1))}
    with pytest.raises(errors.UserError) as caught:
        observe.means(bad, 2)
    assert caught.value.status == errors.DIVERGED
    assert f'gan_jax: {caught.value}'.startswith(quoted(errors.DIVERGED, tmp_path))


def test_a_full_disk(tmp_path):
    class Full:
        directory = tmp_path / 'checkpoints'

        def save(self, *arguments, **options):
            raise OSError(28, 'No space left on device')

    Full.directory.mkdir()
    with pytest.raises(errors.UserError) as caught:
        checkpoint.save(Full(), {'step': np.int32(4)}, {})
    assert caught.value.status == errors.DISK
    assert f'gan_jax: {caught.value}'.startswith(quoted(errors.DISK, tmp_path))


def test_a_run_without_a_sound_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, '_best', lambda *_: None)
    error = resume._lost(None, tmp_path, 14)
    assert error.status == errors.DATA
    assert f'gan_jax: {error}'.startswith(quoted(errors.DATA, tmp_path))


def test_weights_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / 'none'))
    with pytest.raises(errors.UserError) as caught:
        weights.published()
    assert caught.value.status == errors.UNAVAILABLE
    assert f'gan_jax: {caught.value}'.startswith(quoted(errors.UNAVAILABLE, tmp_path))


def test_what_a_signal_is_answered_with(tmp_path):
    said = {quoted(128 + number, tmp_path) for number in signals.ASKING}
    assert {f'{line}\n'.encode() for line in said} == {signals.SAID}
