"""The memory that XLA plans for a config's step, over what `benchmark.planning.liveness` counts.

    python tests/benchmark_memory.py --config=configs/cifar10_biggan.py --config.batch_size=32
    python tests/benchmark_memory.py --config=configs/digits.py --as_accelerator

Nothing here passes or fails, and nothing is timed: it is what docs/plan.md compares.
"""

import json
import sys
from collections.abc import Sequence

import jax

from gan_jax.benchmark import compiled
from gan_jax.benchmark.planning import liveness
from gan_jax.benchmark.workload import images_of, make_workload
from gan_jax.experiment import config
from gan_jax.experiment.flags import config_parser, parse_config


def main(arguments: Sequence[str]) -> None:
    parser = config_parser('benchmark', __doc__)
    parser.prog = 'python tests/benchmark_memory.py'
    parser.add_argument('--as_accelerator', action='store_true', help='no form for CPUs')
    flags, overrides = parse_config(parser, arguments)
    if flags.as_accelerator:
        jax.lax.platform_dependent = lambda *args, default, **forms: default(*args)
    settings = json.loads(config.load_config(flags.config, overrides).to_json())
    whole = make_workload(settings, images_of(settings)[0])
    kept = liveness.peak_bytes(whole.traced()) - whole.state_bytes()
    plan = compiled.memory(compiled.compile_step(whole.program).call)
    planned = plan['total'] - plan['arguments']
    print(f'{shown(planned)} beside state and data, {shown(kept)} counted: {planned / kept:.2f}')


def shown(size: int) -> str:
    return f'{size / 1e6:.1f} MB'


if __name__ == '__main__':
    main(sys.argv[1:])
