"""A config's train step compiled for devices that need not be here: --compile_for."""

import time
from collections.abc import Mapping
from typing import Any

import jax

from gan_jax.benchmark.compilers import hlo, numbers
from gan_jax.benchmark.compilers.printed import compile_printed
from gan_jax.benchmark.compilers.targets import Target
from gan_jax.benchmark.workload import Settings, make_workload
from gan_jax.data import DataSet
from gan_jax.experiment.program import Program
from gan_jax.runtime.errors import first_line
from gan_jax.state import nbytes

_NO_ROOM = 'RESOURCE_EXHAUSTED'


def compile_for(settings: Settings, dataset: DataSet, target: Target) -> dict[str, Any]:
    """The numbers of a target's compiler for the program that `train` would run there, as JSON.

    The program takes as many steps as `train` does in a dispatch, with every term in them;
    operations, cycles and work are of all of them, 'steps' says how many.

    Args:
        settings: the resolved config; `mesh` says how many of the target's devices are used.
        dataset: the images; only their shape is read.
        target: from `targets.read_targets`.

    Raises:
        UserError: as `setup.build_trainer`.
    """
    whole = make_workload(settings, dataset, target.devices)
    steps = settings['steps_per_dispatch']
    known = {
        'target': target.name,
        'device': target.peak.name,
        'devices': whole.mesh.size,
        'steps': steps,
        'memory_of_device': target.peak.memory,
    }
    start = time.perf_counter()
    lowered = whole.program.lower(steps)
    middle = time.perf_counter()
    try:
        compiled, program = compile_printed(lowered, target.devices[0].platform)
    except jax.errors.JaxRuntimeError as error:
        if _NO_ROOM not in str(error):
            raise
        return {**known, 'fits': False, 'why': first_line(error)}
    seconds = {'lower': middle - start, 'compile': time.perf_counter() - middle}
    found, needed = of_program(program), steps * whole.work().needed
    return {
        **known,
        'fits': True,
        'compile': seconds,
        'memory': memory(compiled, whole.program),
        'work': {'counted': needed, 'xla_per_device': _flops(compiled)},
        **found,
        **_speed(found['cycles'], target, needed / whole.mesh.size, steps),
    }


def of_program(program: hlo.Program) -> dict[str, Any]:
    """The numbers of a program, as JSON; see `numbers`."""
    found = numbers.operations(program)
    return {
        'launches': numbers.launches(found),
        'large_moves': numbers.as_json(numbers.large_moves(found)),
        'collectives': numbers.collectives(program),
        'dearest': numbers.as_json(numbers.dearest(found)),
        'cycles': numbers.cycles(found),
        'padding': numbers.padding(program),
        'float64': numbers.float64(program),
        'host_calls': numbers.host_calls(program),
    }


def memory(compiled: jax.stages.Compiled, program: Program) -> Mapping[str, int] | None:
    """Bytes of each device at the peak: 'peak', and of it 'state', 'data' and 'activations'.

    None where the compiler does not plan memory.
    """
    plan = compiled.memory_analysis()
    if plan is None:
        return None
    arguments, peak = plan.argument_size_in_bytes, peak_of(plan)
    state = sum(
        nbytes(jax.ShapeDtypeStruct(x.sharding.shard_shape(x.shape), x.dtype))
        for x in jax.tree.leaves(program.shapes)
    )
    return {
        'peak': peak,
        'state': state,
        'data': max(0, arguments - state),
        'activations': max(0, peak - arguments),
    }


def peak_of(plan: Any) -> int:
    """Bytes of a device at the peak, by what a compiled program's `memory_analysis` gives."""
    planned = plan.argument_size_in_bytes + plan.temp_size_in_bytes
    return plan.peak_memory_in_bytes or planned


def _flops(compiled: jax.stages.Compiled) -> float | None:
    return (compiled.cost_analysis() or {}).get('flops')


def _speed(cycles: int | None, target: Target, flops: float, steps: int) -> dict[str, float]:
    """Seconds of a step and its share of the peak, where the compiler estimates cycles.

    `flops` are done on each device in all steps together.
    """
    if cycles is None or not target.peak.clock:
        return {}
    seconds = cycles / target.peak.clock
    return {'seconds': seconds / steps, 'share': flops / seconds / target.peak.bfloat16}
