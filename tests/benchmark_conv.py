"""Times the whole train step with `gan_jax.models.conv` and with Flax's own layers, alternating.

    python tests/benchmark_conv.py                 SNDCGAN-32, full width, batch 64, hinge only
    python tests/benchmark_conv.py --size=16 --width=0.25 --method=bcr_cntr

A benchmark, not a test: nothing here passes or fails. docs/results.md holds what it printed.
"""

import argparse
import json
import os
import time
from pathlib import Path

import jax
import numpy as np
from flax import linen as nn

from gan_jax import config, data, sharding
from gan_jax.experiment import build
from gan_jax.models import conv, sndcgan
from gan_jax.program import make_program
from gan_jax.versions import versions

CONFIG = Path(__file__).parent.parent / 'configs' / 'stacked_digits.py'


def flax_conv(features, size, strides=(1, 1), **options):
    return nn.Conv(features, size, strides, **options)


def flax_conv_transpose(features, size, strides=(1, 1), **options):
    return nn.ConvTranspose(features, size, strides, **options)


# What each variant puts in place of the layers that SNDCGAN is made of.
VARIANTS = {
    'flax': (flax_conv, flax_conv_transpose),
    'gan_jax': (conv.Conv, conv.ConvTranspose),
}


def compiled(flags):
    """The program of one variant: its step, compiled and run once, and XLA's count of FLOPs."""
    overrides = [
        f'--config.data.size={flags.size}',
        f'--config.generator.width={flags.width}',
        f'--config.discriminator.width={flags.width}',
        f'--config.batch_size={flags.batch}',
    ]
    c = config.read(f'{CONFIG}:method={flags.method}', overrides)
    dataset = data.load(c.data.name, size=c.data.size)
    experiment = build(
        json.loads(c.to_json()), shape=dataset.images.shape[1:], num_classes=dataset.num_classes
    )
    program = make_program(
        experiment,
        dataset,
        sharding.make_mesh(1, c.batch_size),
        batch_size=c.batch_size,
        d_steps=c.d_steps,
    )
    flops = program.lower().cost_analysis()['flops']
    hyper = experiment.hyper
    state = jax.block_until_ready(program.update(program.init(hyper), 0, hyper))
    return program, hyper, state, flops


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--size', type=int, default=32)
    parser.add_argument('--width', type=float, default=1.0)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--method', default='none')
    parser.add_argument('--repeats', type=int, default=9)
    flags = parser.parse_args()
    running, seconds = {}, {name: [] for name in VARIANTS}
    for name, layers in VARIANTS.items():
        sndcgan.Conv, sndcgan.ConvTranspose = layers
        running[name] = compiled(flags)
    for step in range(1, 1 + flags.repeats):
        for name, (program, hyper, state, flops) in running.items():
            start = time.perf_counter()
            state = jax.block_until_ready(program.update(state, step, hyper))
            seconds[name].append(time.perf_counter() - start)
            running[name] = program, hyper, state, flops
    for name, (*_, flops) in running.items():
        median, low, high = (f(seconds[name]) for f in (np.median, min, max))
        print(
            f'{name:8s} median {median:.3f} s, {low:.3f} to {high:.3f}; '
            f'{flops / 1e9:.1f} GFLOP, {flops / median / 1e9:.1f} GFLOP/s'
        )
    print(f'load {os.getloadavg()[0]:.1f}, {json.dumps(versions())}')


if __name__ == '__main__':
    main()
