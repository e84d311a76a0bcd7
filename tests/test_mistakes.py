"""docs/mistakes.md: what is typed, what is said, and the status; each line is tried."""

import re
import shlex
from pathlib import Path

import pytest

from tests.faults.bench import within

TABLE = Path(__file__).parent.parent / 'docs' / 'mistakes.md'
ROW = re.compile(r'\| `([^`]+)` \| `([^`]+)` \| (\d+) \| (.+) \|')
ROWS = [match.groups() for match in map(ROW.fullmatch, TABLE.read_text().splitlines()) if match]


def test_the_table_has_the_twenty_commonest_and_every_row_is_read():
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith('| `')]
    assert len(rows) == len(ROWS) >= 20


@pytest.mark.parametrize(('typed', 'said', 'status', 'advice'), ROWS, ids=[row[0] for row in ROWS])
def test_a_mistake_is_answered_as_the_table_says(typed, said, status, advice, monkeypatch):
    monkeypatch.delenv('GAN_JAX_DATA', raising=False)
    program, *flags = shlex.split(typed)
    module = 'evaluate.__main__' if program == 'evaluate' else program
    done = within(f'gan_jax.{module}', flags)
    assert done.status == int(status)
    assert said in done.err and 'Traceback' not in done.err
    assert all(line.startswith('gan_jax: ') for line in done.err.splitlines())
