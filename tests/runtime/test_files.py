"""Files that are whole or absent; no link is written through, and no pipe is waited for."""

import os
import socket

import pytest

from gan_jax.runtime import files


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / 'a'
    path.write_text('before')
    with pytest.raises(ZeroDivisionError), files.atomic_path(path) as partial:
        partial.write_text('half')
        raise ZeroDivisionError
    assert path.read_text() == 'before'
    with files.atomic_path(path) as partial:
        partial.write_text('after')
    assert path.read_text() == 'after'
    assert [p.name for p in tmp_path.iterdir()] == ['a']  # and nothing is left beside it


@pytest.mark.parametrize('link', [os.symlink, os.link])
@pytest.mark.parametrize('name', ['a', 'a.part'])
def test_what_a_link_leads_to_stays_as_it_is(link, name, tmp_path):
    outside = tmp_path / 'outside'
    outside.write_text('mine')
    folder = tmp_path / 'folder'
    folder.mkdir()
    link(outside, folder / name)
    with files.atomic_path(folder / 'a') as partial:
        partial.write_text('ours')
    assert outside.read_text() == 'mine'
    assert (folder / 'a').read_text() == 'ours' and not (folder / 'a').is_symlink()


@pytest.mark.parametrize('link', [os.symlink, os.link])
def test_a_lock_is_not_taken_through_a_link(link, tmp_path):
    outside = tmp_path / 'outside'
    outside.write_text('mine')
    link(outside, tmp_path / '.lock')
    with pytest.raises(OSError, match='it is a link'), files.file_lock(tmp_path / '.lock'):
        pass
    assert outside.read_text() == 'mine'


def special(path, kind):
    if kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'socket':
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    else:
        path.symlink_to('/dev/zero')


@pytest.mark.parametrize('kind', ['pipe', 'socket', 'device'])
def test_what_is_no_plain_file_is_neither_read_nor_held(kind, tmp_path):
    path = tmp_path / 'x'
    special(path, kind)
    with pytest.raises(OSError):
        files.read_plain(path)
    with pytest.raises(OSError), files.file_lock(path):
        pass


def test_a_link_to_a_plain_file_can_be_read(tmp_path):
    (tmp_path / 'a').write_text('text')
    (tmp_path / 'b').symlink_to(tmp_path / 'a')
    assert files.read_plain(tmp_path / 'b') == b'text'
