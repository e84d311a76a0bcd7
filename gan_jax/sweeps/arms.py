"""Arms, the points of a grid: {key: value}, shared by all seeds of one experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

Arm = Mapping[str, Any]


def keys(arms: Sequence[Arm]) -> list[str]:
    """The keys of all arms, each once, in the order of the grid."""
    return list(dict.fromkeys(key for arm in arms for key in arm))


def varied(arms: Sequence[Arm]) -> list[str]:
    """The keys in which arms differ, by value or by presence."""
    return [key for key in keys(arms) if len({arm.get(key) for arm in arms}) > 1]


def numbers(key: str, arms: Sequence[Arm]) -> list[float]:
    """The distinct numbers among a key's values, ascending."""
    return sorted({arm[key] for arm in arms if key in arm and _is_number(arm[key])})


def grouped(arms: Sequence[Arm], without: str | None) -> dict[str, list[Arm]]:
    """Groups of arms that differ in the key `without` alone, by the label of their other keys."""
    shared = [key for key in varied(arms) if key != without]
    found: dict[str, list[Arm]] = {}
    for arm in arms:
        found.setdefault(label(only(arm, shared)), []).append(arm)
    return found


def swept(arms: Sequence[Arm]) -> str | None:
    """The last key with several numbers at equal other keys; None if there is none."""
    for key in reversed(varied(arms)):
        if any(len(numbers(key, group)) > 1 for group in grouped(arms, key).values()):
            return key
    return None


def matching(wanted: Arm, arms: Sequence[Arm]) -> list[Arm]:
    """The arms that have all keys and values of `wanted`, and perhaps others."""
    return [arm for arm in arms if wanted.items() <= arm.items()]


def label(arm: Arm) -> str:
    """The arm as text: 'method=bcr,strength=0.2'."""
    return ','.join(f'{key}={value}' for key, value in arm.items())


def only(arm: Arm, chosen: Sequence[str]) -> Arm:
    """The arm restricted to the chosen keys, in the arm's order."""
    return {key: value for key, value in arm.items() if key in chosen}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
