"""Times our train step beside the published StyleGAN2-ADA's or R3GAN's, in turns.

    make oracle-env                                                        torch, once
    git clone https://github.com/NVlabs/stylegan2-ada-pytorch CHECKOUT
    .venv-oracle/bin/python tests/benchmark_published.py --reference=CHECKOUT \\
        --config=configs/stylegan2_cifar10.py:method=none --config.batch_size=8
    git clone https://github.com/brownvc/R3GAN CHECKOUT
    .venv-oracle/bin/python tests/benchmark_published.py --reference=CHECKOUT \\
        --config=configs/r3gan_cifar10.py --config.batch_size=8 --config.dtype=float32 \\
        --config.augment.critic= --config.augment.real=

A benchmark, not a test: nothing here passes or fails. One process takes turns; the ratio is of our
loop's seconds to theirs in the same turn. R1 acts in every step: StyleGAN2's other fifteen are
measured with --config.terms.penalty.weight=0. The floor is our multiplications at the speed of a
matrix product in the same turns. See oracle/published_step.py for what their step is.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

# Not of `tests`: torch-fidelity installs a package of that name.
from oracle import published_code, published_step, published_supported

from gan_jax.benchmark.baselines import Baselines
from gan_jax.benchmark.measure import measure
from gan_jax.benchmark.table import table
from gan_jax.benchmark.workload import images_of, make_workload
from gan_jax.data.dataset import labels_of
from gan_jax.experiment import config
from gan_jax.experiment.flags import config_parser, parse_config
from gan_jax.runtime.versions import versions


def main(arguments: Sequence[str]) -> None:
    flags, overrides = _parse(arguments)
    settings = json.loads(config.load_config(flags.config, overrides).to_json())
    code, *_ = published_code.import_from(flags.reference)
    published_supported.check(code, settings)
    dataset, real = images_of(settings)
    whole = make_workload(settings, dataset)

    def baselines() -> Baselines:
        images, labels = np.array(dataset.images), labels_of(dataset)
        take = published_step.make(code, whole.settings, images, labels)
        take(1)
        return Baselines({f'published {code}': take}, {})

    result = {
        'config': flags.config,
        'settings': whole.settings,
        'images': {
            'source': dataset.name if real else f"random, as if '{dataset.name}'",
            'shape': dataset.images.shape[1:],
        },
        'versions': {**versions(), 'torch': torch.__version__},
        'reference': _commit(flags.reference),
        'commit': _commit(Path(__file__).parent),
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
        'repeats': flags.repeats,
        'devices': whole.mesh.size,
        'load': os.getloadavg()[0],
        'measured': measure(whole, flags.repeats, parts=False, baselines=baselines),
    }
    print(table(result))
    theirs = f'{code} at {result["reference"] or "an unknown commit"}'
    print(f'published {theirs}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    if flags.out:
        flags.out.write_text(json.dumps(result))


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = config_parser('benchmark', __doc__)
    parser.prog = 'python tests/benchmark_published.py'
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument('--reference', type=Path, required=True, metavar='CHECKOUT')
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    return parse_config(parser, arguments)


def _commit(checkout: Path) -> str | None:
    command = ['git', '-C', str(checkout), 'describe', '--always', '--dirty', '--exclude=*']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None  # a copy without its history


if __name__ == '__main__':
    main(sys.argv[1:])
