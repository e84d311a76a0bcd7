"""Mutants: one edit of one file each, by every operator at every place, drawn by a seed."""

import ast
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.mutants.operators import OPERATORS, sites

# What needs no parentheses wherever it stands.
CLOSED = (
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Tuple, ast.List, ast.Dict, ast.Set),
    *(ast.ListComp, ast.DictComp, ast.SetComp, ast.Constant),
)


class Mutant(NamedTuple):
    """One edit of one file.

    Attributes:
        path: of the file, below the checkout.
        function: the dotted name of the function or class around the edit; '' at the top level.
        line: its first one.
        operator: of `OPERATORS`, or the name of a fault that was written down.
        old: the lines that the edit touches, their white space collapsed.
        new: what they read after it.
        source: of the whole file after it.
    """

    path: str
    function: str
    line: int
    operator: str
    old: str
    new: str
    source: str

    @property
    def text(self) -> tuple[str, str, str, str]:
        """Its name in the list of equivalents, which does not depend on its place in the file."""
        return self.path, self.function, self.old, self.new


def mutants_of(path: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file, each of them another program than the file."""
    for node, function in sites(ast.parse(source)):
        for name, operator in OPERATORS.items():
            for old, new in operator(node):
                if ast.dump(old) != ast.dump(new):
                    yield _edited(path, source, function, name, old, new)


def drawn(mutants: Iterable[Mutant], seed: int, module: str) -> Iterator[Mutant]:
    """All of a module's mutants, in an order of the seed that has every operator take its turn.

    A mutant's place depends on its own text, so that other edits of the code hardly change who is
    drawn.
    """
    by_operator = {}
    for mutant in sorted(mutants, key=lambda mutant: _lot(seed, *mutant.text)):
        by_operator.setdefault(mutant.operator, []).append(mutant)
    groups = [by_operator[o] for o in sorted(by_operator, key=lambda o: _lot(seed, module, o))]
    for turn in itertools.zip_longest(*groups):
        yield from (mutant for mutant in turn if mutant is not None)


def _lot(*facts: int | str) -> bytes:
    """Pseudo-random bytes, the same for the same values."""
    return hashlib.sha256(repr(facts).encode()).digest()


def _edited(
    path: str, source: str, function: str, operator: str, old: ast.AST, new: ast.AST
) -> Mutant:
    lines = source.encode().splitlines(keepends=True)  # columns of a tree are counted in bytes
    starts = [0, *itertools.accumulate(len(line) for line in lines)]
    start = starts[old.lineno - 1] + old.col_offset
    end = starts[old.end_lineno - 1] + old.end_col_offset
    text = ast.unparse(ast.fix_missing_locations(new))
    if isinstance(new, ast.expr) and not isinstance(new, CLOSED):
        text = f'({text})'
    code = source.encode()
    first, last = starts[old.lineno - 1], starts[old.end_lineno]
    before = code[first:last].decode()
    after = code[first:start].decode() + text + code[end:last].decode()
    return Mutant(
        *(path, function, old.lineno, operator, _collapsed(before), _collapsed(after)),
        code[:first].decode() + after + code[last:].decode(),
    )


def _collapsed(text: str) -> str:
    return ' '.join(text.split())
