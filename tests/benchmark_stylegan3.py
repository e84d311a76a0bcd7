"""The work of StyleGAN3's generator beside StyleGAN2's, as XLA counts it: no machine is timed.

    python -m tests.benchmark_stylegan3

Forward and backward of one image, lowered for a TPU and not compiled.
"""

import jax

from gan_jax.models.stylegan2 import generator as stylegan2
from gan_jax.models.stylegan3 import generator as stylegan3

SIZES = [(16, 32_768), (32, 32_768), *((n, base) for n in (64, 128) for base in (16_384, 32_768))]
LATENT = 512


def gradient(network):
    """(the gradient of the sum of an image, what it takes)."""

    def total(params, others, z, key):
        variables, rngs = {'params': params, **others}, {'noise': key}
        options = dict(train=True, mutable=[*others], rngs=rngs)
        record, after = network.apply(variables, z, None, **options)
        return record['image'].sum(), after

    z, key = jax.ShapeDtypeStruct((1, LATENT), 'float32'), jax.eval_shape(jax.random.key, 0)
    variables = jax.eval_shape(lambda key, z: network.init(key, z, None, train=True), key, z)
    others = {name: tree for name, tree in variables.items() if name != 'params'}
    return jax.grad(total, has_aux=True), (variables['params'], others, z, key)


def work(network):
    """10⁹ operations, and 10⁹ bytes of operands and results before anything is fused."""
    function, arguments = gradient(network)
    lowered = jax.jit(function).trace(*arguments).lower(lowering_platforms=('tpu',))
    found = lowered.cost_analysis()
    return [found[name] / 1e9 for name in ('flops', 'bytes accessed')]


def main():
    """Prints a row for each size."""
    for side, base in SIZES:
        shape = side, side, 3
        two = work(stylegan2.Generator(shape, layers=2, base=base))
        three = work(stylegan3.Generator(shape, base=base))
        cells = [f'{a:.1f} | {b:.1f} | {b / a:.1f}' for a, b in zip(two, three, strict=True)]
        print(f'| {side}, base {base:,} |', ' | '.join(cells), '|')


if __name__ == '__main__':
    main()
