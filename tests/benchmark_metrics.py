"""Times our metrics beside torch-fidelity's, alternating, and the memory that `prdc` takes.

    make oracle-env                                            torch and torch-fidelity, once
    .venv-oracle/bin/python tests/benchmark_metrics.py         at the sizes of a paper's table
    .venv-oracle/bin/python tests/benchmark_metrics.py frechet inception --images=64 --repeats=3
    .venv-oracle/bin/python tests/benchmark_metrics.py prdc --num=2000

A benchmark, not a test: nothing here passes or fails. Weights and features are random, which does
not affect speed. A ratio is of our seconds to theirs in the same turn. Floors are the least
number of operations at the speed of NumPy's matrix product, which takes turns with the rest. Both
Inceptions run on a GPU where there is one. --out=FILE.json writes what is measured in turns.
"""

import argparse
import functools
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from unittest import mock

import jax
import numpy as np

# Not of `tests`: torch-fidelity installs a package of that name.
from oracle.made import fidelity, public_inception, random_weights, save

from gan_jax.benchmark import timing
from gan_jax.evaluate import frechet, inception, prdc
from gan_jax.evaluate.extractor import BATCH
from gan_jax.evaluate.features import in_batches
from gan_jax.runtime.versions import versions

OURS, THEIRS, PRODUCT = 'gan_jax', 'torch-fidelity', 'matrix product'
SIDE = 2048  # of the matrices in the product


def clocked(function, seconds):
    """The function, which notes in a list how long each call takes."""

    def run(*arguments, **options):
        start = time.perf_counter()
        out = function(*arguments, **options)
        seconds.append(time.perf_counter() - start)
        return out

    return run


def alternate(functions, repeats):
    """Every function in each turn: {name: its seconds [repeats]}."""
    seconds = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            clocked(function, seconds[name])()
    return {name: np.array(taken) for name, taken in seconds.items()}


def matrix_product(dtype):
    """() -> the product of two square matrices."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SIDE, SIDE)).astype(dtype) for _ in range(2))
    return lambda: a @ b


def spread(values, digits):
    median, low, high = (f'{f(values):,.{digits}f}' for f in (np.median, np.min, np.max))
    return f'{median} ({low} to {high})'


def report_ratio(seconds, ours, theirs):
    error = np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))
    ratio = seconds[OURS] / seconds[THEIRS]
    print(f'  ratio {spread(ratio, 2)}; the values differ by {error:.1e} of the largest')


def report_floor(seconds, flops):
    speed = 2 * SIDE**3 / seconds[PRODUCT]
    print(
        f'  floor {flops / np.median(speed):,.3f} s: {flops / 1e9:,.1f} GFLOP at '
        f'{spread(speed / 1e9, 0)} GFLOP/s of a matrix product'
    )


# Images a second, from uint8 to 2,048 features ----------------------------------------------------


def time_inception(flags):
    images = np.random.default_rng(0).integers(0, 256, (flags.images, 32, 32, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'weights.pth'
        save(random_weights(), path)
        variables = jax.device_put(inception.load(path))
        options = dict(interpolation='tf1', layers=('2048',))
        of_layers = jax.jit(functools.partial(inception.features, **options))
        networks = {
            OURS: lambda batch: of_layers(variables, batch),
            THEIRS: public_inception(path, ['2048'], device=torch_device()),
        }

    def see(name):
        return in_batches(networks[name], images, BATCH)['2048']

    functions = {name: lambda name=name: see(name) for name in networks}
    found = {name: see(name) for name in functions}  # compiled here
    seconds = alternate({**functions, PRODUCT: matrix_product(np.float32)}, flags.repeats)
    print(f'Inception: {flags.images} images of 32 px, {BATCH} at once, float32')
    for name in networks:
        print(f'  {name:14s} {spread(flags.images / seconds[name], 1)} images/s')
    report_ratio(seconds, found[OURS], found[THEIRS])
    report_floor(seconds, flags.images * inception_flops())
    return {name: timing.spread(flags.images / seconds[name]) for name in networks}


def torch_device():
    """'cuda' where JAX has a GPU too, so that the two are compared on one device."""
    import torch  # here: prdc's process does without

    return 'cuda' if jax.default_backend() == 'gpu' and torch.cuda.is_available() else 'cpu'


def inception_flops():
    """XLA's count of the network for one image, without the interpolation before it."""
    network = inception.Inception()
    image = jax.ShapeDtypeStruct((1, inception.SIZE, inception.SIZE, 3), np.float32)
    variables = jax.eval_shape(network.init, jax.random.key(0), image)
    features = jax.jit(lambda variables, images: network.apply(variables, images)['2048'])
    return features.lower(variables, image).compile().cost_analysis()['flops']


# Seconds of a Fréchet distance of full rank -------------------------------------------------------


def time_frechet(flags):
    size, rng = flags.features, np.random.default_rng(0)
    # As of real features, the variances differ by orders of magnitude.
    scale = np.geomspace(1, 1e-3, size)
    x, y = (rng.standard_normal((2 * size, size)) * scale for _ in range(2))
    a, b = frechet.moments(x), frechet.moments(0.8 * y + 0.3 * scale)
    public, found = fidelity('metric_fid').fid_statistics_to_metric, {}

    def ours():
        found[OURS] = frechet.distance(a, b)

    def theirs():
        statistics = ({'mu': mean, 'sigma': covariance} for mean, covariance in (a, b))
        found[THEIRS] = public(*statistics, verbose=False)['frechet_inception_distance']

    functions = {OURS: ours, THEIRS: theirs, PRODUCT: matrix_product(np.float64)}
    eigh, svd = [], []
    clocks = {'eigh': clocked(np.linalg.eigh, eigh), 'svd': clocked(np.linalg.svd, svd)}
    with mock.patch.multiple(np.linalg, **clocks):
        seconds = alternate(functions, flags.repeats)
    of_eigh, of_svd = (sum(part) / sum(seconds[OURS]) for part in (eigh, svd))
    print(f'Fréchet distance: {size} features of full rank, from moments, float64')
    print(f'  {OURS:14s} {spread(seconds[OURS], 2)} s, eigh {of_eigh:.0%}, svd {of_svd:.0%}')
    print(f'  {THEIRS:14s} {spread(seconds[THEIRS], 2)} s')
    report_ratio(seconds, found[OURS], found[THEIRS])
    # Three products, two reductions to tridiagonal form with the way back, and one to bidiagonal
    # form (Golub and Van Loan 2013, sections 5.4 and 8.3); what iterates between is not counted.
    report_floor(seconds, (3 * 2 + 2 * (4 / 3 + 2) + 8 / 3) * size**3)
    return {name: timing.spread(seconds[name]) for name in (OURS, THEIRS)}


# Seconds and memory of precision, recall, density and coverage ------------------------------------


def measure_prdc(flags):
    """Measures `prdc` in a process of its own, whose peak of memory is `prdc`'s."""
    peaks, taken = [peak()], []
    rng = np.random.default_rng(0)
    sets = [np.empty((flags.num, flags.features), np.float32) for _ in range(2)]
    for features in sets:
        rng.standard_normal(out=features, dtype=np.float32)
    peaks.append(peak())
    start = time.perf_counter()

    def tell(done, of):
        if done * 20 // of > (done - 1) * 20 // of:
            passed = time.perf_counter() - start
            print(f'  {done / of:.0%} after {passed:,.0f} s', file=sys.stderr, flush=True)

    found = clocked(prdc.prdc, taken)(*sets, progress=tell)
    peaks.append(peak())
    seconds = alternate({PRODUCT: matrix_product(np.float64)}, flags.repeats)
    print(f'prdc: {flags.num:,} and {flags.num:,} x {flags.features} features of float32')
    print(f'  {taken[0]:,.1f} s, ' + ', '.join(f'{name} {x:.4f}' for name, x in found.items()))
    print('  peak {:.2f} GB after imports, {:.2f} with the features, {:.2f} in all'.format(*peaks))
    # Of each set to itself, and of one to the other.
    report_floor(seconds, 3 * 2 * flags.num**2 * flags.features)


def peak():
    """The most memory that this process has held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def time_prdc(flags):
    child = multiprocessing.get_context('spawn').Process(target=measure_prdc, args=(flags,))
    child.start()
    child.join()
    if child.exitcode:
        sys.exit(f'prdc ended with status {child.exitcode}')


# 'prdc' first: a child's peak starts at what its parent has held.
PARTS = {'prdc': time_prdc, 'frechet': time_frechet, 'inception': time_inception}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('parts', nargs='*', help=f'some of {", ".join(PARTS)}; all by default')
    parser.add_argument('--num', type=int, default=50_000, help='rows of each set for prdc')
    parser.add_argument('--features', type=int, default=2048, help='for prdc and frechet')
    parser.add_argument('--images', type=int, default=256, help='for inception')
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--out', type=Path)
    flags = parser.parse_args()
    if unknown := {*flags.parts} - {*PARTS}:
        parser.error(f'there is no part {", ".join(unknown)}: choose from {", ".join(PARTS)}')
    chosen = [name for name in PARTS if name in (flags.parts or PARTS)]
    found = {name: PARTS[name](flags) for name in chosen}
    theirs = {package: metadata.version(package) for package in ('torch', 'torch-fidelity')}
    print(f'load {os.getloadavg()[0]:.1f}, {json.dumps({**versions(), **theirs})}')
    if flags.out:
        flags.out.write_text(json.dumps(found))


if __name__ == '__main__':
    main()
