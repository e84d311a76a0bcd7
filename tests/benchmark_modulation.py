"""Two forms of StyleGAN2's modulated convolution as compilers estimate them: nothing is run.

    .venv-compilers/bin/python -m tests.benchmark_modulation

`scaled` is ours: maps are scaled before and after one convolution of the batch. `grouped` is the
published training form: a kernel for each image, and one convolution in as many groups. Forward and
backward of 32 images with 512 channels.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import SingleDeviceSharding

from gan_jax.benchmark.compilers import numbers
from gan_jax.benchmark.compilers.compile import peak_of
from gan_jax.benchmark.compilers.printed import compile_printed
from gan_jax.benchmark.compilers.targets import read_targets
from gan_jax.models.conv import convolve
from gan_jax.models.stylegan2.modulated import modulated

BATCH, CHANNELS, SIDES = 32, 512, (8, 16, 32)
TYPES = ('float32', 'bfloat16')


def grouped(x, w, style):
    """`modulated` by kernels of images: w' and w'' of its docstring."""
    kernels = w * style[:, None, None, :, None]
    kernels *= lax.rsqrt((kernels**2).sum((1, 2, 3), keepdims=True) + 1e-8)
    kernels = kernels.astype(x.dtype)
    return jax.vmap(lambda x, w: convolve(x[None], w, (1, 1))[0])(x, kernels)


def compiled_for(name, function, arguments):
    """(operations, bytes at the peak) of a function on the first device of that name."""
    device = read_targets(name)[0].devices[0]
    place = SingleDeviceSharding(device)
    placed = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), arguments
    )
    compiled, program = compile_printed(jax.jit(function).lower(*placed), device.platform)
    return numbers.operations(program), peak_of(compiled.memory_analysis())


def main():
    """Prints a row for each form, size and type."""
    for side in SIDES:
        for dtype in TYPES:
            x = jax.ShapeDtypeStruct((BATCH, side, side, CHANNELS), dtype)
            w = jax.ShapeDtypeStruct((3, 3, CHANNELS, CHANNELS), jnp.float32)
            style = jax.ShapeDtypeStruct((BATCH, CHANNELS), jnp.float32)
            for form in (modulated, grouped):

                def loss(x, w, style, form=form):
                    return jnp.sum(form(x, w, style).astype(jnp.float32) ** 2)

                gradient = jax.grad(loss, (0, 1, 2))
                tpu, peak = compiled_for('v5e:2x2', gradient, (x, w, style))
                card, peak_of_card = compiled_for('H100', gradient, (x, w, style))
                print(
                    f'| {side}, {dtype}, {form.__name__} | {numbers.cycles(tpu):,} '
                    f'| {peak / 1e6:.0f} MB | {sum(numbers.launches(card).values())} '
                    f'| {peak_of_card / 1e6:.0f} MB |',
                    flush=True,
                )


if __name__ == '__main__':
    main()
