"""Programs in their compilers' own words."""

from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.benchmark.compilers.printed import compile_printed


class Lowered:
    """A lowered program of a TPU's compiler, which may write texts."""

    def __init__(self, written):
        """`written`: name of a file -> its text."""
        self.written = written

    def compile(self, compiler_options):
        for name, text in self.written.items():
            (Path(compiler_options['xla_dump_to']) / name).write_text(text)
        return self

    def as_text(self):
        if self.written:
            raise jax.errors.JaxRuntimeError('INTERNAL: async-update should have 1 operand')
        return text('as_text')


def text(name):
    return f'ENTRY %main () -> f32[] {{\n  ROOT %{name} = f32[] constant(0)\n}}\n'


def names(program):
    return [one.name for lines in program.computations.values() for one in lines]


@pytest.mark.parametrize(
    ('written', 'found'),
    [
        (
            {
                'module_1.jit_f.before_optimizations.txt': text('before') + 99 * ' ',
                'module_1.jit_f.after_codegen.txt': text('after'),
                'module_0.of_a_constant.after_codegen.txt': text('a'),
            },
            'after',
        ),
        ({}, 'as_text'),
    ],
)
def test_the_text_that_a_tpus_compiler_writes_is_read_in_place_of_jaxlibs(written, found):
    lowered = Lowered(written)
    compiled, program = compile_printed(lowered, 'tpu')
    assert compiled is lowered and names(program) == [found]


def test_other_programs_are_read_as_jax_prints_them():
    lowered = jax.jit(lambda x: x + 1).lower(np.zeros(3, np.float32))
    compiled, program = compile_printed(lowered, 'cpu')
    assert np.array_equal(compiled(np.zeros(3, np.float32)), np.ones(3))
    assert names(program)
