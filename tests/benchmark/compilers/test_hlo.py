"""Programs are read from the text that XLA's three compilers print."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.benchmark.compilers import hlo

# Lines as a TPU's compiler prints them, and a loop.
TEXT = """\
HloModule jit_update, is_scheduled=true

%inside (p: f32[64,3]) -> bf16[64,3] {
  %p = f32[64,3]{1,0:T(8,128)} parameter(0)
  ROOT %convert.1 = bf16[64,3]{1,0:T(8,128)(2,1)} convert(%p)
}

%body (t: (s32[], f32[6])) -> (s32[], f32[6]) {
  %t = (s32[], f32[6]{0:T(256)}) parameter(0)
  ROOT %fusion.7 = (s32[]{:T(128)}, f32[6]{0:T(256)}) fusion(%t), kind=kLoop, calls=%inside, \
metadata={op_name="jit(update)/while/body/g/mul"}, backend_config={"estimated_cycles":"21"}
}

%condition (t.1: (s32[], f32[6])) -> pred[] {
  ROOT %less = pred[]{:T(512)} compare(%i, %n), direction=LT
}

ENTRY %main (a: f32[64,3]) -> f32[5] {
  %a = f32[64,3]{1,0:T(8,128)} parameter(0)
  %copy.3 = f32[64,3]{0,1:T(4,128)S(1)} copy(%a), metadata={op_name="args[0]"}
  %conv.1 = (f32[2,2]{1,0}, u8[0]{0}) custom-call(%copy.3, %a), \
custom_call_target="__cudnn$convForward"
  %while = (s32[], f32[6]{0}) while(%t), condition=%condition, body=%body, \
backend_config={"known_trip_count":{"n":"5"}}
  ROOT %out = f32[5]{0} get-tuple-element(%while), index=1
}
"""
PROGRAM = hlo.parse(TEXT)
NAMED = {one.name: one for lines in PROGRAM.computations.values() for one in lines}


def test_every_line_is_an_instruction_with_its_parts():
    assert [*PROGRAM.computations] == ['inside', 'body', 'condition', 'main']
    fusion = NAMED['fusion.7']
    assert (fusion.kind, fusion.called, fusion.cycles) == ('fusion', ('inside',), 21)
    assert fusion.source == 'jit(update)/while/body/g/mul'
    assert NAMED['conv.1'].operands == ('copy.3', 'a')
    assert NAMED['conv.1'].target == '__cudnn$convForward'
    assert [array.text for array in NAMED['conv.1'].arrays] == ['f32[2,2]', 'u8[0]']


def test_a_loop_runs_its_body_as_often_as_it_says():
    assert PROGRAM.runs == {'inside': 5, 'body': 5, 'condition': 5, 'main': 1}
    assert NAMED['while'].called == ('condition', 'body')
    # The inside of a fusion is a part of the operation that calls it.
    assert PROGRAM.launched == {'inside': 0, 'body': 5, 'condition': 5, 'main': 1}
    assert [times for one, times in PROGRAM.operations() if one.kind == 'fusion'] == [5]


@pytest.mark.parametrize(
    ('condition', 'turns'),
    [
        ('compare(%i, %ten), direction=LT', 10),
        ('compare(%i, %ten), direction=GT', 1),
        ('compare(%ten, %i), direction=LT', 1),
        ('compare(%i, %n), direction=LT', 1),
    ],
)
def test_a_loop_of_a_tpu_runs_as_often_as_its_condition_says(condition, turns):
    """Its compiler prints no 'known_trip_count'; what is no counter and its limit counts once."""
    text = TEXT.replace(', backend_config={"known_trip_count":{"n":"5"}}', '').replace(
        '  ROOT %less = pred[]{:T(512)} compare(%i, %n), direction=LT',
        f'  %ten = s32[]{{:T(128)}} constant(10)\n  ROOT %less = pred[]{{:T(512)}} {condition}',
    )
    assert 'known_trip_count' not in text
    assert hlo.parse(text).runs == {'inside': turns, 'body': turns, 'condition': turns, 'main': 1}


def test_sizes_with_and_without_tiles():
    """64 x 3 numbers fill 64 rows of 128, or with the other axis last 4 rows of 128."""
    rows, columns = (NAMED[name].arrays[0] for name in ('a', 'copy.3'))
    assert rows.bytes == columns.bytes == 64 * 3 * 4
    assert rows.tiled == 64 * 128 * 4
    assert columns.tiled == 4 * 128 * 4
    assert (rows.memory, columns.memory) == (0, 1)
    assert (rows.layout, columns.layout) == ('1,0:T(8,128)', '0,1:T(4,128)')
    assert NAMED['convert.1'].arrays[0].tiled == 64 * 128 * 2
    assert NAMED['less'].arrays[0].bytes == 1


def test_a_program_that_runs_here():
    def function(x):
        return jax.lax.fori_loop(0, 7, lambda i, x: jnp.tanh(x @ x), x)

    text = jax.jit(function).lower(np.ones((16, 16), np.float32)).compile().as_text()
    program = hlo.parse(text)
    tanh = [
        program.runs[name]
        for name, lines in program.computations.items()
        for one in lines
        if one.kind == 'tanh'
    ]
    assert tanh == [7]
