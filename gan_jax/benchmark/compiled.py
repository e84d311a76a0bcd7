"""The compiled step: the time of its compilation, its memory, and the steps that are timed."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
from jax.experimental.compilation_cache import compilation_cache

from gan_jax.benchmark.timing import Candidate
from gan_jax.benchmark.workload import Workload
from gan_jax.experiment.program import Program
from gan_jax.experiment.setup import steps_per_dispatch
from gan_jax.state import Hyper


class Compiled(NamedTuple):
    """A compiled step.

    Attributes:
        call: (state, data, rows, hyper) -> the state after the step, see `feed.Feed`.
        lower: seconds of tracing and lowering.
        compile: seconds of XLA's compilation.
    """

    call: jax.stages.Compiled
    lower: float
    compile: float


@contextlib.contextmanager
def uncached() -> Iterator[None]:
    """Switches the persistent cache of compilations off, which would make their times useless."""
    enabled = jax.config.jax_enable_compilation_cache
    try:
        jax.config.update('jax_enable_compilation_cache', False)
        compilation_cache.reset_cache()  # else it remembers that it was enabled
        yield
    finally:
        jax.config.update('jax_enable_compilation_cache', enabled)
        compilation_cache.reset_cache()


def compile_step(program: Program) -> Compiled:
    """The step with every term in it; `program.update` then need not compile it again."""
    start = time.perf_counter()
    lowered = program.lower()
    middle = time.perf_counter()
    call = lowered.compile()
    return Compiled(call, middle - start, time.perf_counter() - middle)


def memory(call: jax.stages.Compiled) -> dict[str, int] | None:
    """Bytes on a device while a step runs, by XLA's plan; None if XLA has none.

    'total' is arguments, temporaries and results, less the results that replace an argument. The
    arguments are the state and, if it is resident, the data set.
    """
    plan = call.memory_analysis()
    if plan is None:
        return None
    found = {
        'arguments': plan.argument_size_in_bytes,
        'temporaries': plan.temp_size_in_bytes,
        'outputs': plan.output_size_in_bytes,
        'aliased': plan.alias_size_in_bytes,
    }
    return {'total': sum(found.values()) - 2 * found['aliased'], **found}


def peak_in_use() -> int | None:
    """The most bytes that this process has held on its first device; None if it does not count."""
    return (jax.local_devices()[0].memory_stats() or {}).get('peak_bytes_in_use')


def back_to_back(
    call: jax.stages.Compiled, state: Any, data: Any, rows: Any, hyper: Hyper
) -> Candidate:
    """A candidate whose arguments are on the device already; it donates the state."""

    def take(count: int) -> None:
        nonlocal state
        for _ in range(count):
            state = call(state, data, rows, hyper)
        jax.block_until_ready(state)

    return take


def as_trained(workload: Workload, state: Any) -> Candidate:
    """A candidate that runs `train`'s loop between two events; it donates the state.

    The images of each step are drawn on the host and sent to the device. Several steps are one
    dispatch, if the config and the device allow it.
    """
    step, most = 0, steps_per_dispatch(workload.settings)

    def take(count: int) -> None:
        nonlocal state, step
        end = step + count
        while step < end:
            count = most if step % most == 0 and step + most <= end else 1
            state = workload.program.update(state, step, workload.experiment.hyper, count)
            step += count
        jax.block_until_ready(state)

    return take
