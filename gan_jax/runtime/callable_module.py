"""Modules that can be called: `gan_jax.train(...)`, beside `gan_jax.train.main`."""

import importlib
import sys
import types
from typing import Any


class _Callable(types.ModuleType):
    """A module whose call is the call of the function at the path `CALLED`."""

    CALLED = ''

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        module, _, name = self.CALLED.rpartition('.')
        return getattr(importlib.import_module(module), name)(*arguments, **options)


def calls(module: str, path: str) -> None:
    """Makes a module callable.

    The function is imported at the first call: it may import the module itself.

    Args:
        module: `__name__` of the module.
        path: of the function, 'package.module.function'.
    """
    found = sys.modules[module]
    found.__class__ = _Callable
    found.__dict__['CALLED'] = path
