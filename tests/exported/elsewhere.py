"""Code for processes in which some packages cannot be imported."""

from collections.abc import Iterable

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {names!r}:
            raise ImportError(f'{{name}} is not installed here')

sys.meta_path.insert(0, Blocker())
"""


def without(names: Iterable[str]) -> str:
    """Code after which these modules cannot be imported, as where they are not installed."""
    return BLOCKER.format(names=tuple(sorted(names)))
