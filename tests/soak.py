"""The memory of one real run over thousands of tiny steps: python -m tests.soak

A training run of its own process draws every 50 steps, saves every 100 and evaluates every 250. Its
own (private) memory is read from outside, all the time; after the first 1,000 steps it must grow by
less than 1 MB in 1,000 steps.

glibc keeps freed memory for later, some tens of MB more or less from minute to minute: here it
gives everything back at once. What does grow is tensorstore's: version 0.1.86 loses 217 bytes for
each leaf of each save, two strings whose references `KvStore.Spec.to_json` never gives back.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
STEPS = 5000
SETTLED = 1000  # steps until all that is made once has been made
WINDOW = 250  # steps, from one evaluation to the next
LIMIT = 1.0  # MB in 1,000 steps
FLAGS = {
    'steps': STEPS,
    'every.log': 50,
    'every.sample': 50,
    'every.checkpoint': 100,
    'every.evaluate': WINDOW,
    'every.full': STEPS,
    'evaluate.metrics': 'fd_digits,modes',
}
# No second arena, nothing kept: glibc fixes a threshold that is set, and else moves it.
MALLOC = {
    'MALLOC_ARENA_MAX': '1',
    'MALLOC_TRIM_THRESHOLD_': '131072',
    'MALLOC_MMAP_THRESHOLD_': '131072',
}

Sample = tuple[int, float]  # the step, and MB


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        'python -m tests.soak',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--workdir', type=Path, help='kept; by default a temporary folder')
    flags = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        samples = watched(flags.workdir or Path(scratch) / 'run')
    levels = by_window(samples)
    print('| steps | private memory, MB |\n|---|---|')
    for step, level in levels:
        print(f'| {step} to {step + WINDOW} | {level:.1f} |')
    slope = growth(levels)
    print(f'{slope:+.2f} MB in 1,000 steps after the first {SETTLED:,}; the limit is {LIMIT:g}')
    return os.EX_OK if slope < LIMIT else 1


def watched(workdir: Path) -> list[Sample]:
    """Trains in the workdir, and what was measured meanwhile."""
    command = [sys.executable, '-m', 'gan_jax.train', '--config=tests/smoke.py']
    command += [f'--config.{key}={value}' for key, value in FLAGS.items()]
    samples, begun = [], time.monotonic()
    environment, quiet = {**os.environ, **MALLOC}, subprocess.DEVNULL
    command.append(f'--workdir={workdir}')
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet) as process:
        while process.poll() is None:
            step = last_step(workdir / 'metrics.jsonl')
            if step is not None and (memory := private(process.pid)):
                samples.append((step, memory))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f'the run ended with status {process.returncode}')
    print(f'{FLAGS["steps"]} steps in {time.monotonic() - begun:.0f} s, {len(samples)} samples')
    return samples


def private(process: int) -> float:
    """MB that the process shares with nobody; 0 when it is gone."""
    try:
        text = Path(f'/proc/{process}/smaps_rollup').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, re.findall(r'^Private_\w+: +(\d+) kB', text, re.M))) * 1024 / 1e6


def last_step(log: Path) -> int | None:
    """Of the last whole row; None before the first."""
    try:
        with log.open('rb') as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().split(b'\n')[:-1]
        return json.loads(lines[-1])['step']
    except (FileNotFoundError, IndexError, ValueError):
        return None


def by_window(samples: Sequence[Sample]) -> list[Sample]:
    """The median of each window of steps, without the last window of a run that is ending."""
    windows: dict[int, list[float]] = {}
    for step, memory in (sample for sample in samples if sample[0] < STEPS):
        windows.setdefault(step // WINDOW * WINDOW, []).append(memory)
    return [(step, float(np.median(values))) for step, values in sorted(windows.items())]


def growth(levels: Sequence[Sample]) -> float:
    """MB in 1,000 steps: the slope of the line through what comes after `SETTLED`."""
    steps, memory = zip(*(level for level in levels if level[0] >= SETTLED), strict=True)
    return float(np.polyfit(steps, memory, 1)[0] * 1000)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
