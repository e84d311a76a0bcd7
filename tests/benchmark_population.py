"""Times a population against the same members trained one after another, alternating.

    python tests/benchmark_population.py           4 SNDCGANs of width 0.25 at 16 px, batch 64
    python tests/benchmark_population.py --members=8 --method=bcr_cntr --repeats=9

A benchmark, not a test: nothing here passes or fails. Every variant takes one step of all members
in turn; the ratio is of its seconds to the seconds of the members in sequence, in the same turn.
--out=FILE.json writes the numbers.
"""

import argparse
import json
import os
import time
from pathlib import Path

import jax
import numpy as np

from gan_jax import data
from gan_jax.benchmark.timing import spread
from gan_jax.experiment import config
from gan_jax.experiment.build import build_experiment
from gan_jax.experiment.program import make_program
from gan_jax.runtime import sharding
from gan_jax.runtime.versions import versions
from gan_jax.sweeps import population
from gan_jax.sweeps.population import make_population

CONFIG = Path(__file__).parent.parent / 'configs' / 'digits.py'
CHOSEN = population._each

# (name, devices, how the members of one device are run)
VARIANTS = [
    ('1 device, as chosen', 1, CHOSEN),
    ('1 device, vmap', 1, jax.vmap),
    ('2 devices, as chosen', 2, CHOSEN),
]


def read(flags):
    """The data set and the experiment of each member: seeds 0, 1, ..."""
    overrides = [
        f'--config.data.size={flags.size}',
        f'--config.generator.width={flags.width}',
        f'--config.discriminator.width={flags.width}',
    ]
    c = config.load_config(f'{CONFIG}:method={flags.method}', overrides)
    dataset = data.load(c.data.name, size=c.data.size)
    experiment = build_experiment(
        json.loads(c.to_json()), shape=dataset.images.shape[1:], num_classes=dataset.num_classes
    )
    hypers = [experiment.hyper._replace(seed=np.int32(i)) for i in range(flags.members)]
    return dataset, experiment, hypers


def in_sequence(dataset, experiment, hypers, batch):
    """() -> step -> every member has taken it, each in a run of its own."""
    mesh = sharding.make_mesh(1, batch)
    program = make_program(experiment, dataset, mesh, batch_size=batch, d_steps=1)
    states = [program.init(hyper) for hyper in hypers]

    def take(step):
        for i, hyper in enumerate(hypers):
            states[i] = program.update(states[i], step, hyper)
        jax.block_until_ready(states)

    return take


def together(dataset, experiment, hypers, batch, devices, each):
    """The same in one population."""
    population._each = each  # read when the first step is traced
    made = make_population(
        *(experiment, dataset, hypers),
        batch_size=batch,
        d_steps=1,
        devices=jax.devices()[:devices],
    )
    state = made.init()

    def take(step):
        nonlocal state
        state = jax.block_until_ready(made.update(state, step))

    return take


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--members', type=int, default=4)
    parser.add_argument('--size', type=int, default=16)
    parser.add_argument('--width', type=float, default=0.25)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--method', default='none')
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--out', type=Path)
    flags = parser.parse_args()
    jax.config.update('jax_num_cpu_devices', 2)
    parts = *read(flags), flags.batch
    makers = {'in sequence': lambda: in_sequence(*parts)}
    for name, devices, each in VARIANTS:
        if devices <= len(jax.devices()):
            makers[name] = lambda d=devices, e=each: together(*parts, d, e)

    running, compiling, seconds = {}, {}, {name: [] for name in makers}
    for name, make in makers.items():
        running[name] = make()
        start = time.perf_counter()
        running[name](0)
        compiling[name] = time.perf_counter() - start
    for step in range(1, 1 + flags.repeats):
        for name, take in running.items():
            start = time.perf_counter()
            take(step)
            seconds[name].append((time.perf_counter() - start) / flags.members)
    ratios = {n: np.divide(taken, seconds['in sequence']) for n, taken in seconds.items()}
    for name, taken in seconds.items():
        ratio = ratios[name]
        print(
            f'{name:21s} {np.median(taken):.4f} s a member-step, ratio {np.median(ratio):.2f} '
            f'({min(ratio):.2f} to {max(ratio):.2f}); first step {compiling[name]:.1f} s'
        )
    print(f'load {os.getloadavg()[0]:.1f}, {json.dumps(versions())}')
    if flags.out:
        write(flags.out, flags.members, seconds, ratios, compiling)


def write(out, members, seconds, ratios, compiling):
    spreads = {'seconds_a_member_step': seconds, 'ratio': ratios}
    found = {key: {n: spread(x) for n, x in of.items()} for key, of in spreads.items()}
    out.write_text(json.dumps({'members': members, **found, 'first_step': compiling}))


if __name__ == '__main__':
    main()
