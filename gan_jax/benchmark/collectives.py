"""The communication of a compiled step between devices, read from XLA's program of one device."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

KINDS = ('all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all', 'collective-permute')


class Collective(NamedTuple):
    """A collective operation of all devices.

    Attributes:
        kind: one of `KINDS`.
        times: the number of runs in a step.
        shapes: of the results on each device, as XLA writes them: 'f32[256,128]'.
        bytes: of the results, over all runs.
        source: XLA's note of its origin; a merged operation has several.
    """

    kind: str
    times: int
    shapes: tuple[str, ...]
    bytes: int
    source: str


def collectives(text: str) -> list[Collective]:
    """The collectives of a program, in its order; [] if it runs on one device.

    Args:
        text: `jax.stages.Compiled.as_text()`.
    """
    computations = dict(_computations(text))
    times = _times(computations)
    return [
        _collective(*found.groups(), line, times[name])
        for name, lines in computations.items()
        for line in lines
        if times[name] and (found := _COLLECTIVE.search(line))
    ]


# A result is 'f32[8]{0}' or '(f32[8]{0}, /*index=1*/f32[4,8]{1,0})'. An asynchronous operation is a
# pair, '-start' and '-done'; the latter has the result.
_COLLECTIVE = re.compile(rf' = (\(.*?\)|\S+) ({"|".join(KINDS)})(?:-done)?\(')
_SHAPE = re.compile(r'\b([a-z]+(\d*)\w*)\[([\d,]*)\]')
_HEAD = re.compile(r'(?:ENTRY )?%?([\w.-]+) .*-> .*\{$')
_CALLED = re.compile(r'(?:body|calls|to_apply|_computations?)=\{?([^}=]*)(?:\}|, \w+=|$)')
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


def _computations(text: str) -> Iterator[tuple[str, list[str]]]:
    """(name, lines) of each computation, callees before callers; the last one is the program."""
    lines: list[str] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            lines = []
            yield head[1], lines
        elif ' = ' in line:
            lines.append(line)


def _times(computations: dict[str, list[str]]) -> dict[str, int]:
    """The number of runs of each computation; a loop of unknown length counts as one turn."""
    times = dict.fromkeys(computations, 0)
    times[[*computations][-1]] = 1
    for name, lines in reversed(computations.items()):
        for line in lines:
            trips = _TRIPS.search(line)
            for called in _CALLED.findall(line):
                for other in re.findall(r'[\w.-]+', called):
                    if other in times:
                        times[other] += times[name] * (int(trips[1]) if trips else 1)
    return times


def _collective(result: str, kind: str, line: str, times: int) -> Collective:
    shapes = list(_SHAPE.finditer(result))
    sizes = [_itemsize(s[2]) * math.prod(int(n) for n in s[3].split(',') if n) for s in shapes]
    source = re.search(r'op_name="([^"]*)"', line)
    named = tuple(shape[0] for shape in shapes)
    return Collective(kind, times, named, times * sum(sizes), source[1] if source else '')


def _itemsize(bits: str) -> int:
    return max(1, int(bits or 8) // 8)  # 'pred' has no number and takes a byte
