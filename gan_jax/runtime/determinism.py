"""Deterministic operations on a GPU: the same program gives the same bits in every process.

XLA reads its flags from the environment when JAX starts a backend, and ends the process with a
core dump where it does not know one.
"""

import os
import subprocess
import sys
from pathlib import Path

import jaxlib

from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.paths import shown

# It excludes operations whose result depends on the order of threads, and has kernels chosen by
# rule: autotuning measures them in each process anew, and may find another one the fastest.
FLAG = '--xla_gpu_deterministic_ops'
_TRUE = ('', 'true', 'True', '1')


def require() -> None:
    """Adds `FLAG` to $XLA_FLAGS, before any device is used. It changes nothing on other devices.

    Raises:
        UserError: $XLA_FLAGS has the flag with another value, jaxlib does not know it, or as
            `flags`.
    """
    given = flags()
    values = [flag.partition('=')[2] for flag in given.split() if flag.partition('=')[0] == FLAG]
    if any(value not in _TRUE for value in values):
        raise UserError(
            f'--deterministic contradicts {FLAG}={values[-1]} in $XLA_FLAGS: leave one of them out'
        )
    if not values and not _known(FLAG):
        raise UserError(
            f'--deterministic needs {FLAG}, which jaxlib {jaxlib.__version__} does not know: leave '
            'it out, or install another version'
        )
    os.environ['XLA_FLAGS'] = given if values else f'{given} {FLAG}=true'.strip()


def flags() -> str:
    """The user's flags for XLA. A value that begins with no dash names a file of them.

    Raises:
        UserError: the file cannot be read (66).
    """
    text = os.environ.get('XLA_FLAGS', '').strip()
    if not text or text.startswith('-'):
        return text
    try:
        return Path(text).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, 'strerror', None) or 'it is no text'
        raise UserError(
            f'$XLA_FLAGS is {shown(text)}, which begins with no dash and so names a file of flags, '
            f'and it cannot be read ({why}): give the flags themselves, or unset it',
            MISSING,
        ) from error


def _known(flag: str) -> bool:
    """True if XLA knows a flag, which a process of its own tries."""
    start = 'import jax; jax.local_devices(backend="cpu")'
    environment = {**os.environ, 'XLA_FLAGS': f'{flag}=true', 'JAX_PLATFORMS': 'cpu'}
    return not subprocess.run(
        [sys.executable, '-c', start], env=environment, capture_output=True
    ).returncode
