"""The prose of docstrings: a noun first, and nouns repeated rather than pointed at."""

import ast
import re
from pathlib import Path

import pytest

import gan_jax

ROOT = Path(gan_jax.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob('*.py'))

QUESTION = re.compile(r'(who|whose|what|when|where|which|how|whether|why)\b', re.IGNORECASE)
POINTERS = ('that of', 'those of', 'of which', 'whose own')
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

MODULE_WITH_FAULTS = '''"""Who is told of it: {}."""

class Thing:
    """A thing, whose own name is kept."""

    def part(self):
        """The part; those of
        others are left alone, and that of a relative is \'of which\'."""
'''


@pytest.mark.parametrize('module', MODULES)
def test_every_docstring_opens_with_its_subject_and_repeats_its_nouns(module):
    assert faults((ROOT / module).read_text()) == []


def test_a_question_and_a_pointer_are_found():
    assert faults(MODULE_WITH_FAULTS) == [
        "1: opens with 'Who'",
        "4: says 'whose own'",
        "7: says 'that of'",
        "7: says 'those of'",
        "7: says 'of which'",
    ]


def faults(source: str) -> list[str]:
    """'<line>: <fault>' for the docstrings of a module's source."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            line = node.body[0].lineno
            found += [(line, fault) for fault in faults_of(text)]
    return [f'{line}: {fault}' for line, fault in sorted(found, key=lambda one: one[0])]


def faults_of(text: str) -> list[str]:
    words = ' '.join(text.split())
    opening = QUESTION.match(words)
    asks = [f'opens with {opening[0]!r}'] if opening else []
    return asks + [f'says {one!r}' for one in POINTERS if re.search(rf'\b{one}\b', words, re.I)]
