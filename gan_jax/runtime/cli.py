"""The frame of every command: error messages, the exit status, and types of flags."""

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from logging import CRITICAL, ERROR, getLogger
from pathlib import Path
from typing import Any, NoReturn

import jax
from absl import logging

from gan_jax.runtime import begin, compile_cache, distributed, signals
from gan_jax.runtime.errors import PREEMPTED, UserError, fault_of
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.ranges import Integer, Number, Range, quoted


def run(main: Callable[[Sequence[str]], int | None], *, saves: bool = False) -> None:
    """Runs a command on the process's arguments and exits with its status.

    A `UserError` becomes its sentence on standard error and its status, without a traceback unless
    --debug is among the arguments. Every other exception is a defect of this package and keeps its
    traceback.

    A command calls `begin.command` before it imports anything else.

    Args:
        main: arguments -> exit status.
        saves: True when `main` polls `signals.received` itself and saves. In any other command a
            signal raises KeyboardInterrupt.
    """
    begin.imported()
    compile_cache.use()
    arguments = sys.argv[1:]
    debug = '--debug' in arguments
    # Orbax warns of settings that are intended here. It also logs the tracebacks of exceptions that
    # it raises, and asyncio logs the traceback of a failed save.
    logging.set_verbosity(logging.ERROR if debug else logging.FATAL)
    getLogger('asyncio').setLevel(ERROR if debug else CRITICAL)
    try:
        status = _status_of(main, [a for a in arguments if a != '--debug'], debug, saves)
    except Exception:
        if not jax.distributed.is_initialized():
            raise
        traceback.print_exc()
        status = 1
    signals.wait_until_said()
    sys.stdout.flush()
    if status not in (os.EX_OK, PREEMPTED) and jax.distributed.is_initialized():
        distributed.exit(status)
    sys.exit(status)


def _status_of(
    main: Callable[[Sequence[str]], int | None], arguments: Sequence[str], debug: bool, saves: bool
) -> int:
    try:
        if saves:
            signals.check()
            return main(arguments) or os.EX_OK
        with signals.interrupting():
            status = main(arguments) or os.EX_OK
        return status or signals.received()  # JAX may have swallowed the KeyboardInterrupt
    except (UserError, OSError) as error:
        if debug:
            raise
        fault = fault_of(error)
        _say(str(fault))
        return fault.status
    except KeyboardInterrupt:
        signals.wait_until_said()
        _say('stopped before the end; the same command begins again')
        return signals.received() or 130


class Parser(argparse.ArgumentParser):
    """The argument parser of a command; its errors are sentences that name the flag.

    argparse's usage text is left out.

    Args:
        command: module of the command, 'gan_jax.train'.
        description: purpose of the command, for --help.
        **options: options of `argparse.ArgumentParser`.

    Raises:
        UserError: from parsing, for every wrong argument, and from `error`.
    """

    def __init__(self, command: str, description: str | None, **options: Any):
        self.flags: list[str] = []
        options = {'allow_abbrev': False, 'exit_on_error': False} | options
        super().__init__(f'python -m {command}', description=description, **options)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        self.flags += names
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        try:
            return super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            name, message = error.argument_name, error.message
            if message.startswith('expected'):
                message = f'has no value: write {name}=VALUE'
            if message.startswith('ignored explicit'):
                message = 'takes no value'
            self.error(f'{name} {message}' if name else message)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        flags, rest = self.parse_known_args(args, namespace)
        for argument in rest:
            self.unknown(argument)
        return flags

    def unknown(self, argument: str, *more: str) -> NoReturn:
        """Refuses an argument, and suggests the nearest of the flags and `more`."""
        hint = nearest(argument.partition('=')[0], [*self.flags, *more])
        self.error(f'unknown argument {argument}{hint}')

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


# Types of flags, for argparse.


def path(text: str) -> Path:
    """A path; a leading '~' or '~user' is expanded."""
    return expanded(named(text))


def path_text(text: str) -> str:
    """`path` as text, for a flag that takes more than a path, or is saved as JSON."""
    return str(path(text))


def paths(text: str) -> list[str]:
    """`path_text` of each path of a list with commas."""
    return [path_text(part) for part in text.split(',')]


def named(text: str) -> str:
    """Any text but the empty one, which an unset shell variable gives."""
    if not text:
        raise argparse.ArgumentTypeError('names nothing: give it a value, or leave it out')
    return text


def within(expected: Range) -> Callable[[str], Any]:
    """A type of flags whose values lie in a range."""

    def value(text: str) -> Any:
        found: Any = text
        if isinstance(expected, Integer | Number):
            with contextlib.suppress(ValueError):
                found = (int if isinstance(expected, Integer) else float)(text)
        if not expected.holds(found):
            raise argparse.ArgumentTypeError(f'is {quoted(found)}: give {expected}')
        return found

    return value


def several(one: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """A type of flags: values of another type, with commas between them."""
    return lambda text: [one(part) for part in text.split(',')]


def _say(message: str) -> None:
    for line in message.splitlines():
        print(f'gan_jax: {line}', file=sys.stderr)
