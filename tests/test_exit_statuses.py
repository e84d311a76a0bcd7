"""One table of exit statuses: docs/reliability.md, the README's short one and the code agree."""

import ast
import re
import signal
import sys
from pathlib import Path

import pytest

from gan_jax import cli, config, errors, evaluate, prepare, sample, signals, train

ROOT = Path(__file__).parent.parent
CONSTANTS = {k: v for k, v in vars(errors).items() if k.isupper() and isinstance(v, int)}


def table(path, header):
    """The rows of the table of a file whose first column has that name, as lists of cells."""
    lines = iter((ROOT / path).read_text().splitlines())
    for line in lines:
        if line.startswith(f'| {header} |'):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith('|'):
            break
        found.append([cell.strip() for cell in line.strip('|').split('|')])
    return found


ROWS = {int(row[0]): row for row in table('docs/reliability.md', 'status')}


def raised():
    """The names of the statuses with which the source makes a UserError, or that it ends with."""
    names = set()
    for path in (ROOT / 'gan_jax').rglob('*.py'):
        if path.name == 'errors.py':
            continue
        names |= {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
    return names & CONSTANTS.keys()


def test_the_table_holds_every_constant_and_nothing_else():
    named = {row[1]: status for status, row in ROWS.items() if row[1]}
    stops = {n.name: 128 + n for n in signals.ASKING if n != signal.SIGTERM}
    assert named == {'OK': 0} | CONSTANTS | stops
    assert [status for status, row in ROWS.items() if not row[1]] == [1]


def test_every_constant_is_raised_somewhere():
    assert raised() | {'USAGE'} == CONSTANTS.keys()  # USAGE is what a UserError has by itself


def test_every_status_of_a_user_error_is_a_constant():
    """No number is written where a name of the table should stand."""
    wrong = []
    for path in (ROOT / 'gan_jax').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == 'UserError':
                status = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == 'status')]
                wrong += [(path.name, node.lineno) for s in status if isinstance(s, ast.Constant)]
    assert not wrong


def test_the_readme_names_the_same_statuses():
    short = [int(n) for row in table('README.md', 'exit status') for n in row[0].split(',')]
    assert short == sorted(short)
    assert set(short) == ROWS.keys() - {1}


def test_every_row_says_what_to_do():
    for status, (_, _, meaning, said, do, resumable) in ROWS.items():
        assert meaning and re.fullmatch('`[^`]+`', said)
        assert status == 0 or (do and resumable)
