"""Downloads that resume, and that give a file its name only after its SHA-256 was compared."""

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.files import sync
from gan_jax.runtime.paths import opened, removed

TRIES = 3  # in a row without a single new byte
WAIT = 2.0  # seconds before the second try; twice as many before the third
TIMEOUT = 60  # seconds without an answer
BLOCK = 1 << 18
# Errors that another try may mend; errors of the disk are not among them.
NETWORK = (
    *(urllib.error.URLError, ssl.SSLError, ConnectionError, TimeoutError),
    http.client.HTTPException,
)


def download(
    url: str,
    path: Path,
    *,
    size: int,
    sha256: str,
    advance: Callable[[int], None] = lambda total: None,
) -> None:
    """Fetches `url` to `path`, which exists in the end with exactly these contents, or not at all.

    The bytes that have come so far lie beside it in `.NAME.part`; the next call resumes from there
    if the server can. Anything else under that name, such as a link, is removed.

    Args:
        url: of a file that needs no login.
        path: a file in a folder that exists.
        size: of the file in bytes.
        sha256: of the file, in hex. Because of it the address needs no https.
        advance: called from time to time with the number of bytes that have come so far.

    Raises:
        UserError: the server cannot be reached or has no such file (66), or it sends another file
            (65).
    """
    part = path.with_name(f'.{path.name}.part')
    if part.is_symlink() or not part.is_file():
        removed(part)
    failures = 0
    while (had := part.stat().st_size if part.exists() else 0) < size:
        advance(had)
        try:
            _fetch(url, part, had, size, advance)
            cause = 'the connection was cut'
        except NETWORK as error:
            cause = _cause(error, url, part)
        if part.exists() and part.stat().st_size > had:
            failures = 0
            continue
        failures += 1
        if failures == TRIES:
            raise UserError(
                f'{url} cannot be downloaded ({cause}): run the same command again to go on, or '
                'fetch the file by other means',
                MISSING,
            )
        time.sleep(WAIT * failures)
    _check(url, part, size, sha256)
    sync(part)
    part.replace(path)


def refuse_unreachable(url: str) -> None:
    """Asks for a file without fetching it.

    Raises:
        UserError: the server cannot be reached or has no such file (66).
    """
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT):
            pass
    except NETWORK as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise UserError(
            f'{url} cannot be downloaded ({_reason(error)}): fetch the file by other means', MISSING
        ) from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with opened(path) as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _fetch(url: str, part: Path, had: int, size: int, advance: Callable[[int], None]) -> None:
    """Appends the file's bytes after the first `had`, or starts again if the server cannot."""
    request = urllib.request.Request(url, headers={'Range': f'bytes={had}-'} if had else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        goes_on = answer.headers.get('Content-Range', '').startswith(f'bytes {had}-')
        total = had if goes_on else 0
        with part.open('ab' if goes_on else 'wb') as file:
            # One byte too many is enough to know that it is another file.
            while total <= size and (content := answer.read(min(BLOCK, size + 1 - total))):
                file.write(content)
                total += len(content)
                advance(total)


def _cause(error: Exception, url: str, part: Path) -> str:
    """The cause of a failed try, for a sentence.

    Raises:
        UserError: an answer that no other try can mend.
    """
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code == 416:  # the file there ends before what we have of it
            part.unlink(missing_ok=True)
        elif error.code < 500 and error.code not in (408, 429):
            raise UserError(
                f'{url} cannot be downloaded (the server answers {error.code}): fetch the file by '
                'other means',
                MISSING,
            ) from error
        return f'the server answers {error.code}'
    return _reason(error)


def _reason(error: Exception) -> str:
    return str(getattr(error, 'reason', '') or error or type(error).__name__)


def _check(url: str, part: Path, size: int, sha256: str) -> None:
    found = sha256_of(part)
    if part.stat().st_size != size or found != sha256:
        part.unlink()
        raise UserError(
            f'what {url} sends is not the published file (SHA-256 {found} instead of {sha256}): '
            'try again later, or fetch it by other means',
            DATA,
        )
