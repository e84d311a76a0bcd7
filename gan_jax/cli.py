"""What every command shares: how a fault reaches the user, and the exit status."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from logging import CRITICAL, ERROR, getLogger

import jax
from absl import logging

from gan_jax import cluster, compile_cache, signals
from gan_jax.errors import PREEMPTED, UserError, fault_of


def run(main: Callable[[Sequence[str]], int | None], *, saves: bool = False) -> None:
    """Runs a command on the process's arguments and exits with its status.

    A `UserError` becomes its sentence on standard error and its status, without a traceback unless
    --debug is among the arguments. Everything else is a defect of ours and keeps its traceback.

    A command begins with `begin.command`, before it imports anything else.

    Args:
        main: arguments -> exit status.
        saves: whether it looks at `signals.received` itself, and saves; to any other a signal is a
            KeyboardInterrupt.
    """
    compile_cache.use()
    arguments = sys.argv[1:]
    debug = '--debug' in arguments
    # Orbax warns of settings that are meant, and logs the traceback of what it raises as well, as
    # asyncio does of a save that has failed.
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
        cluster.leave(status)
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
        return status or signals.received()  # what JAX has swallowed
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


def config_parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of a command that takes --config and its overrides, for `parse_config`."""
    parser = argparse.ArgumentParser(
        f'python -m gan_jax.{command}',
        description=description,
        epilog='--config.KEY=VALUE overrides one value; --debug shows tracebacks.',
        allow_abbrev=False,
    )
    parser.add_argument('--config', required=True, metavar='FILE[:ARGUMENTS]')
    return parser


def parse_config(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """The flags, and the overrides as `config.read` takes them; whatever else is there ends it."""
    flags, rest = parser.parse_known_args(arguments)
    overrides = [a for a in rest if a.startswith(('--config.', '--noconfig.'))]
    for argument in rest:
        if argument not in overrides:
            parser.error(f'unknown argument {argument}; overrides are --config.key=value')
    return flags, overrides


def _say(message: str) -> None:
    for line in message.splitlines():
        print(f'gan_jax: {line}', file=sys.stderr)
