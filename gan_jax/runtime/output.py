"""The output of a command: everything, errors and results alone (--quiet), or JSON (--json).

State of the whole process, as its standard streams are. A command prints its progress by `say`,
what it was called for by `show`, and gives the JSON object's content to `result`. In somebody
else's program (`kept`) nothing is printed.
"""

import contextlib
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

# The flags of every command, with their help.
FLAGS = {
    '--quiet': 'print errors alone, and results that are asked for',
    '--json': 'print the result as one JSON object, and nothing else on standard output',
    '--debug': 'show tracebacks',
}

_asked: set[str] = set()
_result: dict[str, Any] = {}
_noted: set[str] = set()  # by note_once
_shown: list[IO[str]] = []  # standard output, while `as_asked` holds it
_kept: list[list[str]] = []  # remarks, while `kept` keeps them


@contextlib.contextmanager
def as_asked(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Follows the FLAGS among the arguments inside; yields the other arguments."""
    _asked.clear()
    _noted.clear()
    _asked.update(FLAGS.keys() & {*arguments})
    _result.clear()
    _shown[:] = [sys.stdout]
    silent = is_quiet() or is_json()
    try:
        with contextlib.redirect_stdout(_Nothing()) if silent else contextlib.nullcontext():
            yield [one for one in arguments if one not in FLAGS]
    finally:
        _asked.clear()
        _shown.clear()


@contextlib.contextmanager
def kept() -> Iterator[list[str]]:
    """Prints nothing inside; yields the list that remarks and errors go to, a line each."""
    lines: list[str] = []
    _kept.append(lines)
    try:
        yield lines
    finally:
        _kept[:] = [one for one in _kept if one is not lines]


def is_kept() -> bool:
    """True inside `kept`."""
    return bool(_kept)


def is_debug() -> bool:
    """True under --debug."""
    return '--debug' in _asked


def is_quiet() -> bool:
    """True under --quiet."""
    return '--quiet' in _asked


def is_json() -> bool:
    """True under --json."""
    return '--json' in _asked


def stdout() -> IO[str]:
    """Standard output, also while it is held back."""
    return _shown[0] if _shown else sys.stdout


def say(text: str) -> None:
    """Prints what is under way; nothing under --quiet and --json."""
    if not is_kept():
        print(text, flush=True)


def note(message: str) -> None:
    """Prints a remark on standard error, a line each; nothing under --quiet."""
    if not is_quiet():
        complain(message)


def note_once(message: str) -> None:
    """`note`, unless this process has noted the same before."""
    if message not in _noted:
        _noted.add(message)
        note(message)


def complain(message: str) -> None:
    """Prints an error on standard error, a line each, which may be closed."""
    if is_kept():
        _kept[-1].extend(message.splitlines())
        return
    with contextlib.suppress(OSError):
        for line in message.splitlines():
            print(f'gan_jax: {line}', file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Prints what the command was called for, also under --quiet."""
    if not is_json():
        print(text, file=stdout(), flush=True)


def announce(text: str) -> None:
    """Prints what has to be known while the command runs, also under --quiet.

    Under --json it goes to standard error, as the object comes at the end.
    """
    if is_json():
        complain(text)
    else:
        show(text)


def result(**values: Any) -> None:
    """Adds to the JSON object of the result. Later values replace earlier ones of the same name."""
    _result.update(values)


def conclude(status: int, error: str = '') -> None:
    """Prints the JSON object of --json: the result, the exit status, and the error if any."""
    said = {**_result, 'exit_status': status, **({'error': error} if error else {})}
    print(json.dumps(_plain(said), allow_nan=False), file=stdout(), flush=True)


def _plain(value: Any) -> Any:
    """The value as JSON has it: null for numbers that are not finite, text for paths."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    value = value.item() if hasattr(value, 'item') else value  # a number of NumPy
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


class _Nothing(io.StringIO):
    """Takes all text and keeps none."""

    def write(self, text: str) -> int:
        return len(text)
