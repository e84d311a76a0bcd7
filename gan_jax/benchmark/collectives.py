"""The communication of a compiled step between devices, read from XLA's program of one device."""

from typing import NamedTuple

from gan_jax.benchmark.compilers import hlo

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
    return of_program(hlo.parse(text))


def of_program(program: hlo.Program) -> list[Collective]:
    """The collectives of a program, also those inside fusions; one in pieces counts once."""
    found = [
        (one.chain or one.name, _collective(one, program.runs[name]))
        for name, lines in program.computations.items()
        for one in lines
        if program.runs[name] and one.kind.removesuffix('-done') in KINDS
    ]
    return [*dict(found).values()]


def _collective(one: hlo.Instruction, times: int) -> Collective:
    # An asynchronous operation is a pair, '-start' and '-done'; the latter has the result.
    kind, shapes = one.kind.removesuffix('-done'), tuple(array.text for array in one.arrays)
    return Collective(kind, times, shapes, times * one.bytes, one.source)
