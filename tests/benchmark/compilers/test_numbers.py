"""Counts of a program, from texts with known numbers."""

import pytest

from gan_jax.benchmark.compilers import hlo, numbers

TEXT = """\
HloModule jit_update, is_scheduled=true

%moved (p: f32[600,500]) -> f32[500,600] {
  %p = f32[600,500]{1,0} parameter(0)
  ROOT %t.1 = f32[500,600]{1,0} transpose(%p), dimensions={1,0}
}

%product (q: f32[8,8]) -> f32[8,8] {
  %q = f32[8,8]{1,0} parameter(0)
  ROOT %c.1 = f32[8,8]{1,0} convolution(%q, %q), dim_labels=bf_io->bf
}

%outer (r: f32[8,8]) -> f32[8,8] {
  %r = f32[8,8]{1,0} parameter(0)
  ROOT %f.1 = f32[8,8]{1,0} fusion(%r), kind=kOutput, calls=%product
}

%sum (s: f32[8,8]) -> f32[2,8] {
  %s = f32[8,8]{1,0} parameter(0)
  ROOT %all-reduce.7 = f32[8,8]{1,0} all-reduce(%s)
}

%body (u: f32[8]) -> f32[8] {
  %u = f32[8]{0} parameter(0)
  ROOT %exp.1 = f32[8]{0} exponential(%u), backend_config={"estimated_cycles":"10"}
}

ENTRY %main (a: f32[600,500], k: u8[100,20000]) -> f32[8] {
  %a = f32[600,500]{1,0} parameter(0)
  %k = u8[100,20000]{1,0:T(8,128)} parameter(1)
  %key = u32[2]{0} add(%k, %k)
  %copy.1 = u8[100,20000]{0,1:T(8,128)} copy(%k), metadata={op_name="resident"}, \
backend_config={"estimated_cycles":"500"}
  %copy-start.2 = (f32[600,500]{1,0:S(1)}, f32[600,500]{1,0}, u32[]) copy-start(%a)
  %copy-done.2 = f32[600,500]{1,0:S(1)} copy-done(%copy-start.2)
  %turned = f32[500,600]{1,0} fusion(%a), kind=kInput, calls=%moved
  %inner = f32[8,8]{1,0} fusion(%b), kind=kOutput, calls=%outer, \
metadata={op_name="jit(update)/jvp(jit(d_update))/while/body/closed_call/Critic/conv/dot"}
  %gemm = (f32[8,8]{1,0}, s8[0]{0}) custom-call(%b), custom_call_target="__cublas$gemm"
  %scattered = f32[2,8]{1,0} fusion(%b), kind=kCustom, calls=%sum
  %gathered = (f32[2,8]{1,0}, f32[8,8]{1,0}) all-gather-start(%c)
  %gathered-done = f32[8,8]{1,0} all-gather-done(%gathered)
  %host = f32[8]{0} custom-call(%c), custom_call_target="xla_python_cpu_callback"
  %wide = f64[8]{0} negate(%d)
  ROOT %while = f32[8]{0} while(%e), condition=%test, body=%body, \
backend_config={"known_trip_count":{"n":"3"}}
}
"""
PROGRAM = hlo.parse(TEXT)
FOUND = numbers.operations(PROGRAM)
NAMED = {one.name: one for one in FOUND}


def test_each_operation_is_of_one_kind():
    assert {name: one.kind for name, one in NAMED.items()} == {
        'copy.1': 'copies',
        'copy-start.2': 'prefetches',
        'turned': 'transposes',
        'inner': 'products',
        'gemm': 'products',
        'scattered': 'collectives',
        'gathered': 'collectives',
        'host': 'others',
        'wide': 'others',
        'exp.1': 'others',
    }


def test_launches_count_every_turn_of_a_loop_and_no_single_numbers():
    counted = numbers.launches(FOUND)
    assert counted == {
        **{'copies': 1, 'prefetches': 1, 'transposes': 1, 'products': 2},
        **{'collectives': 2, 'others': 5},
    }


def test_large_moves_are_copies_and_transposes_above_a_megabyte():
    moves = numbers.large_moves(FOUND)
    assert [(one.name, one.bytes) for one in moves] == [
        ('copy.1', 2_000_000),
        ('turned', 1_200_000),
    ]


def test_collectives_by_kind_with_the_bytes_of_their_results():
    assert numbers.collectives(PROGRAM) == {
        'all-reduce': {'operations': 1, 'bytes': 256},
        'all-gather': {'operations': 1, 'bytes': 256},
    }


def test_cycles_are_of_all_turns_and_order_the_dearest():
    assert numbers.cycles(FOUND) == 500 + 3 * 10
    assert [one.name for one in numbers.dearest(FOUND)[:2]] == ['copy.1', 'exp.1']
    without = [one._replace(cycles=None) for one in FOUND]
    assert numbers.cycles(without) is None
    assert numbers.dearest(without)[0].name == 'copy.1'


def test_float64_and_waits_for_the_host_are_found():
    assert numbers.float64(PROGRAM) == ['wide']
    assert numbers.host_calls(PROGRAM) == ['host']


def test_padding_is_of_what_operations_write():
    """100 x 20,000 bytes, 100 in a row of 128."""
    text = """\
ENTRY %main (k: u8[100,20000]) -> u8[100,20000] {
  %k = u8[100,20000]{1,0:T(8,128)} parameter(0)
  ROOT %copy.1 = u8[100,20000]{0,1:T(8,128)} copy(%k)
}
"""
    assert numbers.padding(hlo.parse(text)) == pytest.approx(1.28)


def test_sources_are_paths_of_modules():
    assert NAMED['inner'].source == 'update/d_update/Critic/conv/dot'
    assert numbers.module_path('') == ''
