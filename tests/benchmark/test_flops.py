"""The hand count against formulas written out, layer by layer, and against a whole step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from gan_jax import data
from gan_jax.benchmark.flops import Work, count
from gan_jax.benchmark.workload import make_workload
from gan_jax.experiment import config
from gan_jax.models import conv
from gan_jax.models.spectral import ROWS

A, B = jnp.zeros((3, 5)), jnp.zeros((5, 7))
PRODUCT = 2 * 3 * 5 * 7
MATMUL = Work(PRODUCT, PRODUCT, 4 * (3 * 5 + 5 * 7 + 3 * 7))


def struct(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def convolution(x, w, strides=(1, 1), padding='SAME', **options):
    numbers = ('NHWC', 'HWIO', 'NHWC')
    return lax.conv_general_dilated(x, w, strides, padding, dimension_numbers=numbers, **options)


# Layers -------------------------------------------------------------------------------------------


def test_a_matrix_product():
    assert count(jnp.matmul, A, B) == MATMUL


def test_a_product_with_batch_axes_and_two_contracted(mixed_types):
    def product(a, b):
        return jnp.einsum('nabc,nbcd->nad', a, b)

    work = count(product, struct(4, 3, 5, 6), struct(4, 5, 6, 7, dtype=jnp.bfloat16))
    assert work.flops == work.needed == 2 * 4 * 3 * (5 * 6) * 7


def test_bytes_are_of_each_operands_own_type():
    work = count(jnp.matmul, A.astype(jnp.bfloat16), B.astype(jnp.bfloat16))
    assert work.bytes == MATMUL.bytes // 2


def test_a_convolution_without_padding():
    work = count(
        lambda x, w: convolution(x, w, padding='VALID'), struct(2, 9, 8, 5), struct(3, 2, 5, 7)
    )
    flops = 2 * (2 * 7 * 7) * (3 * 2 * 5) * 7
    assert work == Work(flops, flops, 4 * (2 * 9 * 8 * 5 + 3 * 2 * 5 * 7 + 2 * 7 * 7 * 7))


def test_a_padded_convolution():
    """Of the 3 taps of 8 positions, the first and the last position each miss one."""
    work = count(convolution, struct(2, 8, 8, 5), struct(3, 3, 5, 7))
    assert work.flops == 2 * 2 * 5 * 7 * (8 * 3) ** 2
    assert work.needed == 2 * 2 * 5 * 7 * (8 * 3 - 2) ** 2


def test_a_strided_convolution():
    """'SAME' pads 8 to 10: 4 taps at -1, 1, 3, 5, one of the first and one of the last outside."""
    work = count(lambda x, w: convolution(x, w, (2, 2)), struct(2, 8, 8, 5), struct(4, 4, 5, 7))
    assert work.flops == 2 * 2 * 5 * 7 * (4 * 4) ** 2
    assert work.needed == 2 * 2 * 5 * 7 * (4 * 4 - 2) ** 2


def test_a_dilated_kernel():
    """Taps at -2, 0, 2 of 8 positions: two positions miss one at either end."""
    work = count(
        lambda x, w: convolution(x, w, rhs_dilation=(2, 2)), struct(1, 8, 8, 5), struct(3, 3, 5, 7)
    )
    assert work.flops == 2 * 5 * 7 * (8 * 3) ** 2
    assert work.needed == 2 * 5 * 7 * (8 * 3 - 4) ** 2


@pytest.mark.parametrize(
    ('kind', 'image'), [('feature_group_count', (2, 6, 6, 15)), ('batch_group_count', (6, 6, 6, 5))]
)
def test_groups_share_out_the_channels_or_the_batch(kind, image):
    work = count(
        lambda x, w: convolution(x, w, padding='VALID', **{kind: 3}),
        struct(*image),
        struct(3, 3, 5, 21),
    )
    assert work.flops == work.needed == 2 * (2 * 4 * 4) * (3 * 3 * 5) * 21


@pytest.mark.parametrize('side', [4, 16])
@pytest.mark.parametrize(('size', 'stride'), [(4, 2), (3, 1)])
def test_both_gradients_of_a_convolution_cost_what_it_costs(side, size, stride):
    """The three are adjoints: the same triples of image, kernel and map. On the smallest maps the
    convolution has a second form for CPUs.
    """
    x, w = struct(2, side, side, 5), struct(size, size, 5, 7)

    def layer(x, w):
        return conv.convolve(x, w, (stride, stride))

    forward = count(layer, x, w)
    g = jax.eval_shape(layer, x, w)
    for i in range(2):
        back = count(lambda x, w, g, i=i: jax.vjp(layer, x, w)[1](g)[i], x, w, g)
        assert (back.flops, back.needed) == (forward.flops, forward.needed)


def test_a_transposed_convolution():
    """Every value of the image meets every tap once, but for what is cut off at the border."""
    work = count(
        lambda x, w: conv.conv_transpose(x, w, (2, 2)), struct(2, 8, 8, 5), struct(4, 4, 5, 7)
    )
    assert work.flops == 2 * 2 * 5 * 7 * (8 * 4) ** 2
    assert work.needed == 2 * 2 * 5 * 7 * (8 * 4 - 2) ** 2


# What stands around them --------------------------------------------------------------------------


@jax.custom_vjp
def custom(a, b):
    return a @ b


custom.defvjp(lambda a, b: (a @ b, (a, b)), lambda saved, g: (g @ saved[1].T, saved[0].T @ g))


@jax.custom_jvp
def tangent(a, b):
    return a @ b


tangent.defjvp(lambda primals, tangents: (tangent(*primals), tangents[0] @ primals[1]))


@pytest.mark.parametrize('wrap', [jax.jit, jax.checkpoint, custom, tangent])
def test_calls_are_looked_into(wrap):
    function = wrap if wrap in (custom, tangent) else wrap(jnp.matmul)
    assert count(function, A, B) == MATMUL


def test_what_remat_computes_twice_counts_twice():
    def layer(a, b):
        return jnp.sum(jnp.sin(a @ b))

    plain, again = (count(jax.grad(f), A, B) for f in (layer, jax.checkpoint(layer)))
    assert (plain.flops, again.flops) == (2 * PRODUCT, 2 * PRODUCT)
    # The first product is needed for its sine's slope only, which remat makes again.
    value, both = (count(jax.value_and_grad(f), A, B) for f in (layer, jax.checkpoint(layer)))
    assert (value.flops, both.flops) == (2 * PRODUCT, 3 * PRODUCT)


def test_a_scan_counts_as_often_as_it_turns():
    def scan(a, b):
        return lax.scan(lambda carry, row: (carry, row @ b), 0.0, a)

    assert count(scan, struct(11, 3, 5), B) == MATMUL.times(11)


def test_a_while_counts_once():
    def loop(a, b):
        return lax.while_loop(lambda c: jnp.sum(c) < 9, lambda c: c @ b @ b.T, a)

    assert count(loop, A, B).flops == 2 * PRODUCT


def test_of_branches_the_dearest_counts():
    def branch(a, b):
        return lax.cond(a[0, 0] > 0, lambda: a @ b @ b.T @ b, lambda: a @ b)

    assert count(branch, A, B).flops == 3 * PRODUCT


def test_of_the_forms_for_platforms_the_general_one_counts():
    def product(a, b):
        return lax.platform_dependent(a, b, cpu=lambda a, b: a @ b @ b.T @ b, default=jnp.matmul)

    assert count(product, A, B).flops == PRODUCT


def test_of_a_cpus_form_with_explicit_zeros_the_zeros_do_not_count():
    x, w = struct(2, 2, 2, 5), struct(3, 3, 5, 7)
    work = count(lambda x, w: conv.convolve(x, w, (1, 1)), x, w)
    assert work.flops == 2 * 2 * 5 * 7 * (2 * 3) ** 2
    assert work.needed == 2 * 2 * 5 * 7 * (2 * 2) ** 2


def test_shards_count_on_all_devices():
    mesh = jax.make_mesh((4,), ('data',), axis_types=(AxisType.Auto,))
    specs = {
        'in_specs': (PartitionSpec('data'), PartitionSpec()),
        'out_specs': PartitionSpec('data'),
    }
    sharded = jax.shard_map(jnp.matmul, mesh=mesh, **specs)
    assert count(sharded, struct(12, 5), B).flops == 2 * 12 * 5 * 7


def test_what_nobody_reads_does_not_count():
    def wasteful(a, b):
        def body(carry, row):
            _ = jnp.sum(row @ b @ b.T)
            return carry, row @ b

        return jax.jit(lambda: (a @ b @ b.T, lax.scan(body, 0.0, a[None])[1]))()[1]

    assert count(wasteful, A, B) == MATMUL


@pytest.mark.slow
def test_a_whole_step_of_sndcgan():
    """docs/results.md, 'Convolutions on a CPU', where 273.3 and 230.5 GFLOP were added up by hand
    from D's 431.4 and G's 207.0 MFLOP an image.
    """
    overrides = ['data.size=32', 'generator.width=1.0', 'discriminator.width=1.0', 'mesh.data=1']
    settings = config.load_config(
        'configs/stacked_digits.py:method=none', [f'--config.{o}' for o in overrides]
    ).to_dict()
    form = data.DataSet(np.broadcast_to(np.uint8(0), (64, 32, 32, 3)), None, 0, 'blank')
    whole = make_workload(settings, form)
    work = whole.work()
    kernels = [x.size for x in jax.tree.leaves(whole.program.shapes.d.params) if x.ndim > 1]
    rows = 2 * (2 * 2 * (ROWS - 1)) * sum(kernels)  # of spectral normalisation, off a CPU
    assert round((work.flops - rows) / 1e9, 1) == 273.3
    assert (work.needed - rows) / 1e9 == pytest.approx(230.5, rel=1e-3)
    state = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(whole.program.shapes))
    assert 0 < 2 * state < work.bytes
