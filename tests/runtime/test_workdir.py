"""One writer a folder; files that are whole or absent."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from gan_jax.runtime import workdir
from gan_jax.runtime.errors import BUSY, DATA, MISSING, UNWRITABLE, UserError

HOLD = 'import sys; from pathlib import Path; from gan_jax.runtime import workdir\n'
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
    with pytest.raises(UserError, match='cannot be read .it is damaged: .* from a copy') as caught:
        workdir.read_config(tmp_path)
    assert caught.value.status == DATA
    with pytest.raises(UserError, match='config.json/config.json does not exist: --workdir must'):
        workdir.read_config(tmp_path / 'config.json')


def test_the_folder_above_runs_names_one_of_them(tmp_path):
    for name in ('b', 'a'):
        (tmp_path / name).mkdir()
        workdir.write_status(tmp_path / name, 'done', 3)
    with pytest.raises(UserError, match=f'folder of a training run, such as {tmp_path}/a$'):
        workdir.read_config(tmp_path)


def test_a_workdir_that_is_a_link_to_nothing_is_a_sentence(tmp_path):
    (tmp_path / 'run').symlink_to(tmp_path / 'gone')
    said = f'run is a link to {tmp_path}/gone, where there is nothing: make that folder'
    with pytest.raises(UserError, match=said) as caught, workdir.locked(tmp_path / 'run'):
        pass
    assert caught.value.status == UNWRITABLE


def outside(folder):
    """A folder beside the workdir, with a file that nobody may touch."""
    place = folder.parent / 'outside'
    (place / 'inner').mkdir(parents=True)
    (place / 'file').write_text('mine')
    return place


def everything(place):
    return {p: p.is_file() and p.read_bytes() for p in [place, *place.rglob('*')]}


FILES = ('.lock', 'config.json', 'config.json.part', 'status.json.part', 'subset.json.part')
FILES += ('metrics.jsonl', 'metrics.jsonl.part', 'samples/00000000.png.part')
FOLDERS = ('results', 'samples', 'tensorboard', 'checkpoints', 'quarantine', 'best', 'earlier')


@pytest.mark.parametrize('dangling', [False, True])
@pytest.mark.parametrize('name', [*FILES, *FOLDERS, 'checkpoints/9/state'])
def test_nothing_is_written_through_a_link_below_the_workdir(name, dangling, tmp_path):
    place = outside(tmp_path / 'run')
    target = place / ('none' if dangling else 'file' if name in FILES else 'inner')
    link = tmp_path / 'run' / name
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    before = everything(place)
    with pytest.raises(UserError, match='is a link') as caught:
        with workdir.locked(tmp_path / 'run'):
            raise AssertionError('it goes on')
    assert str(link) in str(caught.value)
    assert everything(place) == before


def test_the_workdir_itself_may_be_a_link(tmp_path):
    (tmp_path / 'there').mkdir()
    (tmp_path / 'run').symlink_to(tmp_path / 'there')
    with workdir.locked(tmp_path / 'run'):
        workdir.write_status(tmp_path / 'run', 'running', 0)
    assert workdir.read_status(tmp_path / 'there')['status'] == 'running'


def test_a_folder_may_go_while_it_is_looked_at(tmp_path, monkeypatch):
    """A run removes old checkpoints while `evaluate` looks for links."""
    old = tmp_path / 'checkpoints' / '4'
    old.mkdir(parents=True)
    (tmp_path / 'z').symlink_to(tmp_path)
    scan = os.scandir

    def going(folder):
        if folder == old:
            old.rmdir()
        return scan(folder)

    monkeypatch.setattr(os, 'scandir', going)
    with pytest.raises(UserError, match=r'z is a link, .*moved into its place'):
        workdir.refuse_links(tmp_path)
    assert not old.exists()


def test_a_step_has_one_name(tmp_path):
    for name in ('0', '12', '012', '²', '٣', '-1', '1.5', '3.orbax-checkpoint-tmp-0'):
        (tmp_path / name).mkdir()
    assert workdir.steps(tmp_path) == {0, 12}


def test_what_no_run_has_written_is_not_set_aside(tmp_path):
    for name in ('thesis.tex', 'src', 'config.json.mine', *workdir.WRITTEN):
        (tmp_path / name.replace('*', '-2')).mkdir()
    assert workdir.set_aside(tmp_path) == tmp_path / 'earlier' / 'run'
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'thesis.tex', 'src', 'config.json.mine', 'earlier'}
    moved = {path.name for path in (tmp_path / 'earlier' / 'run').iterdir()}
    assert moved == {name.replace('*', '-2') for name in workdir.WRITTEN}
    assert workdir.set_aside(tmp_path) is None


@pytest.mark.parametrize('name', ['.lock', 'status.json', 'samples/pipe', 'metrics.jsonl'])
def test_a_pipe_in_the_workdir_is_not_waited_for(name, tmp_path):
    (tmp_path / 'samples').mkdir()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match='no plain file|nor a plain file'), workdir.locked(tmp_path):
        pass


DEEP = '{"a": ' * 500 + '1' + '}' * 500


@pytest.mark.parametrize('content', ['[]', '3', '"a"', '[' * 100_000, DEEP, '{"a": 1', '', '\x00'])
def test_a_config_that_is_no_object_is_named(content, tmp_path):
    (tmp_path / 'config.json').write_text(content)
    with pytest.raises(UserError, match='config.json cannot be read'):
        workdir.read_config(tmp_path)


@pytest.mark.parametrize(
    'content', [b'[]', b'{}', b'{"status": "done"', b'{"status": 3, "step": 1}', b'\xff', b'']
)
def test_a_damaged_status_ends_no_program(content, tmp_path):
    assert workdir.read_status(tmp_path) is None
    (tmp_path / 'status.json').write_bytes(content)
    assert workdir.read_status(tmp_path) == {'status': 'unreadable', 'step': 0}


def test_links_are_looked_for_while_a_run_removes_its_checkpoints(tmp_path):
    (tmp_path / 'checkpoints' / '4' / 'state').mkdir(parents=True)
    entries = workdir._entries(tmp_path)
    assert [next(entries).name, next(entries).name] == ['checkpoints', '4']
    shutil.rmtree(tmp_path / 'checkpoints')
    assert [entry.name for entry in entries] == []
