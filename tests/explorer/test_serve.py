"""What the page's server lets out and in."""

import asyncio

import pytest

from gan_jax.explorer import serve
from gan_jax.runtime.errors import BUSY, UserError


def answer(headers, kind='http'):
    """What an application behind `Local` answers: (status, headers, body)."""
    sent = []

    async def app(scope, receive, send):
        own = [(b'content-type', b'text/html')]
        await send({'type': 'http.response.start', 'status': 200, 'headers': own})
        await send({'type': 'http.response.body', 'body': b'hello'})

    async def send(message):
        sent.append(message)

    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(serve.Local(app)({'type': kind, 'headers': given}, None, send))
    start, body = sent
    return start['status'], dict(start['headers']), body['body']


def test_a_browser_is_told_to_load_nothing_from_elsewhere():
    status, headers, body = answer({'host': '127.0.0.1:8080'})
    assert (status, body) == (200, b'hello') and headers[b'content-type'] == b'text/html'
    assert headers[b'content-security-policy'].startswith(b"default-src 'self' ")
    assert b'http' not in headers[b'content-security-policy']


@pytest.mark.parametrize(
    ('headers', 'status'),
    [
        ({'host': '127.0.0.1:80'}, 200),
        ({'host': 'localhost'}, 200),
        ({'host': '127.0.0.1:80', 'origin': 'http://localhost:80'}, 200),
        ({'host': 'evil.example:80'}, 403),
        ({'host': '127.0.0.1.evil.example'}, 403),
        ({'host': '127.0.0.1:80', 'origin': 'https://evil.example'}, 403),
        ({'host': '127.0.0.1:80', 'origin': 'null'}, 403),
        ({'host': '[::1'}, 403),
        ({}, 403),
    ],
)
def test_only_pages_of_this_machine_are_answered(headers, status):
    assert answer(headers)[0] == status


def test_what_is_no_request_passes():
    assert answer({}, kind='lifespan')[0] == 200


def test_a_port_that_is_taken_is_said():
    with serve._listening(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f'--port={port} of 127.0.0.1 cannot be used') as caught:
            serve._listening(port)
    assert caught.value.status == BUSY
