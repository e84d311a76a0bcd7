"""The cache of compiled programs on disk: a second start takes seconds."""

import os
from pathlib import Path

import jax


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
