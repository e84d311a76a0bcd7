"""What every command shares: how a fault reaches the user, and the exit status."""

import os
import sys
from collections.abc import Callable, Sequence

from absl import logging

from gan_jax import compile_cache
from gan_jax.errors import DISK, UserError


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Runs a command on the process's arguments and exits with its status.

    A `UserError` becomes its sentence on standard error and its status, without a traceback unless
    --debug is among the arguments. Everything else is a defect of ours and keeps its traceback.
    """
    # Orbax warns of settings that are meant.
    logging.set_verbosity(logging.ERROR)
    compile_cache.use()
    arguments = sys.argv[1:]
    debug = '--debug' in arguments
    try:
        status = main([a for a in arguments if a != '--debug'])
    except UserError as error:
        if debug:
            raise
        _say(str(error))
        status = error.status
    except OSError as error:
        if debug:
            raise
        _say(f'{error.strerror or error}: {error.filename or ""}'.rstrip(': '))
        status = DISK
    except KeyboardInterrupt:
        status = 130
    sys.stdout.flush()
    sys.exit(status or os.EX_OK)


def _say(message: str) -> None:
    for line in message.splitlines():
        print(f'gan_jax: {line}', file=sys.stderr)
