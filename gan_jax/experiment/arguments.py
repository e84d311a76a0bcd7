"""The arguments of a config or sweep file, the text after the colon in `FILE:key=value,...`."""

from collections.abc import Sequence
from typing import Any

from gan_jax.runtime import brackets


def network_of(text: str, known: Sequence[str]) -> tuple[str, str]:
    """The network that the arguments of a config name, and the other arguments.

    Args:
        text: after the colon in `--config=FILE:network=NAME,...`.
        known: the networks; without a name it is the first.

    Raises:
        ValueError: there is no such network.
    """
    items = [*map(str.strip, brackets.split(text, ','))]
    named = [item for item in items if item.startswith('network=')]
    name = named[-1].partition('=')[2] if named else known[0]
    if name not in known:
        raise ValueError(f"there is no network '{name}'; known: {', '.join(known)}")
    return name, ','.join(item for item in items if item not in named)


def arguments(text: str, **defaults: Any) -> dict[str, Any]:
    """The values of the text after the colon in `--config=FILE:key=value,...`, over defaults.

    A value takes the type of its default. Blanks around a comma count for nothing.

    Raises:
        ValueError: an unknown key, or a value that is not of its default's type.
    """
    chosen = dict(defaults)
    for item in filter(None, map(str.strip, brackets.split(text, ','))):
        key, separator, value = item.partition('=')
        if key not in defaults or not separator:
            known = ', '.join(f'{k}={v}' for k, v in defaults.items())
            comma = '' if separator else ', and what stands between commas is one of these'
            raise ValueError(f"does not take '{item}'; it takes {known}{comma}")
        try:
            chosen[key] = type(defaults[key])(value)
        except ValueError as error:
            raise ValueError(f"{key} is '{value}': give a number") from error
    return chosen
