"""A compiled program, read from the text that XLA prints of it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Array(NamedTuple):
    """One array of a program, as XLA lays it out.

    Attributes:
        text: 'f32[256,128]'.
        layout: '1,0:T(8,128)'.
        memory: the number of the memory that holds it; 0 is the large one.
        bytes: of its numbers.
        tiled: bytes that it takes in memory, with the padding to whole tiles.
    """

    text: str
    layout: str
    memory: int
    bytes: int
    tiled: int


class Instruction(NamedTuple):
    """One line of a computation.

    Attributes:
        name: its name, unique in the program.
        kind: XLA's opcode: 'fusion', 'copy', 'all-reduce-start'.
        arrays: its results.
        operands: names of its operands.
        called: names of the computations that it calls.
        trips: how often a loop of known length runs; else 1.
        cycles: the compiler's estimate, if it has one.
        target: of a custom call, such as '__cudnn$convForward'; else ''.
        source: the note of its origin, such as 'jit(update)/Generator/Dense_0/dot_general'.
    """

    name: str
    kind: str
    arrays: tuple[Array, ...]
    operands: tuple[str, ...]
    called: tuple[str, ...]
    trips: int
    cycles: int | None
    target: str
    source: str

    @property
    def bytes(self) -> int:
        """Bytes of all results."""
        return sum(array.bytes for array in self.arrays)


class Program(NamedTuple):
    """A program for one device.

    Attributes:
        computations: name -> instructions, callees before callers.
        runs: name -> how often the computation runs in one call of the program.
        launched: like `runs`, for the computations whose instructions are operations of their own:
            the entry, and bodies of loops, branches and calls. The inside of a fusion, or a
            function of a reduction, is part of the operation that calls it.
    """

    computations: Mapping[str, Sequence[Instruction]]
    runs: Mapping[str, int]
    launched: Mapping[str, int]

    def operations(self) -> Iterator[tuple[Instruction, int]]:
        """Every operation that is launched, and how often."""
        for name, times in self.launched.items():
            if times:
                for one in self.computations[name]:
                    yield one, times


def parse(text: str) -> Program:
    """A program from `jax.stages.Compiled.as_text()`; a loop of unknown length counts one turn.

    A TPU's compiler does not note a loop's length, so it is read from the loop's condition: JAX
    counts the turns of a scan from 0.
    """
    computations = dict(_computations(text))
    runs = _runs(computations, lambda one: one.called)
    launched = _runs(computations, lambda one: one.called if one.kind in CONTROL else ())
    return Program(computations, runs, launched)


CONTROL = ('while', 'conditional', 'call', 'async-start')

_HEAD = re.compile(r'(?:ENTRY )?%?([\w.-]+) .*-> .*\{$')
# 'ROOT %fusion.2 = (f32[8]{0}, /*index=1*/f32[4]{0}) fusion(%a, %b), kind=kLoop, calls=%inside'
_LINE = re.compile(r'\s*(?:ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([a-z][\w-]*)\((.*)$')
_ARRAY = re.compile(r'\b([a-z]+(\d*)\w*)\[([\d,]*)\](?:\{([^{}]*)\})?')
_CALLED = re.compile(r'(?:body|condition|calls|to_apply|_computations?)=\{?([^}=]*)(?=\}|, \w+=|$)')
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_CONDITION = re.compile(r'condition=%?([\w.-]+)')
_CONSTANT = re.compile(r's32\[\]\S* constant\((\d+)\)')
_LESS = re.compile(r'\s*ROOT .* compare\(.*, direction=LT')
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_SOURCE = re.compile(r'op_name="([^"]*)"')
_OPERAND = re.compile(r'%([\w.-]+)')
_TILE = re.compile(r'T\(([\d,]+)\)')
_MEMORY = re.compile(r':?S\((\d+)\)')


def _computations(text: str) -> Iterator[tuple[str, list[Instruction]]]:
    name, lines = '', []
    constants: dict[str, int] = {}
    limits: dict[
        str, int
    ] = {}  # of the conditions 'counter < limit', which stand above their loops
    for line in text.splitlines():
        if head := _HEAD.match(line):
            name, lines = head[1], []
            yield name, lines
        elif found := _LINE.match(line):
            lines.append(one := _instruction(found, line, limits))
            if constant := _CONSTANT.search(line):
                constants[one.name] = int(constant[1])
            if _LESS.match(line) and {*one.operands[1:]} & constants.keys():
                limits[name] = constants[one.operands[1]]


def _instruction(found: re.Match[str], line: str, limits: Mapping[str, int]) -> Instruction:
    name, result, kind, rest = found.groups()
    cycles, target, source = _CYCLES.search(line), _TARGET.search(line), _SOURCE.search(line)
    return Instruction(
        name,
        kind,
        tuple(map(_array, _ARRAY.finditer(result))),
        tuple(_OPERAND.findall(_inside(rest))),
        tuple(one for names in _CALLED.findall(rest) for one in re.findall(r'[\w.-]+', names)),
        _trips(line, limits),
        int(cycles[1]) if cycles else None,
        target[1] if target else '',
        source[1] if source else '',
    )


def _trips(line: str, limits: Mapping[str, int]) -> int:
    if known := _TRIPS.search(line):
        return int(known[1])
    condition = _CONDITION.search(line)
    return limits.get(condition[1], 1) if condition else 1


def _inside(rest: str) -> str:
    """The text up to the bracket that closes the operands."""
    depth = 1
    for i, letter in enumerate(rest):
        depth += (letter == '(') - (letter == ')')
        if not depth:
            return rest[:i]
    return rest


def _array(found: re.Match[str]) -> Array:
    kind, bits, sizes, layout = found.groups()
    shape = [int(n) for n in sizes.split(',') if n]
    item = max(1, int(bits or 8) // 8)  # 'pred' has no number and takes a byte
    memory = _MEMORY.search(layout or '')
    layout = _MEMORY.sub('', layout or '')
    tiled = math.prod(_tiled(shape, layout))
    number = int(memory[1]) if memory else 0
    return Array(f'{kind}[{sizes}]', layout, number, item * math.prod(shape), item * tiled)


def _tiled(shape: Sequence[int], layout: str) -> list[int]:
    """The shape in whole tiles: 'f32[3,5]{1,0:T(8,128)}' takes [8, 128]."""
    order, _, details = layout.partition(':')
    tile = _TILE.match(details)
    if not tile or not shape:
        return list(shape)
    padded = list(shape)
    sizes = [int(n) for n in tile[1].split(',')]
    minor_first = [int(n) for n in order.split(',') if n]
    for size, axis in zip(reversed(sizes), minor_first, strict=False):
        padded[axis] = -(-padded[axis] // size) * size
    return padded


def _runs(computations, called) -> dict[str, int]:
    runs = dict.fromkeys(computations, 0)
    runs[[*computations][-1]] = 1
    for name, lines in reversed(computations.items()):
        for one in lines:
            for other in called(one):
                if other in runs:
                    runs[other] += runs[name] * one.trips
    return runs
