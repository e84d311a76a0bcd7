"""The numbers of a compiled train step: launches, copies, collectives, estimated cycles."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gan_jax.benchmark.collectives import KINDS, of_program
from gan_jax.benchmark.compilers.hlo import CONTROL, Array, Instruction, Program

LARGE = 1_000_000  # bytes of a copy or transpose that is listed
SCALARS = 16  # bytes of a key: a TPU computes with single numbers beside its other work
LISTED = 12  # of the most expensive operations

# Not work on a device: names, and ends of what has begun before.
_FREE = {
    'parameter', 'constant', 'tuple', 'get-tuple-element', 'bitcast', 'after-all', 'partition-id',
    'replica-id', 'opt-barrier', 'add-dependency', 'domain', *CONTROL,
}  # fmt: skip
# Rearrangements of numbers, of which a fusion may consist.
_MOVES = {'parameter', 'bitcast', 'copy', 'transpose', 'reshape', 'tuple', 'get-tuple-element'}
_PRODUCTS = {'convolution', 'dot'}
_GEMM = re.compile(r'cudnn\$conv|cublas|gemm|Winograd')


class Operation(NamedTuple):
    """An operation that a step launches.

    Attributes:
        name: XLA's name.
        kind: 'products', 'fusions', 'copies', 'prefetches', 'transposes', 'collectives', 'others'.
        opcode: XLA's opcode, without '-start'.
        times: how often a step launches it.
        bytes: of its results, once.
        cycles: the compiler's estimate of all times, if it has one.
        source: where it comes from, as a path of modules.
        arrays: its results.
    """

    name: str
    kind: str
    opcode: str
    times: int
    bytes: int
    cycles: int | None
    source: str
    arrays: tuple[str, ...]


def operations(program: Program) -> list[Operation]:
    """The operations of a program, without those that cost nothing."""
    named = {one.name: one for one, _ in program.operations()}
    ended = {one.operands[0]: one for one in named.values() if one.kind.endswith('-done')}
    found = [
        _operation(program, one, ended.get(one.name, one).arrays, times, named)
        for one, times in program.operations()
        if one.kind not in _FREE and not one.kind.endswith('-done')
    ]
    return [one for one in found if one.kind != 'scalars']


def launches(found: Iterable[Operation]) -> dict[str, int]:
    """The number of operations of each kind that a step launches."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.kind] += one.times
    return dict(counts.most_common())


def large_moves(found: Iterable[Operation]) -> list[Operation]:
    """Copies and transposes of more than `LARGE` bytes, the largest first."""
    moves = [one for one in found if one.kind in ('copies', 'transposes') and one.bytes > LARGE]
    return sorted(moves, key=lambda one: -one.bytes * one.times)


def collectives(program: Program) -> dict[str, dict[str, int]]:
    """Kind -> {'operations', 'bytes'} of a step, the bytes on each device."""
    kinds: dict[str, dict[str, int]] = {}
    for one in of_program(program):
        entry = kinds.setdefault(one.kind, {'operations': 0, 'bytes': 0})
        entry['operations'] += one.times
        entry['bytes'] += one.bytes
    return kinds


def cycles(found: Iterable[Operation]) -> int | None:
    """The compiler's estimate of a step; None without estimates. Collectives have none."""
    known = [one.cycles for one in found if one.cycles is not None]
    return sum(known) if known else None


def dearest(found: Sequence[Operation]) -> list[Operation]:
    """The operations with most estimated cycles; without estimates, with most bytes."""
    if cycles(found) is None:
        return sorted(found, key=lambda one: -one.bytes * one.times)[:LISTED]
    return sorted(found, key=lambda one: -(one.cycles or 0))[:LISTED]


def padding(program: Program) -> float:
    """Bytes of tiles over bytes of numbers, of the results of all operations."""
    arrays = [
        (array.tiled * times, array.bytes * times)
        for one, times in program.operations()
        if one.kind not in _FREE
        for array in one.arrays
    ]
    tiled, plain = map(sum, zip(*arrays, strict=True))
    return tiled / plain


def float64(program: Program) -> list[str]:
    """The names of the instructions with a result of 64 bits of floating point."""
    return [
        one.name
        for lines in program.computations.values()
        for one in lines
        if any(array.text.startswith(('f64', 'c128')) for array in one.arrays)
    ]


def host_calls(program: Program) -> list[str]:
    """The names of the operations that wait for the host: callbacks, infeeds and outfeeds."""
    return [
        one.name
        for one, _ in program.operations()
        if one.kind in ('infeed', 'outfeed', 'send', 'recv') or 'callback' in one.target
    ]


def _operation(
    program: Program,
    one: Instruction,
    results: Sequence[Array],
    times: int,
    named: Mapping[str, Instruction],
) -> Operation:
    """`results`: of an operation that is begun and ended apart, the results of its end."""
    opcode = one.kind.removesuffix('-start')
    size = sum(array.bytes for array in results)
    kind = _kind(program, one, opcode)
    if kind == 'others' and size <= SCALARS:
        kind = 'scalars'
    if kind == 'copies' and opcode == 'copy' and _moves_memory(one, results, named):
        kind = 'prefetches'
    cycles = None if one.cycles is None else one.cycles * times
    arrays = tuple(array.text for array in results)
    return Operation(one.name, kind, opcode, times, size, cycles, module_path(one.source), arrays)


def _moves_memory(
    one: Instruction, results: Sequence[Array], named: Mapping[str, Instruction]
) -> bool:
    """True if a copy moves an array to another memory, as it is."""
    source = named.get(one.operands[0]) if one.operands else None
    if source is None or len(source.arrays) != 1:
        return False
    old, new = source.arrays[0], results[0]
    return old.memory != new.memory and old.layout == new.layout


def _kind(program: Program, one: Instruction, opcode: str) -> str:
    if opcode in KINDS:
        return 'collectives'
    if opcode in _PRODUCTS or _GEMM.search(one.target):
        return 'products'
    if opcode == 'fusion':
        return _kind_of_fusion(program, one)
    return {'copy': 'copies', 'transpose': 'transposes'}.get(opcode, 'others')


def _kind_of_fusion(program: Program, one: Instruction) -> str:
    inside = [line for name in one.called for line in program.computations.get(name, ())]
    kinds = {line.kind for line in inside}
    if kinds & _PRODUCTS:
        return 'products'  # also with a piece of a collective, see `Instruction.chain`
    if any(
        _kind_of_fusion(program, line) == 'products' for line in inside if line.kind == 'fusion'
    ):
        return 'products'
    if kinds & {*KINDS}:
        return 'collectives'
    if kinds <= _MOVES and kinds & {'copy', 'transpose'}:
        return 'transposes' if 'transpose' in kinds else 'copies'
    return 'fusions'


def module_path(source: str) -> str:
    """'jit(update)/jvp(Generator)/block_0/dot' -> 'update/Generator/block_0/dot'."""
    parts = []
    for part in source.split('/'):
        while found := re.fullmatch(r'[\w-]+\((.*)\)', part):
            part = found[1]
        if part and part not in ('while', 'body', 'closed_call', 'cond'):
            parts.append(part)
    return '/'.join(parts)


def as_json(found: Sequence[Operation]) -> list[dict[str, Any]]:
    """Operations as JSON."""
    return [one._asdict() for one in found]
