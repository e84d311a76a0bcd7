"""Downloads against servers that cut, lie and forget."""

import contextlib
import hashlib
import http.server
import os
import threading

import pytest

from gan_jax.data.archives import download as module
from gan_jax.data.archives.download import download
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.data.archives.maker import noise

CONTENT = noise(0, 100_000).tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Sends `content`; each answer follows the next entry of `script`."""

    content = CONTENT
    ranges = True
    script = None  # list of: bytes after which the connection is cut, or a Status
    asked = None  # list of the Range headers so far

    def do_GET(self):
        wanted = self.headers.get('Range')
        self.asked.append(wanted)
        event = self.script.pop(0) if self.script else None
        if isinstance(event, Status):
            self.send_error(event)
            return
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        if start > len(self.content):
            self.send_error(416)
            return
        body = self.content[start:]
        self.send_response(206 if wanted and self.ranges else 200)
        if wanted and self.ranges:
            self.send_header(
                'Content-Range', f'bytes {start}-{len(self.content) - 1}/{len(self.content)}'
            )
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body if event is None else body[:event])

    def log_message(self, *arguments):
        pass


class Status(int):
    pass


@pytest.fixture
def serve(monkeypatch):
    """serve(script, **what) -> (address of the file, list of the Range headers asked for)."""
    monkeypatch.setattr(module, 'WAIT', 0)
    monkeypatch.setenv('no_proxy', '*')
    servers = []

    def start(script=(), **what):
        handler = type('Handler', (Server,), {'script': list(script), 'asked': [], **what})
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
        thread.start()
        servers.append((server, thread))
        return f'http://127.0.0.1:{server.server_port}/file.bin', handler.asked

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def get(tmp_path):
    """get(url, ...) downloads and returns the file."""

    def run(url, **options):
        download(url, tmp_path / 'file.bin', **{'size': len(CONTENT), 'sha256': SHA256, **options})
        assert not (tmp_path / '.file.bin.part').exists()
        return (tmp_path / 'file.bin').read_bytes()

    return run


def test_a_download(serve, get):
    url, asked = serve()
    totals = []
    assert get(url, advance=totals.append) == CONTENT
    assert asked == [None]
    assert totals[0] == 0
    assert totals[-1] == len(CONTENT)
    assert totals == sorted(totals)


@pytest.mark.parametrize('ranges', [True, False])
def test_a_cut_connection_goes_on_where_the_server_can(ranges, serve, get):
    url, asked = serve([0, 1, 30_000, 50_000, 60_000], ranges=ranges)
    assert get(url) == CONTENT
    if ranges:
        assert asked == [None, None, 'bytes=1-', 'bytes=30001-', 'bytes=80001-']
    else:
        assert asked[-1] == 'bytes=60000-'


def test_ten_cuts_one_after_the_other(serve, get):
    url, asked = serve([9_000] * 10)
    assert get(url) == CONTENT
    assert len(asked) == 11


def test_only_failures_in_a_row_count(serve, get):
    url, _ = serve([0, 0, 30_000, 0, 0, 30_000, 0, 0])
    assert get(url) == CONTENT


def test_a_part_that_is_longer_than_the_file_there_is_dropped(serve, get, tmp_path):
    url, asked = serve(content=CONTENT[:50_000])
    (tmp_path / '.file.bin.part').write_bytes(CONTENT[:70_000])
    with pytest.raises(UserError, match='cannot be downloaded'):
        get(url)
    assert asked[:3] == ['bytes=70000-', None, 'bytes=50000-']


def test_the_next_call_goes_on(serve, get, tmp_path):
    url, asked = serve([40_000, Status(503), Status(503), Status(503)])
    with pytest.raises(UserError, match='the server answers 503.* again to go on') as caught:
        get(url)
    assert caught.value.status == MISSING
    assert not (tmp_path / 'file.bin').exists()
    assert get(url) == CONTENT
    assert asked[-1] == 'bytes=40000-'


def test_a_server_that_never_sends_a_byte(serve, get):
    url, asked = serve([0] * 10)
    with pytest.raises(UserError, match='cannot be downloaded \\(the connection was cut\\)'):
        get(url)
    assert len(asked) == module.TRIES


@pytest.mark.parametrize('status', [404, 403, 410])
def test_a_file_that_is_not_there_is_asked_for_once(status, serve, get):
    url, asked = serve([Status(status)] * 5)
    with pytest.raises(UserError, match=f'the server answers {status}.*by other means') as caught:
        get(url)
    assert caught.value.status == MISSING
    assert len(asked) == 1


def test_no_network(get, monkeypatch):
    monkeypatch.setattr(module, 'WAIT', 0)
    with pytest.raises(UserError, match='cannot be downloaded .*refused.*by other means'):
        get('http://127.0.0.1:9/file.bin')


@pytest.mark.parametrize('length', [len(CONTENT), len(CONTENT) + 1, 3 * len(CONTENT)])
def test_another_file_is_refused_and_removed(length, serve, get, tmp_path):
    url, _ = serve(content=noise(1, length).tobytes())
    with pytest.raises(UserError, match=f'is not the published file.*{SHA256}') as caught:
        get(url)
    assert caught.value.status == DATA
    assert not list(tmp_path.iterdir())


def test_no_more_than_one_byte_too_many_is_kept(serve, tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(module, '_check', lambda u, part, *_: sizes.append(part.stat().st_size))
    url, _ = serve(content=CONTENT * 3)
    download(url, tmp_path / 'file.bin', size=len(CONTENT), sha256=SHA256)
    assert sizes == [len(CONTENT) + 1]


def test_a_shorter_file_does_not_loop(serve, get):
    url, asked = serve(content=CONTENT[:-1])
    with pytest.raises(UserError, match='cannot be downloaded'):
        get(url)
    assert len(asked) < 10


def test_what_lies_there_in_part_is_used(serve, get, tmp_path):
    url, asked = serve()
    (tmp_path / '.file.bin.part').write_bytes(CONTENT[:70_000])
    assert get(url) == CONTENT
    assert asked == ['bytes=70000-']
    (tmp_path / '.file.bin.part').write_bytes(CONTENT)
    assert get('http://127.0.0.1:9/never') == CONTENT


@pytest.mark.parametrize('content', [CONTENT[:70_000], b'of somebody', bytes(2 * len(CONTENT))])
def test_what_somebody_else_calls_part_is_left_alone(content, serve, get, tmp_path):
    """A browser gives that name to what it has not finished."""
    url, _ = serve()
    (tmp_path / 'file.bin.part').write_bytes(content)
    assert get(url) == CONTENT
    with pytest.raises(UserError):
        get(url, sha256='0' * 64)
    assert (tmp_path / 'file.bin.part').read_bytes() == content


@pytest.mark.parametrize('target', ['kept', 'folder', 'nowhere'])
def test_a_link_in_the_place_of_the_part_is_not_followed(target, serve, get, tmp_path):
    url, asked = serve()
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'kept').write_bytes(CONTENT[:70_000])
    (tmp_path / '.file.bin.part').symlink_to(target)
    assert get(url) == CONTENT
    assert asked == [None]
    assert (tmp_path / 'kept').read_bytes() == CONTENT[:70_000]
    assert not (tmp_path / 'file.bin').is_symlink()
    assert {p.name for p in tmp_path.iterdir()} == {'folder', 'kept', 'file.bin'}


def test_a_pipe_in_the_place_of_the_part_hangs_nobody(serve, get, tmp_path):
    url, _ = serve()
    os.mkfifo(tmp_path / '.file.bin.part')
    assert get(url) == CONTENT


def test_a_download_is_on_the_disk_before_it_gets_its_name(serve, get, tmp_path, monkeypatch):
    url, _ = serve()
    synced = []
    monkeypatch.setattr(module, 'sync', lambda path: synced.append((path, path.read_bytes())))
    assert get(url) == CONTENT
    assert synced == [(tmp_path / '.file.bin.part', CONTENT)]


def test_a_part_of_another_file_is_found_out(serve, get, tmp_path):
    url, _ = serve()
    (tmp_path / '.file.bin.part').write_bytes(bytes(70_000))
    with pytest.raises(UserError, match='is not the published file'):
        get(url)
    assert get(url) == CONTENT  # the wrong part is gone


def test_a_full_disk_is_the_disks_fault(serve, get, monkeypatch):
    url, _ = serve()

    def full(*arguments, **options):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(module, '_fetch', full)
    with pytest.raises(OSError, match='No space left'):
        get(url)


def test_a_file_that_is_there_is_asked_for_and_not_kept(serve, tmp_path):
    url, asked = serve()
    module.refuse_unreachable(url)
    assert asked == [None] and not [*tmp_path.iterdir()]


@pytest.mark.parametrize('status', [403, 404, 503])
def test_a_file_that_is_not_there_is_refused_without_a_second_try(status, serve):
    url, asked = serve([Status(status)])
    with pytest.raises(UserError, match=f'{url} cannot be downloaded') as caught:
        module.refuse_unreachable(url)
    assert caught.value.status == MISSING and len(asked) == 1


def test_a_server_that_is_not_there_is_refused():
    with pytest.raises(UserError, match='cannot be downloaded') as caught:
        module.refuse_unreachable('http://127.0.0.1:9/file')
    assert caught.value.status == MISSING
