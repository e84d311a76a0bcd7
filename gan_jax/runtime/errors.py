"""Faults that a user can mend: a sentence each, and the exit status that a launcher acts on."""

import contextlib
import errno
from collections.abc import Iterator

USAGE = 2  # wrong configuration or command line
DATA = 65  # damaged or unsuitable data, damaged checkpoints
MISSING = 66  # an input does not exist
UNAVAILABLE = 69  # weights that a metric needs are not to be had
DIVERGED = 70  # non-finite numbers, out of device memory
UNWRITABLE = 73  # an output cannot be created
DISK = 74  # input or output failed, disk full
BUSY = 75  # somebody else holds the workdir
LOST = 76  # another process of the run is gone, or has not come; resumable
# 128 + the number of the signal that has stopped it, resumable: 129 SIGHUP, 130 SIGINT, and
PREEMPTED = 143  # SIGTERM

FULL = errno.ENOSPC, errno.EDQUOT  # no room on a disk, or none for this user


def first_line(error: BaseException) -> str:
    """What an exception says, without the lines of context that libraries add."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def sentence(error: BaseException) -> str:
    """The message of an exception of somebody's code, printable: of bad values that alone."""
    said = printable(first_line(error))
    plain = isinstance(error, ValueError | TypeError | UserError) and str(error)
    return said if plain else f'{type(error).__name__}: {said}'


class PartError(ValueError):
    """An exception of a part of a run that a config names; the sentence begins with its key."""


@contextlib.contextmanager
def of_part(name: str) -> Iterator[None]:
    """Whatever is raised within becomes a `PartError` of that part, unless it is one already.

    Args:
        name: its key, 'config.generator', or other words.
    """
    try:
        yield
    except PartError:
        raise
    except Exception as error:  # it may be anybody's code
        raise PartError(f'{name}: {sentence(error)}') from error


def printable(text: str) -> str:
    """The text, in which all that would move a terminal's cursor or begin a line is escaped."""
    return ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class UserError(Exception):
    """A fault that the user can mend: what, where and what to do; `status` is the exit status.

    It may quote a config or a name of somebody else's: all but the ends of its lines is printable.
    """

    def __init__(self, message: str, status: int = USAGE):
        super().__init__('\n'.join(map(printable, message.split('\n'))))
        self.status = status


class Diverged(UserError):
    """The numbers of a run are not finite. What to do is known to the run, see `Run.fail`."""

    def __init__(self, message: str):
        super().__init__(message, DIVERGED)


def fault_of(error: UserError | OSError) -> UserError:
    """The error itself; what the file system refuses becomes a sentence."""
    if isinstance(error, UserError):
        return error
    said = f'{error.strerror or error}: {error.filename or ""}'.rstrip(': ')
    if error.errno in FULL:
        said += '; make room and run the same command again'
    return UserError(said, DISK)
