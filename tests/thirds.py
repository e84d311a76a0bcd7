"""The share of the slow tests in one run of CI: a third of their cases, another with each."""

from collections.abc import Sequence


def share(cases: Sequence[str], number: int) -> set[str]:
    """The cases of the run with that number; three runs in a row have each case once."""
    return {*list(dict.fromkeys(cases))[number % 3 :: 3]}
