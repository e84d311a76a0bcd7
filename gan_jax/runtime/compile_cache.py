"""The cache on disk of what takes seconds to make: compiled programs, the library of charts."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import jax

from gan_jax.runtime import files


def use() -> None:
    """Makes JAX cache programs in ~/.cache/gan_jax/compiled, or below $XDG_CACHE_HOME.

    A cached program is native code that is loaded unchecked. The folder is therefore used only if
    it belongs to the user and is closed to everybody else. $JAX_COMPILATION_CACHE_DIR names
    another folder.
    """
    if jax.config.values['jax_compilation_cache_dir']:
        return
    cache = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()
    folder = cache / 'gan_jax' / 'compiled'
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:  # no home, or no room: every program is compiled
        return
    if found.st_uid == os.getuid() and not found.st_mode & 0o077:
        jax.config.update('jax_compilation_cache_dir', str(folder))


def kept(name: str, make: Callable[[], str]) -> str:
    """A text of the cache, which is made, and kept there, if it is not in it.

    Args:
        name: of the file; it says everything that the text depends on.
        make: () -> the text.
    """
    folder = Path(jax.config.values['jax_compilation_cache_dir'] or '')
    path = folder / name if folder.is_absolute() and folder.is_dir() else None
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path is not None:
            return files.read_plain(path).decode()
    text = make()
    with contextlib.suppress(OSError):
        if path is not None:
            files.replace(path, text.encode())
    return text
