"""Seconds of a step in dispatches of 1, 10 and 50 steps, alternating, as JSON.

python tests/accelerator/dispatch.py --out=FILE.json

The network of configs/digits.py, whose step is too small to fill a large device, with bCR and Cntr;
on a CPU a smaller one still, since XLA is slow there at the gradients of convolutions in a loop.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax

from gan_jax import data
from gan_jax.benchmark.timing import interleave, spread
from gan_jax.experiment import config
from gan_jax.experiment.setup import build_trainer

CONFIG = Path(__file__).parents[2] / 'configs' / 'digits.py'
COUNTS = (1, 10, 50)
LEAST = {'cpu': 0.05}  # seconds of a turn, elsewhere half a second
SMALL = [
    '--config.batch_size=8',
    '--config.generator.width=0.0625',
    '--config.discriminator.width=0.0625',
]


def dispatches(program, hyper, count: int):
    """(n) -> n dispatches of `count` steps have been taken, in a run of their own."""
    state, step = program.init(hyper), 0

    def take(number: int) -> None:
        nonlocal state, step
        for _ in range(number):
            state = program.update(state, step, hyper, count)
            step += count
        jax.block_until_ready(state)

    return take


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--repeats', type=int, default=7)
    flags = parser.parse_args()
    platform = jax.default_backend()
    overrides = ['--config.mesh.data=1', *(SMALL if platform == 'cpu' else [])]
    settings = json.loads(config.load_config(f'{CONFIG}:method=bcr_cntr', overrides).to_json())
    dataset = data.load(settings['data']['name'], size=settings['data']['size'])
    experiment, program = build_trainer(settings, dataset)
    candidates = {str(n): dispatches(program, experiment.hyper, n) for n in COUNTS}
    with ThreadPoolExecutor() as pool:  # side by side, for each compiles a program of its own
        list(pool.map(lambda take: take(1), candidates.values()))
    turns = interleave(candidates, flags.repeats, least=LEAST.get(platform, 0.5))
    result = {
        'batch_size': settings['batch_size'],
        'seconds_a_step': {n: spread(turns.seconds[n] / int(n)) for n in candidates},
    }
    print(json.dumps(result))
    flags.out.write_text(json.dumps(result))


if __name__ == '__main__':
    main()
