"""One compiled program for all runs that differ in numbers only."""

from collections.abc import Callable, Mapping
from typing import Any

from gan_jax.parts import Parts, assemble, vary
from gan_jax.sweeps.groups import group


def sharing() -> Callable[[Mapping[str, Any]], Parts]:
    """`parts.assemble` that gives runs of one `group` the same program, data set and metrics."""
    first: dict[str, Parts] = {}

    def assembled(settings: Mapping[str, Any]) -> Parts:
        code = group(settings)
        if code not in first:
            first[code] = assemble(settings)
        return vary(first[code], settings)

    return assembled
