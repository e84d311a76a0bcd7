"""The modules that this Python lacks, on two lines, for run.sh.

The first has what gan_jax needs, the second what only the tests and the comparisons need.
"""

import importlib
import importlib.util
from collections.abc import Iterable

from tests.imports import ROOT, foreign

COMPARISONS = ('pytest', 'xdist', 'dm_pix', 'torch', 'torch_fidelity', 'tqdm')


def needed() -> set[str]:
    """The modules of other packages that are imported with gan_jax."""
    files = (ROOT / 'gan_jax').rglob('*.py')
    return {name for file in files for name in foreign(file.read_text('utf-8'))}


def missing(names: Iterable[str]) -> list[str]:
    """The modules that cannot be imported, or what they in turn do not find, by package."""
    found = set()
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            found.add((error.name or name).split('.')[0])
    return sorted(found)


def installed(name: str) -> bool:
    """True if there is a package of that name; it is not imported, which may take seconds."""
    return importlib.util.find_spec(name) is not None


if __name__ == '__main__':
    print(*missing(sorted(needed())))
    print(*(name for name in COMPARISONS if not installed(name)))
