"""Compiled programs are kept between processes, so that a second start takes seconds."""

import os
from pathlib import Path

import jax


def use() -> None:
    """Has JAX keep its programs in ~/.cache/gan_jax/compiled, or in $XDG_CACHE_HOME/gan_jax.

    A program in there is native code that is loaded as it is: the folder must be the user's own and
    closed to everybody else, or it is not used. $JAX_COMPILATION_CACHE_DIR names another one.
    """
    if jax.config.jax_compilation_cache_dir:
        return
    cache = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()
    folder = cache / 'gan_jax' / 'compiled'
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:  # no home, or no room: everything is compiled
        return
    if found.st_uid == os.getuid() and not found.st_mode & 0o077:
        jax.config.update('jax_compilation_cache_dir', str(folder))
