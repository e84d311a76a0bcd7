"""The products in the text of a lowered program."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

PRODUCT = re.compile(r'stablehlo\.(?:dot_general|convolution)\W.*')
TYPES = re.compile(r'tensor<(?:\d+x)*(\w+)>')
NAME = re.compile(r'^(#loc\d*) = loc\("([^"]*)"', re.M)


class Product(NamedTuple):
    """A matrix product or a convolution.

    Attributes:
        scope: the modules and transformations that it comes from.
        operands: their type, 'f32' or 'bf16'; both if they differ.
        precision: 'default' or 'highest'; both if the operands' differ.
    """

    scope: str
    operands: str
    precision: str


def products(lowered: Any) -> Iterator[Product]:
    """The products of a `jax.stages.Lowered`; the body of a loop counts once."""
    text = lowered.as_text(debug_info=True)
    names = dict(NAME.findall(text))
    for line in PRODUCT.findall(text):
        before, result = line.rsplit('->', 1)
        types = TYPES.findall(before.rsplit(' : ', 1)[1])
        precisions = re.findall('HIGHEST|HIGH|DEFAULT', before) or ['DEFAULT']
        yield Product(
            names.get(re.search(r'loc\((#loc\d*)\)', result)[1], ''),
            '/'.join(dict.fromkeys(types)),
            '/'.join(dict.fromkeys(precisions)).lower(),
        )


def for_platforms(traced: Any, *platforms: str) -> Iterator[Product]:
    """The products of a `jax.stages.Traced`, lowered for platforms that need not be here."""
    for platform in platforms:
        yield from products(traced.lower(lowering_platforms=(platform,)))
