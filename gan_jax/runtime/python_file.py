"""Functions from Python files of the user, a config or a sweep; exceptions become sentences."""

import hashlib
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from gan_jax.runtime.errors import UserError, sentence


def call(path: Path, name: str, *arguments: Any, called: str = '') -> Any:
    """Runs a Python file, and calls the function of that name in it.

    Args:
        path: of the file.
        name: of the function.
        arguments: of the function.
        called: what its user calls the file, where a fault is of the arguments; '' is its path.

    Raises:
        UserError: there is no such file or function, or the file or the function raises anything;
            one that the function raises stays as it is.
    """
    try:
        function = runpy.run_path(str(path)).get(name)
    except (Exception, SystemExit) as error:  # it may raise anything
        raise UserError(_said(path, error)) from error
    if not callable(function):
        raise UserError(f'{path} defines no function {name}()')
    try:
        return function(*arguments)
    except UserError:  # a sentence already
        raise
    except ValueError as error:
        raise UserError(f'{called or path}: {sentence(_readable(error))}') from error
    except (Exception, SystemExit) as error:
        raise UserError(_said(path, error)) from error


def source_digest(path: str) -> str:
    """SHA-256, in hex, of the file of a function that `load.resolve` has found by its path.

    Raises:
        ValueError: the module has no source.
    """
    # The module's source: results of `jax.jit` and functools.partial have none.
    source = Path(getattr(sys.modules[path.rpartition('.')[0]], '__file__', None) or '')
    if source.suffix != '.py':
        raise ValueError(f"'{path}' has no source: wrap it in a function of a file of yours")
    return hashlib.sha256(source.read_bytes()).hexdigest()


def _said(path: Path, error: BaseException) -> str:
    """The exception as a sentence, with the line number unless it is a ValueError."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    lines += [error.lineno] if isinstance(error, SyntaxError) and error.lineno else []
    where = f', line {lines[-1]}' if lines and not isinstance(error, ValueError) else ''
    return f'{path}{where}: {sentence(_readable(error))}{_place(error)}'


def _place(error: BaseException) -> str:
    """The places where Python looks, for a module or a file that is not there."""
    if isinstance(error, ModuleNotFoundError):
        return '; modules are looked for in the current folder and in those of PYTHONPATH'
    if isinstance(error, FileNotFoundError):
        return '; a path begins in the current folder, unless the file makes it of its __file__'
    return ''


def _readable(error: BaseException) -> BaseException:
    """The error; of a key that a ConfigDict lacks, with the words of the KeyError it wraps."""
    wrapped = error.args[0] if error.args else None
    if isinstance(wrapped, KeyError) and wrapped.args:
        return type(error)(': '.join(str(wrapped.args[0]).splitlines()))
    return error
