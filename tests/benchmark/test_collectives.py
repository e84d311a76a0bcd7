"""Collectives are read from the text of XLA's programs."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from gan_jax.benchmark.collectives import collectives
from gan_jax.benchmark.compilers import hlo, numbers
from gan_jax.runtime import sharding

# As XLA writes for a GPU, in two parts, and for a TPU, with tiles in its layouts.
ASYNCHRONOUS = """\
HloModule jit_update, is_scheduled=true

%sum (a: f32[], b: f32[]) -> f32[] {
  ROOT %add = f32[] add(%a, %b)
}

%wrapped (p: bf16[8,4]) -> bf16[2,4] {
  ROOT %reduce-scatter.1 = bf16[2,4]{1,0} reduce-scatter(%p), dimensions={0}, to_apply=%sum
}

%body (p: (s32[], f32[6])) -> (s32[], f32[6]) {
  %all-reduce-start.1 = f32[6]{0} all-reduce-start(%x), to_apply=%sum
  %all-reduce-done.1 = f32[6]{0} all-reduce-done(%all-reduce-start.1), metadata={op_name="d/w"}
}

%condition (p: (s32[], f32[6])) -> pred[] {
  ROOT %less = pred[] compare(%i, %n), direction=LT
}

%unused (p: f32[5]) -> f32[5] {
  ROOT %all-reduce.9 = f32[5]{0} all-reduce(%p), to_apply=%sum
}

ENTRY %main (p: f32[6]) -> f32[6] {
  %all-gather-start = (f32[1,6]{1,0:T(2,128)}, f32[4,6]{1,0:T(4,128)}) all-gather-start(%p)
  %all-gather-done = f32[4,6]{1,0:T(4,128)} all-gather-done(%all-gather-start)
  %async-start = ((bf16[8,4]{1,0}), bf16[2,4]{1,0}) async-start(%q), calls=%wrapped
  %async-done = bf16[2,4]{1,0} async-done(%async-start)
  %all-reduce.2 = (f32[3]{0:T(128)}, pred[], /*index=2*/s32[2]{0}) all-reduce(%a, %b, %c)
  %while = (s32[], f32[6]{0}) while(%t), condition=%condition, body=%body, \
backend_config={"known_trip_count":{"n":"5"}}
}
"""


def test_each_is_found_once_with_what_it_gives():
    found = {one.kind: one for one in collectives(ASYNCHRONOUS) if one.times == 1}
    assert {kind: one.bytes for kind, one in found.items()} == {
        'all-gather': 4 * 6 * 4,
        'reduce-scatter': 2 * 4 * 2,
        'all-reduce': 3 * 4 + 1 + 2 * 4,
    }
    assert found['all-reduce'].shapes == ('f32[3]', 'pred[]', 's32[2]')
    (five,) = [one for one in collectives(ASYNCHRONOUS) if one.times != 1]
    assert five == ('all-reduce', 5, ('f32[6]',), 5 * 6 * 4, 'd/w')


# As a TPU does beside convolutions: a beginning, a piece in each of them, and an end.
PIECES = """\
%begun (p: f32[1,6]) -> f32[4,6] {
  ROOT %g.1 = f32[4,6]{1,0} all-gather(%p), channel_id=1, frontend_attributes={chain_id="3"}
}

%beside (q: f32[1,6]) -> f32[4,6] {
  %c.1 = f32[8,8]{1,0} convolution(%x, %y), dim_labels=bf_io->bf
  ROOT %g.2 = f32[4,6]{1,0} all-gather(%q), channel_id=1, frontend_attributes={chain_id="3"}
}

ENTRY %main (p: f32[1,6]) -> f32[4,6] {
  %start = f32[4,6]{1,0} fusion(%p), kind=kCustom, calls=%begun
  %inner = f32[4,6]{1,0} fusion(%start), kind=kOutput, calls=%beside
  %g.3 = f32[4,6]{1,0} all-gather(%p), channel_id=2
}
"""


def test_one_in_pieces_counts_once_and_a_product_beside_it_stays_a_product():
    assert [one.bytes for one in collectives(PIECES)] == [96, 96]
    found = numbers.operations(hlo.parse(PIECES))
    assert [one.kind for one in found] == ['collectives', 'products', 'collectives']


def test_those_of_a_program_that_runs_here():
    """A sum in a loop of three, a gather after it."""
    mesh = sharding.make_mesh(4, 4)
    spread, whole = (NamedSharding(mesh, PartitionSpec(*axis)) for axis in (('data',), ()))

    def function(x):
        def turn(i, x):
            mean = jax.lax.with_sharding_constraint(jnp.mean(x, 0, keepdims=True), whole)
            return jnp.roll(x, i, 1) - mean

        return jax.lax.fori_loop(0, 3, turn, x)

    given = jax.ShapeDtypeStruct((4, 10), np.float32, sharding=spread)
    text = jax.jit(function, out_shardings=whole).lower(given).compile().as_text()
    sums, gather = sorted(collectives(text), reverse=True)
    assert (sums.kind, sums.times, sums.shapes, sums.bytes) == ('all-reduce', 3, ('f32[10]',), 120)
    assert (gather.kind, gather.times, gather.bytes) == ('all-gather', 1, 160)
    alone = jax.jit(function).lower(np.ones((4, 10), np.float32)).compile().as_text()
    assert collectives(alone) == []
