"""Errors that a user can fix: a sentence for each, and exit statuses for launchers."""

import contextlib
import errno
import os
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

USAGE = 2  # wrong configuration or command line
DATA = 65  # damaged or unsuitable data, damaged checkpoints
MISSING = 66  # an input does not exist
UNAVAILABLE = 69  # weights that a metric needs cannot be downloaded
DIVERGED = 70  # non-finite numbers, out of device memory
UNWRITABLE = 73  # an output cannot be created
DISK = 74  # input or output failed, disk full
BUSY = 75  # another process holds the workdir
LOST = 76  # another process of the run has ended, or has not connected; resumable
# A signal stops a run with status 128 + its number, resumable: 129 SIGHUP, 130 SIGINT, and
PREEMPTED = 143  # SIGTERM

# Files below these are not the user's own: this package, and Python's library.
OTHERS = Path(__file__).parents[1], Path(sysconfig.get_path('stdlib'))

FULL = errno.ENOSPC, errno.EDQUOT  # no room on a disk, or the user's quota is used up


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, without the context that libraries add."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def sentence(error: BaseException) -> str:
    """The message of an exception from any code, printable.

    The type's name precedes it, unless the exception is a ValueError, TypeError or UserError.
    """
    message = printable(first_line(error))
    plain = isinstance(error, ValueError | TypeError | UserError) and str(error)
    return message if plain else f'{type(error).__name__}: {message}'


def blamed(error: BaseException) -> str:
    """The `place` of an exception, as the end of a sentence that `--debug` tells whole."""
    found = place(error)
    return f' (in {found}; --debug shows the traceback)' if found else ''


def place(error: BaseException) -> str:
    """The line of somebody's own code that an exception comes from, 'net.py, line 3'.

    '' if neither the exception nor one that it was raised from has passed through a file outside
    this package, Python's library and installed packages.
    """
    found = ''
    one: BaseException | None = error
    while one is not None:
        for frame in traceback.extract_tb(one.__traceback__):
            if _is_own(frame.filename):
                found = f'{_near(frame.filename)}, line {frame.lineno}'
        one = one.__cause__ or one.__context__
    return found


def _is_own(file: str) -> bool:
    """True for a file of the user's."""
    path = Path(file)
    apart = {'site-packages', 'dist-packages'} & {*path.parts}
    return path.is_file() and not apart and not any(path.is_relative_to(one) for one in OTHERS)


def _near(path: str) -> str:
    """A path relative to the current folder if it lies below it, else absolute."""
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    below = whole.is_relative_to(here) and here != Path(here.anchor)
    return str(whole.relative_to(here)) if below else str(whole)


class PartError(ValueError):
    """An exception from a part that the config names; the message begins with the part's key."""


@contextlib.contextmanager
def of_part(name: str) -> Iterator[None]:
    """Turns every exception inside into a `PartError` of a part, unless it is one already.

    Args:
        name: key of the part, 'config.generator', or other words.
    """
    try:
        yield
    except PartError:
        raise
    except Exception as error:  # it may be anybody's code
        raise PartError(f'{name}: {sentence(error)}{blamed(error)}') from error


def printable(text: str) -> str:
    """The text with unprintable characters escaped: line breaks, terminal control codes."""
    return ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class UserError(Exception):
    """An error that the user can fix: what, where and what to do; `status` is the exit status.

    The message may quote a config or a file name from elsewhere, so unprintable characters other
    than line breaks are escaped.
    """

    def __init__(self, message: str, status: int = USAGE):
        super().__init__('\n'.join(map(printable, message.split('\n'))))
        self.status = status


class Diverged(UserError):
    """Raised when numbers of a run are not finite. `Run.fail` adds what to do."""

    def __init__(self, message: str):
        super().__init__(message, DIVERGED)


def fault_of(error: UserError | OSError) -> UserError:
    """The error as a `UserError`; an OSError becomes a sentence with the status `DISK`."""
    if isinstance(error, UserError):
        return error
    message = f'{error.strerror or error}: {error.filename or ""}'.rstrip(': ')
    if error.errno in FULL:
        message += '; make room and run the same command again'
    return UserError(message, DISK)
