"""The block `averages` of a config: moving averages by name, and which may be evaluated."""

from collections.abc import Iterable, Mapping
from typing import Any

from gan_jax.runtime.ranges import POSITIVE, Choice, Text
from gan_jax.state import player_of

CHOSEN_WITHOUT = ('ema', 'raw')  # weights that every run has
NAME = Text(
    rf'(?!(?:{"|".join(CHOSEN_WITHOUT)}|std)$)[A-Za-z_]\w*', "a name other than 'ema', 'raw', 'std'"
)


def expected(values: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that the blocks in a flat config must have, and what they may hold."""
    found: dict[str, Any] = {}
    for name in names(values):
        found[f'averages.{name}.halflife_images'] = POSITIVE
        if (ramp := f'averages.{name}.ramp') in values:  # without one it has no ramp
            found[ramp] = POSITIVE
    return found


def names(values: Mapping[str, Any]) -> list[str]:
    """The names of the averages in a flat config."""
    return [*dict.fromkeys(key.split('.')[1] for key in values if key.startswith('averages.'))]


def weights(averages: Iterable[str]) -> Choice:
    """The range of `evaluate.weights`: 'ema', 'raw', and the generator's among the averages."""
    return Choice((*CHOSEN_WITHOUT, *(name for name in averages if player_of(name) == 'g')))


def name_faults(values: Mapping[str, Any]) -> Iterable[str]:
    """Names that no flag could choose."""
    for name in names(values):
        if not NAME.holds(name):
            yield f"config.averages has a block '{name}': give {NAME}"
