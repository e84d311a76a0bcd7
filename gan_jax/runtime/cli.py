"""The frame of every command: error messages, the exit status, and types of flags.

Importing this module needs no JAX, so that --help and mistakes are answered at once.
"""

import argparse
import contextlib
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from logging import CRITICAL, ERROR, getLogger
from pathlib import Path
from typing import Any, NoReturn

from absl import logging

from gan_jax.runtime import collector, output, signals
from gan_jax.runtime.errors import PREEMPTED, UserError, fault_of
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.ranges import Integer, Number, Range, quoted


def run(main: Callable[[Sequence[str]], int | None], *, saves: bool = False) -> None:
    """Runs a command on the process's arguments and exits with its status.

    A `UserError` becomes its sentence on standard error and its status, without a traceback unless
    --debug is among the arguments. Every other exception is a defect of this package and keeps its
    traceback. `output.FLAGS` are followed, and not passed on.

    A command calls `begin.command` before it imports anything else.

    Args:
        main: arguments -> exit status.
        saves: True when `main` polls `signals.received` itself and saves. In any other command a
            signal raises KeyboardInterrupt.
    """
    from jax.distributed import is_initialized

    from gan_jax.runtime import compile_cache, determinism, distributed

    def checked(arguments: Sequence[str]) -> int | None:
        determinism.flags()  # at a file that it cannot read XLA would end the process
        return main(arguments)

    collector.resume()
    compile_cache.use()
    with output.as_asked(sys.argv[1:]) as arguments:
        # Orbax warns of settings that are intended here. It also logs the tracebacks of exceptions
        # that it raises, and asyncio logs the traceback of a failed save.
        logging.set_verbosity(logging.ERROR if output.is_debug() else logging.FATAL)
        getLogger('asyncio').setLevel(ERROR if output.is_debug() else CRITICAL)
        try:
            status, said = _ended(checked, arguments, saves)
        except Exception:
            if not is_initialized():
                raise
            traceback.print_exc()
            status, said = 1, ''
        signals.wait_until_said()
        if output.is_json() and distributed.is_leader():
            output.conclude(status, said)
    sys.stdout.flush()
    if status not in (os.EX_OK, PREEMPTED) and is_initialized():
        distributed.exit(status)
    if not saves and signals.commanded():
        # Python's own end may crash after an exception inside of JAX (jaxlib 0.10.2, in the middle
        # of a compilation): the status would be SIGSEGV's.
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def read(parse: Callable[[Sequence[str]], object]) -> None:
    """Reads the process's arguments before the command's packages are imported.

    Ends the process after --help, for a mistake in the arguments, and after a signal.

    Args:
        parse: arguments -> flags; raises UserError.
    """

    def parsed(arguments: Sequence[str]) -> int:
        parse(arguments)
        return os.EX_OK

    with output.as_asked(sys.argv[1:]) as arguments:
        status, said = _ended(parsed, arguments, False)
        if status and output.is_json():
            output.conclude(status, said)
    if status:
        sys.exit(status)


def _ended(
    main: Callable[[Sequence[str]], int | None], arguments: Sequence[str], saves: bool
) -> tuple[int, str]:
    """The exit status of a command, and the sentence of the error that has ended it, or ''."""
    try:
        if saves:
            signals.check()
            return main(arguments) or os.EX_OK, ''
        with signals.interrupting():
            status = main(arguments) or os.EX_OK
        return status or signals.received(), ''  # JAX may have swallowed the KeyboardInterrupt
    except (UserError, OSError) as error:
        if output.is_debug():
            raise
        fault = fault_of(error)
        output.complain(str(fault))
        return fault.status, str(fault)
    except KeyboardInterrupt:
        signals.wait_until_said()
        said = 'stopped before the end; the same command begins again'
        output.complain(said)
        return signals.received() or 130, said


REQUIRED = 'the following arguments are required: '  # how argparse's sentence begins


class _Paragraphs(argparse.HelpFormatter):
    """Fills each paragraph of a description for the width of the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return '\n\n'.join(fill(part, width, indent) for part in text.split('\n\n'))


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
        self.given: list[str] = []  # the arguments
        options = {'allow_abbrev': False, 'exit_on_error': False} | options
        top, _, name = command.partition('.')
        program = f'gan_jax {name}' if top == 'gan_jax' else f'python -m {command}'
        super().__init__(program, description=description, formatter_class=_Paragraphs, **options)
        common = self.add_argument_group('of every command')
        for flag, purpose in output.FLAGS.items():
            common.add_argument(flag, action='store_true', help=purpose)
            self.flags.append(flag)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        self.flags += names
        return super().add_argument(*names, **options)

    def print_help(self, file: Any = None) -> None:
        super().print_help(file or output.stdout())  # also beside --quiet or --json

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.given = sys.argv[1:] if args is None else [*args]
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
        self.error(f'unknown argument {argument}{hint}{self._unquoted(argument)}')

    def _unquoted(self, argument: str) -> str:
        """The end of a sentence about words that a blank has cut off from the value before them."""
        place = self.given.index(argument) if argument in self.given else 0
        if argument.startswith('-') or not place or '=' not in self.given[place - 1]:
            return ''
        words = self.given[place - 1 :]
        count = next((i for i, word in enumerate(words[1:], 1) if word.startswith('-')), len(words))
        whole = shlex.quote(' '.join(words[:count]))
        return f'; if it belongs to the value before it, put quotes around it all: {whole}'

    def error(self, message: str) -> NoReturn:
        if message.startswith(REQUIRED):
            message = '\n'.join(self._missing(message.removeprefix(REQUIRED).split(', ')))
        raise UserError(message)

    def _missing(self, names: Sequence[str]) -> Iterator[str]:
        """A sentence for each flag that is missing, and for what may have been meant for it."""
        for action in self._actions:
            if (name := '/'.join(action.option_strings)) in names:
                yield f'{name}={action.metavar or action.dest.upper()} is missing: {action.help}'
        for one in self.given:
            name = one.partition('=')[0]
            if name.startswith('--') and name not in self.flags and '.' not in name:
                yield f'unknown argument {one}{nearest(name, self.flags)}'


# Types of flags, for argparse.


def path(text: str) -> Path:
    """A path; a leading '~' or '~user' is expanded."""
    return expanded(named(text))


def file(text: str) -> Path:
    """`path` of a file to write; a folder or a device there would be refused late, or replaced."""
    found = path(text)
    if text.endswith('/') or (found.exists() and not found.is_file()):
        raise argparse.ArgumentTypeError(f'is {text}, which is no file: give the name of one')
    return found


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
