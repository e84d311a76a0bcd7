"""Signals, and outputs that nobody reads: training ends as it says, and goes on to the same."""

import random
import signal

from tests.faults import command, verdict
from tests.faults.attack import Attack, Guard
from tests.faults.bench import HALF, Bench, flags_of
from tests.faults.verdict import civil, first

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SOONEST = 0.05  # seconds after the first line, which then has run


def signals(bench: Bench, draw: random.Random, index: int) -> str:
    """One signal at any moment: the imports, the tracing, the compiling, the steps."""
    folder, number = bench.scratch / 'run', NUMBERS[index % 3]
    bite = {'signal': number, 'seconds': draw.uniform(SOONEST, bench.known['seconds'])}
    done = command.run(command.bitten(bite, 'train', *flags_of(folder)))
    again = bench.train(folder)
    lost = first(
        civil(done, (0, 128 + number), number.name),
        civil(again, (0,), 'the same command'),
        verdict.same_as_straight(bench, folder),
    )
    return lost and f'after {bite["seconds"]:.2f} s: {lost}'


def signals_to_others(bench: Bench, draw: random.Random, index: int) -> str:
    """One signal to `evaluate`: no half of a result, and the same command gives the right one."""
    folder, number = bench.copy('half'), NUMBERS[index % 3]
    before = verdict.kept(folder)
    bite = {'signal': number, 'seconds': draw.uniform(SOONEST, bench.known['seconds'])}
    done = command.run(command.bitten(bite, 'evaluate', f'--workdir={folder}'))
    again = bench.evaluate(folder)
    return first(
        civil(done, (0, 128 + number), number.name),
        before != verdict.kept(folder) and 'files of the run have changed',
        civil(again, (0,), 'the same command'),
        verdict.scored(bench, folder, again, [HALF]),
    )


# How a shell closes them; `head` reads a line and goes.
CLOSED = {
    'no standard output': 'exec "$@" >&-',
    'no output at all': 'exec "$@" >&- 2>&- <&-',
    'a full device': 'exec "$@" >/dev/full 2>/dev/full',
    'a reader that goes': '{ "$@"; echo $? >"$STATUS"; } 2>&1 | head -1',
}


def outputs(bench: Bench, draw: random.Random, index: int) -> str:
    """Training, or an evaluation, whose output nobody takes."""
    name = [*CLOSED][index % len(CLOSED)]
    told = bench.scratch / 'status'
    training = index % 2 == index // len(CLOSED) % 2
    if training:
        folder = bench.scratch / 'run'
        asked = command.plain('train', *flags_of(folder))
    else:
        folder = bench.copy('half')
        asked = command.plain('evaluate', f'--workdir={folder}')
    done = command.run(['sh', '-c', f'STATUS={told}; {CLOSED[name]}', 'sh', *asked])
    if told.exists():
        done = done._replace(status=int(told.read_text()))
    lost = civil(done, (0,))
    if not lost and training:
        lost = verdict.same_as_straight(bench, folder)
    elif not lost:
        lost = verdict.result(bench, folder, HALF)
    return lost and f'{name}: {lost}'


ATTACKS = (
    Attack(
        'SIGINT, SIGTERM or SIGHUP to train',
        12,
        signals,
        Guard('gan_jax/runtime/begin.py', '    signals.arm()\n', ''),
    ),
    Attack(
        'the same to evaluate',
        6,
        signals_to_others,
        Guard('gan_jax/runtime/begin.py', '    signals.arm()\n', ''),
    ),
    Attack(
        'outputs closed or full',
        8,
        outputs,
        Guard('gan_jax/runtime/begin.py', '    streams.hold()\n', ''),
    ),
)
