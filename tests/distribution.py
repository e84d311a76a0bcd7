"""The arguments of setup.py for setuptools, and the pins of the lock files."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def metadata() -> dict[str, Any]:
    """The arguments that setup.py passes to setuptools."""
    given: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, 'setup', given.update)
        patch.chdir(ROOT)
        runpy.run_path('setup.py')
    return given


def pins(lock: str) -> dict[str, list[Requirement]]:
    """Package -> its pinned versions, one for each range of Python versions."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if line and not line.startswith((' ', '#')):
            requirement = Requirement(line.removesuffix('\\'))
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found
