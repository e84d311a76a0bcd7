"""The work of StyleGAN3's generator beside StyleGAN2's, as XLA counts it: no machine is timed.

    python -m tests.benchmark_stylegan3
    .venv-compilers/bin/python -m tests.benchmark_stylegan3 v5e:2x2 H100

Forward and backward of one image, lowered for a TPU and not compiled. With devices: of eight images
at 32 pixels, compiled for one of each.
"""

import sys

import jax

from gan_jax.benchmark.compilers import numbers
from gan_jax.models.stylegan2 import generator as stylegan2
from gan_jax.models.stylegan3 import generator as stylegan3
from tests.benchmark_modulation import compiled_for

SIZES = [(16, 32_768), (32, 32_768), *((n, base) for n in (64, 128) for base in (16_384, 32_768))]
COMPILED, BATCH = (32, 32_768), 8
LATENT = 512


def gradient(network, batch=1):
    """(the gradient of the sum of images, what it takes)."""

    def total(params, others, z, key):
        variables, rngs = {'params': params, **others}, {'noise': key}
        options = dict(train=True, mutable=[*others], rngs=rngs)
        record, after = network.apply(variables, z, None, **options)
        return record['image'].sum(), after

    z, key = jax.ShapeDtypeStruct((batch, LATENT), 'float32'), jax.eval_shape(jax.random.key, 0)
    variables = jax.eval_shape(lambda key, z: network.init(key, z, None, train=True), key, z)
    others = {name: tree for name, tree in variables.items() if name != 'params'}
    return jax.grad(total, has_aux=True), (variables['params'], others, z, key)


def work(network):
    """10⁹ operations, and 10⁹ bytes of operands and results before anything is fused."""
    function, arguments = gradient(network)
    lowered = jax.jit(function).trace(*arguments).lower(lowering_platforms=('tpu',))
    found = lowered.cost_analysis()
    return [found[name] / 1e9 for name in ('flops', 'bytes accessed')]


def pair(side, base):
    """StyleGAN2's generator and StyleGAN3's."""
    shape = side, side, 3
    return stylegan2.Generator(shape, layers=2, base=base), stylegan3.Generator(shape, base=base)


def compiled(device):
    """Prints cycles, launches and bytes at the peak of both as a compiler estimates them."""
    for network in pair(*COMPILED):
        operations, peak = compiled_for(device, *gradient(network, BATCH))
        cycles, launches = numbers.cycles(operations), sum(numbers.launches(operations).values())
        name = type(network).__module__.split('.')[-2]
        print(f'| {device}, {name} | {cycles} | {launches:,} | {peak / 1e6:.0f} MB |', flush=True)


def main(devices):
    """Prints a row for each size, or for each device and generator."""
    for device in devices:
        compiled(device)
    for side, base in () if devices else SIZES:
        two, three = (work(network) for network in pair(side, base))
        cells = [f'{a:.1f} | {b:.1f} | {b / a:.1f}' for a, b in zip(two, three, strict=True)]
        print(f'| {side}, base {base:,} |', ' | '.join(cells), '|')


if __name__ == '__main__':
    main(sys.argv[1:])
