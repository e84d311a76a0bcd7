"""gan_jax: GANs with augmentation, consistency and contrastive regularisation, in JAX.

What stands in `SURFACE` is for notebooks and programs of one's own. Each name is imported when it
is first used: `import gan_jax` itself imports nothing.
"""

import importlib
import sys

__version__ = '0.1.0'

# Name -> the module that defines it, or is it.
SURFACE = {
    'load_generator': 'gan_jax.api.generators',
    'load_run': 'gan_jax.api.runs',
    'score': 'gan_jax.api.scoring',
    'losses': 'gan_jax.losses',
    'augment': 'gan_jax.augment',  # modules that are called, see `runtime.callable_module`
    'train': 'gan_jax.train',
}


def __getattr__(name: str) -> object:
    """An entry of `SURFACE`."""
    if name not in SURFACE:
        raise AttributeError(f'gan_jax has no {name!r}; it has {", ".join(SURFACE)}')
    module = importlib.import_module(SURFACE[name])
    return module if SURFACE[name] == f'gan_jax.{name}' else getattr(module, name)


def __dir__() -> list[str]:
    """The entries of `SURFACE`, beside the submodules that are imported by now."""
    others = (n for n in globals() if n.startswith('__') or f'{__name__}.{n}' in sys.modules)
    return sorted({*SURFACE, *others})
