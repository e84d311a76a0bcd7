"""Commands that work when they are pasted into this shell: gan_jax's own, and pip's."""

import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import gan_jax

ROOT = Path(gan_jax.__file__).parents[1]  # of a checkout; site-packages of an installed package


def command(name: str, *arguments: str) -> str:
    """A command of gan_jax, by the interpreter that runs now, quoted for a shell.

    Args:
        name: 'train'.
        *arguments: its arguments, not quoted.
    """
    script = shutil.which('gan_jax')
    ours = script and Path(script).parent == Path(sys.executable).parent
    return shlex.join([*(['gan_jax'] if ours else [python(), '-m', 'gan_jax']), name, *arguments])


def run_module(module: str, *arguments: str) -> str:
    """A module of another package as a command; '' where the package is not installed."""
    if find_spec(module.partition('.')[0]) is None:
        return ''
    return shlex.join([python(), '-m', module, *arguments])


def install(extra: str) -> str:
    """The command that adds an extra of gan_jax to this environment, quoted for a shell.

    In a checkout it installs the checkout itself.
    """
    if (ROOT / 'setup.py').is_file():
        return _pip('-e', f'{near(ROOT)}[{extra}]')
    return _pip(f'gan_jax[{extra}]')


def install_packages(*names: str) -> str:
    """The command that adds packages to this environment, quoted for a shell."""
    return _pip(*names)


def python() -> str:
    """The interpreter that runs now: 'python' if the shell finds the same one, else its path."""
    found = shutil.which('python')
    return 'python' if found and Path(found) == Path(sys.executable) else near(sys.executable)


def near(path: str | Path) -> str:
    """A path relative to the current folder if it lies below it, else absolute."""
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    below = whole.is_relative_to(here) and here != Path(here.anchor)
    return str(whole.relative_to(here)) if below else str(whole)


def _pip(*arguments: str) -> str:
    return shlex.join([python(), '-m', 'pip', 'install', *arguments])
