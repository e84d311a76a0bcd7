"""The block `averages` of a config: moving averages by name, and which may be evaluated."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gan_jax.experiment.values import WITHOUT_AVERAGES
from gan_jax.profiles import exponent_of
from gan_jax.runtime.ranges import POSITIVE, Choice, Number, Text
from gan_jax.state import Ema, Power, TrainState, nbytes, player_of

NAME = Text(
    rf'(?!(?:{"|".join(WITHOUT_AVERAGES)}|std)$)[A-Za-z_]\w*',
    "a name other than 'ema', 'raw', 'std'",
)

STD = Number(0.001, 0.3)  # there is no profile of more than 0.3003
STD_PREFIX = 'std:'


def expected(values: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that the blocks in a flat config must have, and what they may hold."""
    found: dict[str, Any] = {}
    for name in names(values):
        if f'averages.{name}.std' in values:
            found[f'averages.{name}.std'] = STD
            continue
        found[f'averages.{name}.halflife_images'] = POSITIVE
        if (ramp := f'averages.{name}.ramp') in values:  # without one it has no ramp
            found[ramp] = POSITIVE
    return found


def names(values: Mapping[str, Any]) -> list[str]:
    """The names of the averages in a flat config."""
    return [*dict.fromkeys(key.split('.')[1] for key in values if key.startswith('averages.'))]


def weights(averages: Iterable[str]) -> Choice:
    """The range of `evaluate.weights`: 'ema', 'raw', and the generator's among the averages."""
    return Choice((*WITHOUT_AVERAGES, *(name for name in averages if player_of(name) == 'g')))


def options(block: Mapping[str, Any]) -> Ema | Power:
    """The average of a valid block without schedules."""
    if 'std' in block:
        return Power(exponent_of(block['std']))
    return Ema(**{'ramp': math.inf, **block})


def with_std(blocks: Mapping[str, Any]) -> dict[str, float]:
    """The averages of G that other ones can be made of, by name: the std of each."""
    return {n: b['std'] for n, b in blocks.items() if 'std' in b and player_of(n) == 'g'}


def snapshot_bytes(shapes: TrainState, settings: Mapping[str, Any]) -> int:
    """Bytes of the averages in a snapshot; 0 where there is none.

    Args:
        shapes: the state, or its shapes.
        settings: the resolved config.
    """
    return nbytes([shapes.averages[name] for name in with_std(settings['averages'])])


def std_of(weights: str) -> float | None:
    """The number in weights such as 'std:0.08', NaN where it is none; None for a name."""
    if not weights.startswith(STD_PREFIX):
        return None
    try:
        return float(weights.removeprefix(STD_PREFIX))
    except ValueError:
        return math.nan


def name_faults(values: Mapping[str, Any]) -> Iterable[str]:
    """Names that no flag could choose."""
    for name in names(values):
        if not NAME.holds(name):
            yield f"config.averages has a block '{name}': give {NAME}"
