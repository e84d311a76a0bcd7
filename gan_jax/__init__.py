"""gan_jax: GANs with augmentation, consistency and contrastive regularisation, in JAX.

What stands in `SURFACE` is for notebooks and programs of one's own. Each name is imported when it
is first used: `import gan_jax` itself imports nothing.
"""

import importlib

__version__ = '0.1.0'

# Name -> the module that defines it.
SURFACE = {
    'load_generator': 'gan_jax.library.generators',
}


def __getattr__(name: str) -> object:
    """An entry of `SURFACE`."""
    if name not in SURFACE:
        raise AttributeError(f'gan_jax has no {name!r}; it has {", ".join(SURFACE)}')
    return getattr(importlib.import_module(SURFACE[name]), name)


def __dir__() -> list[str]:
    """The entries of `SURFACE`, beside what is imported by now."""
    return sorted({*globals(), *SURFACE})
