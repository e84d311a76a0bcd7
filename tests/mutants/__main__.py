"""Tries the tests: small faults are put into copies of the code, and a test has to notice each.

    make mutants                              eight mutants of every module, drawn by seed 0
    make mutants ARGS='--module=step --number=20 --seed=3'

Two at a time, for an hour or so: by hand and at night, not with the tests. Status 1 says that a
mutant survived which is not in equivalent.toml, or what is wrong there.
"""

import argparse
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.mutants import report
from tests.mutants.draw import Mutant, drawn, mutants_of
from tests.mutants.modules import MODULES, sources, suite_of
from tests.mutants.trial import UNUSABLE, tried, unedited
from tests.mutants.written import WRITTEN, mutant_of

AT_ONCE = 2
HOUR = 3600.0
WRITTEN_DOWN = 'written down'

Candidates = Iterator[tuple[Mutant, Sequence[str]]]  # each with its test files

_TAKING = threading.Lock()


def main(arguments: Sequence[str]) -> int:
    """Tries mutants, prints a line for each and a table; the status is 1 unless all is noticed."""
    flags = _parse(arguments)
    modules = [flags.module] if flags.module else [*MODULES, WRITTEN_DOWN]
    candidates = {module: _candidates(module, flags.seed) for module in modules}
    wanted = [
        m for m in modules for _ in range(len(WRITTEN) if m == WRITTEN_DOWN else flags.number)
    ]
    with ThreadPoolExecutor(AT_ONCE) as workers:
        limits = dict(zip(modules, workers.map(_limit, modules), strict=True))
        results = workers.map(lambda m: _trial(m, candidates[m], limits[m]), wanted)
        trials = [trial for trial in results if trial is not None]
    equivalent = report.argued()
    print(f'\nseed {flags.seed}\n\n{report.table(trials, equivalent)}\n')
    for trial in report.surviving(trials, equivalent):
        print(report.described(trial.mutant), end='\n\n')
    wrong = report.faults(trials, equivalent, len(wanted))
    for sentence in wrong:
        print(f'mutants: {sentence}', file=sys.stderr)
    return 1 if wrong else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser('make mutants')
    parser.add_argument('--seed', type=int, default=0, help='draws other mutants')
    parser.add_argument('--number', type=int, default=8, help='of mutants of a module')
    parser.add_argument('--module', choices=[*MODULES, WRITTEN_DOWN], help='one, in place of all')
    return parser.parse_args(arguments)


def _candidates(module: str, seed: int) -> Candidates:
    """The mutants of a module, in the order in which they are tried."""
    if module == WRITTEN_DOWN:
        yield from ((mutant_of(fault), fault.tests) for fault in WRITTEN)
        return
    files = sources(module).items()
    mutants = [mutant for path, source in files for mutant in mutants_of(path, source)]
    for mutant in drawn(mutants, seed, module):
        yield mutant, suite_of(mutant.path)


def _limit(module: str) -> float:
    """Seconds that a mutant of a module may take: more than its tests take without one.

    Raises:
        SystemExit: a test fails without a mutant, so that its failing would say nothing.
    """
    groups = [fault.tests for fault in WRITTEN]
    if module != WRITTEN_DOWN:
        groups = [suite_of(path) for path in sources(module)]
    seconds, said = unedited([*dict.fromkeys(test for group in groups for test in group)], HOUR)
    if said:
        raise SystemExit(f'{said}\nmutants: the tests of {module} fail without a mutant')
    print(f'{module}: its tests take {seconds:.0f} s', flush=True)
    return 60 + 3 * seconds


def _trial(module: str, candidates: Candidates, limit: float) -> report.Trial | None:
    """The next mutant of a module that can be imported, tried; None when there is none left."""
    while True:
        with _TAKING:
            mutant, tests = next(candidates, (None, ()))
        if mutant is None:
            return None
        trial = report.Trial(module, mutant, tried(mutant, tests, limit))
        print(report.line(trial), flush=True)
        if trial.outcome.verdict != UNUSABLE:
            return trial


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
