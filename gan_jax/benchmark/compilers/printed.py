"""A lowered program compiled for a device that need not be here, as its compiler prints it."""

import tempfile
from pathlib import Path

import jax

from gan_jax.benchmark.compiled import uncached
from gan_jax.benchmark.compilers import hlo

_WRITTEN = '*.after_codegen.txt'  # by a TPU's compiler, with its estimates


def compile_printed(
    lowered: jax.stages.Lowered, platform: str
) -> tuple[jax.stages.Compiled, hlo.Program]:
    """Compiles a program, without the cache of compilations, and reads its text.

    A TPU's compiler writes its text to a folder. `Compiled.as_text` reads the program again, by the
    XLA of jaxlib, which does not know every operation of a newer compiler.

    Args:
        lowered: for the device.
        platform: of the device, 'tpu' or 'gpu'.

    Raises:
        jax.errors.JaxRuntimeError: the compiler refuses the program.
    """
    # Programs for devices that are not here can be written to the cache, not read.
    with uncached(), tempfile.TemporaryDirectory() as folder:
        if platform != 'tpu':
            compiled = lowered.compile()
            return compiled, hlo.parse(compiled.as_text())
        compiled = lowered.compile(compiler_options={'xla_dump_to': folder})
        written = [path.read_text() for path in Path(folder).glob(_WRITTEN)]
        text = max(written, key=len) if written else compiled.as_text()
        return compiled, hlo.parse(text)
