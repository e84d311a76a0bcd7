"""The page on the loopback interface of this machine, and nowhere else."""

import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from gan_jax.runtime.errors import BUSY, UserError
from gan_jax.runtime.loopback import HOST, NAMES

# The page carries its pictures in itself. Whatever its library would load from the web is refused
# by the browser.
POLICY = (
    b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'; "
    b"form-action 'self'"
)
STOP = 5  # seconds in which open connections end

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable], Awaitable[None]]


class Local:
    """An ASGI application for pages of this machine, which load nothing from elsewhere.

    Requests are refused if they name another host, as after a rebinding of somebody's name to this
    address, or if a page of another host has sent them.
    """

    def __init__(self, app: App):
        """`app`: the application."""
        self._app = app

    async def __call__(self, scope: Message, receive: Callable, send: Callable) -> None:
        """Answers a request as ASGI describes it."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
        elif not _is_ours(dict(scope['headers'])):
            await send({'type': 'http.response.start', 'status': 403, 'headers': []})
            await send({'type': 'http.response.body', 'body': b'this page is for its own machine'})
        else:

            async def guarded(message: Message) -> None:
                if message['type'] == 'http.response.start':
                    policy = (b'content-security-policy', POLICY)
                    message = {**message, 'headers': [*message['headers'], policy]}
                await send(message)

            await self._app(scope, receive, guarded)


def _is_ours(headers: dict[bytes, bytes]) -> bool:
    """True if a request is for this machine, and from no other page than ours."""
    host, origin = (headers.get(name, b'').decode('latin-1') for name in (b'host', b'origin'))
    return _name(f'//{host}') in NAMES and (not origin or _name(origin) in NAMES)


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # of a port, or of brackets, that are none
        return None


@contextlib.contextmanager
def serving(app: App, port: int) -> Iterator[str]:
    """Serves an application in a thread, and yields its address.

    Args:
        app: an ASGI application.
        port: of the loopback interface; 0 takes a free one.

    Raises:
        UserError: the port is taken.
    """
    import uvicorn

    listening = _listening(port)
    options = dict(log_level='error', timeout_graceful_shutdown=1, ws='none', lifespan='on')
    server = uvicorn.Server(uvicorn.Config(Local(app), **options))
    # No daemon: the threads that it starts would be none, and could not end in the middle of a
    # compilation without a crash.
    thread = threading.Thread(target=server.run, args=([listening],), name='page')
    thread.start()
    try:
        yield f'http://{HOST}:{listening.getsockname()[1]}'
    finally:
        server.should_exit = True
        thread.join(STOP)
        listening.close()


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise UserError(
            f'--port={port} of {HOST} cannot be used ({error.strerror}): give another, or leave it '
            'out for a free one',
            BUSY,
        ) from error
    listening.listen()
    return listening
