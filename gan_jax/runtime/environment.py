"""Commands to be pasted into this shell, which work in any folder: gan_jax's own, and pip's."""

import os
import shlex
import shutil
import sys
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gan_jax

ROOT = Path(gan_jax.__file__).parents[1]  # of a checkout; site-packages of an installed package


def command(name: str, *arguments: str, packages: Collection[str] = ()) -> str:
    """A command of gan_jax, by the interpreter that runs now, quoted for a shell.

    Args:
        name: 'train'.
        *arguments: its arguments, not quoted.
        packages: that it imports, beside gan_jax. PYTHONPATH leads to those that Python finds
            in the current folder alone.
    """
    script = shutil.which('gan_jax')
    ours = script and Path(script).parent == Path(sys.executable).parent
    words = [*(['gan_jax'] if ours else [python(), '-m', 'gan_jax']), name, *arguments]
    return _path_to(['gan_jax', *packages]) + shlex.join(words)


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
        return _pip('-e', f'{ROOT}[{extra}]')
    return _pip(f'gan_jax[{extra}]')


def install_packages(*names: str) -> str:
    """The command that adds packages to this environment, quoted for a shell."""
    return _pip(*names)


def python() -> str:
    """The interpreter that runs now: 'python' if the shell finds the same one, else its path."""
    found = shutil.which('python')
    return 'python' if found and Path(found) == Path(sys.executable) else sys.executable


def _pip(*arguments: str) -> str:
    return shlex.join([python(), '-m', 'pip', 'install', *arguments])


def _path_to(packages: Collection[str]) -> str:
    """'PYTHONPATH=... ' if one of the packages is found from this folder alone, else ''."""
    given = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    fixed = {*map(os.path.abspath, filter(os.path.isabs, given))}
    whole = dict.fromkeys(map(os.path.abspath, ['', *given]))
    here = [*map(os.path.abspath, sys.path)]
    elsewhere = [path for path in here if path in fixed or path not in whole]
    if all(_found(name, here) == _found(name, elsewhere) for name in packages):
        return ''
    return f'PYTHONPATH={shlex.quote(os.pathsep.join(whole))} '


def _found(package: str, path: Sequence[str]) -> Any:
    """The place where Python finds a package with such a `sys.path`, without importing it."""
    specs = (finder.find_spec(package, path) for finder in sys.meta_path)
    spec = next(filter(None, specs), None)
    return spec and (spec.origin, [*(spec.submodule_search_locations or ())])
