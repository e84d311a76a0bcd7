"""A report served while its run goes on: one page, on the loopback interface alone."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path

from gan_jax.run import log
from gan_jax.runtime import output
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.loopback import HOST, NAMES

FOLLOWED = (log.NAME, 'status.json', 'samples', 'results', 'table.csv')


class Live:
    """The page of some workdirs, made anew where a file has changed since.

    Args:
        folders: the workdirs.
        page: version -> the page.
    """

    def __init__(self, folders: Sequence[Path], page: Callable[[str], bytes]):
        self._folders, self._page = folders, page
        self._made: tuple[str, bytes] = ('', b'')
        self._lock = threading.Lock()

    def version(self) -> str:
        """A digest of the sizes and times of the files that the page is made of."""
        found = []
        for folder in self._folders:
            for name in (*FOLLOWED, *(f'*/seed=*/{log.NAME}',)):
                for path in sorted(folder.glob(name)):
                    try:
                        found.append([str(path), path.stat().st_size, path.stat().st_mtime_ns])
                    except OSError:
                        continue  # replaced meanwhile
        return json_digest(found)[:16]

    def page(self) -> tuple[str, bytes]:
        """(version, page)."""
        with self._lock:
            version = self.version()
            if version != self._made[0]:
                try:
                    self._made = version, self._page(version)
                except (UserError, OSError, ValueError):  # a file was replaced meanwhile
                    if not self._made[0]:
                        raise
            return self._made


def serve(folders: Sequence[Path], page: Callable[[str], bytes]) -> None:
    """Serves the page of some workdirs until Ctrl-C.

    Args:
        folders: the workdirs.
        page: version -> the page.

    Raises:
        UserError: the page cannot be made at first.
    """
    live = Live(folders, page)
    live.page()
    with make_server(live) as server:
        output.announce(f'http://{HOST}:{server.server_port}/ follows the run; Ctrl-C ends')
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.2)


def make_server(live: Live) -> http.server.ThreadingHTTPServer:
    """A server of one page at a free port of the loopback interface."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_GET(self) -> None:
            if not self._refused():
                self._answer(*live.page())

        def do_HEAD(self) -> None:
            if not self._refused():
                self._answer(live.version(), None)

        def _refused(self) -> bool:
            """Refuses other paths, and names by which a foreign page could reach this machine."""
            port = self.server.server_address[1]
            known = {f'{host}:{port}' for host in NAMES}
            if self.headers.get('Host') not in known:
                self.send_error(HTTPStatus.FORBIDDEN)
            elif self.path != '/':
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                return False
            return True

        def _answer(self, version: str, content: bytes | None) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header('Content-Type', 'text/html; charset=utf-8')
            self.send_header('Content-Length', str(len(content or b'')))
            self.send_header('ETag', f'"{version}"')
            self.send_header('Cache-Control', 'no-store')
            self.end_headers()
            if content is not None:
                self.wfile.write(content)

        def log_message(self, *arguments) -> None:
            """Nothing: the terminal is the command's."""

    return http.server.ThreadingHTTPServer((HOST, 0), Handler)
