"""Ten steps of every method on a small network, and the losses of the first one beside a CPU's.

    python tests/accelerator/smoke.py --out=FILE.json

All metrics of the ten steps are to be finite. The first step starts from the state and the images
of the same step on a CPU; a loss may differ by TOLERANCE of itself, or of 1 if it is smaller. Both
devices multiply as in training, which on a GPU is TF32. The file is written after every method.
"""

import argparse
import json
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import jax

from gan_jax import data
from gan_jax.experiment import config, presets
from gan_jax.experiment.setup import build_trainer

CONFIG = Path(__file__).parents[2] / 'configs' / 'digits.py'
SMALL = [
    '--config.batch_size=8',
    '--config.latent.dim=16',
    '--config.generator.width=0.0625',
    '--config.discriminator.width=0.0625',
    '--config.mesh.data=1',
]
STEPS, TOLERANCE = 10, 1e-3
AT_ONCE = 8  # methods that compile side by side


def settings_of(method: str) -> dict:
    """The config of digits with that method and small networks."""
    return json.loads(config.load_config(f'{CONFIG}:method={method}', SMALL).to_json())


def smoke(method: str) -> dict:
    """The result of one method, as JSON.

    Returns:
        {'finite': bool, 'first': {name: [here, on the CPU]}, 'largest': difference of a loss}
    """
    settings = settings_of(method)
    dataset = data.load(settings['data']['name'], size=settings['data']['size'])
    (experiment, here), (_, cpu) = (
        build_trainer(settings, dataset, among=jax.devices(platform)[:1])
        for platform in (None, 'cpu')
    )
    hyper = experiment.hyper
    first = cpu.init(hyper)
    # A copy: each program uses its state up. Both have the CPU's first weights, which hang on QR.
    state = jax.device_put(jax.device_get(first), jax.tree.map(lambda x: x.sharding, here.shapes))
    expected = means(cpu.update(first, 0, hyper).metrics)
    state = here.update(state, 0, hyper)
    found = {name: [value, expected[name]] for name, value in means(state.metrics).items()}
    for step in range(1, STEPS):
        state = here.update(state, step, hyper)
    # A norm is as far off as its largest gradient: it is kept, and not held to the tolerance.
    largest = max(difference(*pair) for name, pair in found.items() if not name.endswith('_norm'))
    finite = all(map(math.isfinite, [*means(state.metrics).values(), largest]))
    return {'finite': finite, 'first': found, 'largest': largest}


def means(metrics) -> dict[str, float]:
    """The running means that have a value, by name."""
    window = jax.device_get(metrics)
    return {name: float(mean.compute()) for name, mean in window.items() if mean.count}


def difference(a: float, b: float) -> float:
    """As a share of the larger of |b| and 1."""
    return abs(a - b) / max(1.0, abs(b))


def tried(method: str) -> dict:
    """As `smoke`, or {'error': a line} if it raises."""
    try:
        return smoke(method)
    except Exception as error:  # one method must not hide the others
        return {'error': f'{type(error).__name__}: {error}'.splitlines()[0]}


def passes(result: dict) -> bool:
    """Finite, and near the CPU."""
    return result.get('finite', False) and result['largest'] <= TOLERANCE


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, required=True)
    flags = parser.parse_args()
    done = {'steps': STEPS, 'tolerance': TOLERANCE, 'of': len(presets.METHODS), 'methods': {}}
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        waiting = {pool.submit(tried, method): method for method in presets.METHODS}
        for future in as_completed(waiting):
            result = done['methods'][waiting[future]] = future.result()
            print(waiting[future], json.dumps(result), flush=True)
            flags.out.write_text(json.dumps(done))
    return not all(map(passes, done['methods'].values()))


if __name__ == '__main__':
    sys.exit(main())
