"""A report that is served: one page, to this machine alone, new where the run is."""

import http.client
import json
import threading

import pytest

from gan_jax.reports import build, watch
from gan_jax.runtime.errors import UserError
from tests.reports import made


@pytest.fixture
def live(tmp_path):
    made.run(tmp_path / 'run', pictures_at=())
    folders = [tmp_path / 'run']
    return watch.Live(folders, lambda live: build.report(folders, lambda _: 'none.', live))


@pytest.fixture
def ask(live):
    """(path, method, host) -> (status, headers, body) of a server of the page."""
    with watch.make_server(live) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert server.server_address[0] == '127.0.0.1'

        def asked(path='/', method='GET', host=None):
            port = server.server_port
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
            connection.request(method, path, headers={'Host': host or f'127.0.0.1:{port}'})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, answer.headers, body

        yield asked
        server.shutdown()


def test_the_page_is_served_with_its_version(ask, live):
    status, headers, body = ask()
    assert status == 200 and headers['ETag'] == f'"{live.version()}"'
    assert f'data-live="{live.version()}"'.encode() in body
    status, again, nothing = ask(method='HEAD')
    assert (status, again['ETag'], nothing) == (200, headers['ETag'], b'')


@pytest.mark.parametrize(
    'path',
    ['/config.json', '/../config.json', '//etc/passwd', '/%2e%2e/', '/?x', '/samples/', 'file:///'],
)
def test_nothing_else_is_served(ask, path):
    status, _, body = ask(path)
    assert status == 404 and b'Content-Security-Policy' not in body


def test_a_foreign_name_of_this_machine_is_refused(ask):
    """A page of somebody's could give its own name our address, and read what is served here."""
    assert ask(host='evil.example')[0] == 403
    assert ask(host='evil.example', method='HEAD')[0] == 403


def test_other_methods_are_refused(ask):
    assert ask(method='POST')[0] == 501


def test_new_rows_and_pictures_give_a_new_page(live, tmp_path):
    version, page = live.page()
    assert live.page() == (version, page)
    with (tmp_path / 'run' / 'metrics.jsonl').open('a') as log:
        log.write(json.dumps({'step': 1420, 'd/new/part': 1.0}) + '\n')
    newer, page = live.page()
    assert newer != version and b'd/new' in page
    made.run(tmp_path / 'run', pictures_at=(9,))
    assert live.page()[0] != newer


def test_a_page_that_cannot_be_made_meanwhile_leaves_the_one_before(live, tmp_path):
    version, page = live.page()
    (tmp_path / 'run' / 'config.json').unlink()
    (tmp_path / 'run' / 'status.json').unlink()
    assert live.page() == (version, page)


def test_a_page_that_cannot_be_made_at_first_is_an_error(tmp_path):
    with pytest.raises(UserError):
        watch.serve([tmp_path], lambda live: build.report([tmp_path], lambda _: 'none.', live))
