"""The kinds of the blocks of a config, known by type or by the return annotation of a function."""

import inspect
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import optax

from gan_jax.load import Kind
from gan_jax.terms import Term


def promises(function: Any, kind: type) -> bool:
    """True of a function whose return annotation is `kind`, or a subclass of it."""
    if not inspect.isfunction(function):
        return False
    promised = function.__annotations__.get('return')
    if isinstance(promised, str):  # where a module puts off its annotations
        promised = function.__globals__.get(promised)
    return inspect.isclass(promised) and issubclass(promised, kind)


def _makers(kind: type) -> Callable[[Any], bool]:
    return lambda found: promises(found, kind)


NETWORK = Kind(
    'a network',
    mark='a class of Flax modules of gan_jax.models',
    packages=('gan_jax.models',),
    fits=lambda found: inspect.isclass(found) and issubclass(found, nn.Module),
    makes=nn.Module,
)
TERM = Kind(
    'a term',
    mark="a function of gan_jax.terms that is annotated as '-> Term'",
    packages=('gan_jax.terms',),
    fits=_makers(Term),
    makes=Term,
    reserved=('weight', 'every', 'policy', 'strength'),
)
OPTIMIZER = Kind(
    'an optimiser',
    mark="a function of optax that is annotated as '-> GradientTransformation'",
    packages=('optax',),
    fits=_makers(optax.GradientTransformation),
    makes=optax.GradientTransformation,
    reserved=('learning_rate',),
)
