"""One writer a folder; files that are whole or absent."""

import json
import subprocess
import sys

import pytest

from gan_jax import workdir
from gan_jax.errors import BUSY, MISSING, UNWRITABLE, UserError

HOLD = 'import sys; from pathlib import Path; from gan_jax import workdir\n'
HOLD += 'with workdir.locked(Path(sys.argv[1])): print("held", flush=True); sys.stdin.read()'


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == 'held\n'
    with pytest.raises(UserError, match=f'in use by process {holder.pid} on ') as caught:
        with workdir.locked(tmp_path):
            pass
    assert caught.value.status == BUSY
    holder.kill()
    holder.communicate()
    with workdir.locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write to --workdir') as caught:
        with workdir.locked(tmp_path / 'file' / 'run'):
            pass
    assert caught.value.status == UNWRITABLE


def test_json_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'a.json'
    workdir.write_json(path, {'a': 1})
    with pytest.raises(ValueError):
        workdir.write_json(path, {'a': float('nan')})
    assert json.loads(path.read_text()) == {'a': 1}


def test_status(tmp_path):
    workdir.write_status(tmp_path, 'failed', 3, reason='because')
    status = json.loads((tmp_path / 'status.json').read_text())
    assert (status['status'], status['step'], status['reason']) == ('failed', 3, 'because')


def test_a_missing_or_damaged_config_is_named(tmp_path):
    with pytest.raises(UserError, match='config.json does not exist') as caught:
        workdir.read_config(tmp_path)
    assert caught.value.status == MISSING
    (tmp_path / 'config.json').write_text('{"a": ')
    with pytest.raises(UserError, match='config.json cannot be read'):
        workdir.read_config(tmp_path)
