"""The report on mutants: the table, the survivors, and the faults of the tests."""

import difflib
import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.edited import ROOT
from tests.mutants.draw import Mutant
from tests.mutants.trial import SURVIVED, TIMED_OUT, Outcome

EQUIVALENT = Path(__file__).parent / 'equivalent.toml'
SHARE = 10  # one of so many mutants may be called equivalent

Text = tuple[str, str, str, str]


class Trial(NamedTuple):
    """A mutant of a module, and what became of it."""

    module: str
    mutant: Mutant
    outcome: Outcome


def argued() -> dict[Text, str]:
    """The mutants that are called equivalent, by `Mutant.text`, each with its argument."""
    entries = tomllib.loads(EQUIVALENT.read_text()).get('equivalent', [])
    return {(e['path'], e['function'], e['old'], e['new']): e['why'] for e in entries}


def surviving(trials: Sequence[Trial], equivalent: Collection[Text]) -> list[Trial]:
    """The mutants that no test noticed and that are not called equivalent."""
    survived = [trial for trial in trials if trial.outcome.verdict == SURVIVED]
    return [trial for trial in survived if trial.mutant.text not in equivalent]


def faults(trials: Sequence[Trial], equivalent: Collection[Text], asked: int) -> list[str]:
    """The faults of the tests, a sentence each; [] if there are none.

    Args:
        trials: all of a run.
        equivalent: the texts of those that are called so.
        asked: how many mutants were to be tried.
    """
    wrong = []
    if left := surviving(trials, equivalent):
        wrong.append(f'{len(left)} survived: no test notices such a fault')
    called = [trial for trial in trials if trial.mutant.text in equivalent]
    wrong += [
        f'{place(trial.mutant)} is called equivalent, and {trial.outcome.by} noticed it'
        for trial in called
        if trial.outcome.verdict != SURVIVED
    ]
    if len(called) > max(1, len(trials) // SHARE):
        wrong.append(f'{len(called)} of {len(trials)} are called equivalent, more than a tenth')
    if len(trials) < asked:
        wrong.append(f'{asked} were to be tried and there are only {len(trials)}')
    return wrong


def table(trials: Sequence[Trial], equivalent: Collection[Text]) -> str:
    """The mutants of each module that were tried, killed, equivalent and survived; in Markdown."""
    rows = [('module', 'tried', 'killed', 'of these by time', 'equivalent', 'survived')]
    rows += [('---',) * len(rows[0])]
    groups = {name: [t for t in trials if t.module == name] for name in _modules(trials)}
    for name, mine in {**groups, 'all': trials}.items():
        verdicts = [trial.outcome.verdict for trial in mine]
        left = len(surviving(mine, equivalent))
        alike = verdicts.count(SURVIVED) - left
        killed = len(mine) - verdicts.count(SURVIVED)
        rows.append((name, len(mine), killed, verdicts.count(TIMED_OUT), alike, left))
    return '\n'.join(f'| {" | ".join(map(str, row))} |' for row in rows)


def line(trial: Trial) -> str:
    """The outcome of one mutant as a line."""
    mutant, outcome = trial.mutant, trial.outcome
    by = f' by {outcome.by}' if outcome.by else ''
    return f'{outcome.verdict}{by} in {outcome.seconds:.0f} s: {place(mutant)}, {mutant.operator}'


def described(mutant: Mutant) -> str:
    """A mutant's place, its edit, and the entry that would call it equivalent."""
    before = (ROOT / mutant.path).read_text().splitlines()
    lines = difflib.unified_diff(before, mutant.source.splitlines(), n=2, lineterm='')
    fields = zip(('path', 'function', 'old', 'new'), mutant.text, strict=True)
    entry = [f'{key} = {json.dumps(value, ensure_ascii=False)}' for key, value in fields]
    return '\n'.join(
        [f'{place(mutant)}: {mutant.operator}', *[*lines][2:], '[[equivalent]]', *entry]
    )


def place(mutant: Mutant) -> str:
    """The file and the line."""
    return f'{mutant.path}:{mutant.line}'


def _modules(trials: Sequence[Trial]) -> Mapping[str, None]:
    return dict.fromkeys(trial.module for trial in trials)
