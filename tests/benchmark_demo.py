"""The wall time of the demo's training, by cause.

    python tests/benchmark_demo.py                     the demo, into a folder that is removed
    python tests/benchmark_demo.py --config.steps=200  overrides as for gan_jax.train

A benchmark, not a test: nothing here passes or fails. Every second of the main thread is put down
to one thing. A step is waited for before anything else begins, which training does not do: what
would be hidden behind a step counts here, so that the share outside is an upper bound.
"""

import contextlib
import json
import sys
import tempfile
import time
from collections import Counter

BEGUN = time.perf_counter()

import jax  # noqa: E402

from gan_jax import train  # noqa: E402
from gan_jax.experiment import setup  # noqa: E402
from gan_jax.run import evaluation  # noqa: E402
from gan_jax.runtime.versions import versions  # noqa: E402

STEP, COMPILE, EVALUATE, START = 'steps', 'tracing and compiling', 'evaluation', 'start'
LOOP = 'loop: rows, pictures, checkpoints'
SECONDS, DOING, PIECES = Counter(), [], []


@contextlib.contextmanager
def doing(what):
    """Counts the seconds of a block for `what`, without the seconds of nested blocks."""
    DOING.append(what)
    begun, inside = time.perf_counter(), sum(SECONDS.values())
    try:
        yield
    finally:
        DOING.pop()
        SECONDS[what] += time.perf_counter() - begun - (sum(SECONDS.values()) - inside)


def watched(function, what, wait=False):
    def call(*arguments, **options):
        with doing(what):
            result = function(*arguments, **options)
            return jax.block_until_ready(result) if wait else result

    return call


def compiled(event, seconds, **_):
    """JAX's own account of a piece of work that has just ended; pieces lie within one another."""
    if not event.startswith('/jax/core/compile/') or not DOING:
        return
    begun, new = time.perf_counter() - seconds, seconds
    while PIECES and PIECES[-1][0] >= begun:
        new -= PIECES.pop()[1]
    PIECES.append((begun, seconds))
    SECONDS[DOING[-1]] -= new
    SECONDS[COMPILE] += new


def main(overrides):
    make_program = setup.make_program

    def program(*arguments, **options):
        made = make_program(*arguments, **options)
        return made._replace(update=watched(made.update, STEP, wait=True))

    setup.make_program = program
    evaluation.evaluate = watched(evaluation.evaluate, EVALUATE)
    train.build_setup = watched(train.build_setup, START)
    jax.monitoring.register_event_duration_secs_listener(compiled)
    SECONDS[START] = time.perf_counter() - BEGUN  # Python's imports
    with tempfile.TemporaryDirectory() as folder, doing(LOOP):
        train.main(['--config=configs/digits.py', f'--workdir={folder}', *overrides])
    counted = sum(SECONDS.values()) - SECONDS[COMPILE] - SECONDS[EVALUATE]
    print(f'\n{json.dumps(versions())}')
    for what, seconds in SECONDS.most_common():
        print(f'{what:36s} {seconds:7.1f} s')
    print(f'{"all":36s} {time.perf_counter() - BEGUN:7.1f} s')
    outside = 100 * (1 - SECONDS[STEP] / counted)
    print(f'outside the steps, without compiling and evaluation: {outside:.1f} %')


if __name__ == '__main__':
    main(sys.argv[1:])
