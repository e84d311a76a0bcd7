"""Meanings of keys in the comments of a source: beside them, above them, or by their name.

steps=200_000,  # updates of the generator        beside
# A file.                                         above
'config': ...
# augment.real: the policy of real images alone   by name: for keys that do not stand there
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping

NAMED = re.compile(r'([a-z_]+(?:\.[A-Za-z_]+)+): (.+)')


class Comments:
    """The comments of a source by line.

    Args:
        source: Python.
    """

    def __init__(self, source: str):
        tokens = [*tokenize.generate_tokens(io.StringIO(source).readline)]
        self._all = {
            t.start[0]: t.string.lstrip('# ') for t in tokens if t.type == tokenize.COMMENT
        }
        quiet = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        code = {
            line for t in tokens if t.type not in quiet for line in range(t.start[0], t.end[0] + 1)
        }
        self._alone = {line: text for line, text in self._all.items() if line not in code}

    def of(self, node: ast.expr, key: ast.AST) -> str:
        """The comment above the line of a key, and the one at the end of the line of its value."""
        first = key.lineno
        above = []
        while self._alone.get(first := first - 1):
            above.insert(0, self._alone[first])
        above = [] if any(NAMED.fullmatch(line) for line in above) else above
        beside = [self._all[line] for line in {key.lineno, node.end_lineno} if line in self._all]
        return ' '.join([*above, *beside])

    def named(self) -> dict[str, str]:
        """{key: meaning} of the comments that begin with a key, such as 'augment.real: ...'."""
        found: dict[str, str] = {}
        name, last = '', 0
        for line, text in sorted(self._alone.items()):
            if match := NAMED.fullmatch(text):
                name, found[match[1]] = match[1], match[2]
            elif text and name and line == last + 1:
                found[name] += f' {text}'
            else:
                name = ''
            last = line
        return found


def of_calls(source: str) -> dict[str, str]:
    """{dotted key: comment} of a function that returns nested `dict(...)`; see `Comments`.

    A `dict(name)` has the keys of the variable `name`.
    """
    comments, tree = Comments(source), ast.parse(source)
    assigned = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    (returned,) = (n.value for n in ast.walk(tree) if isinstance(n, ast.Return))
    found = dict(_walk(_innermost(returned), '', comments, assigned))
    return {key: text for key, text in found.items() if text} | comments.named()


def of_dicts(source: str) -> dict[str, str]:
    """{key: comment} of the literal dicts that a module assigns to variables."""
    comments, tree = Comments(source), ast.parse(source)
    values = [n.value for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign)]
    return {
        key.value: comments.of(value, key)
        for one in values
        if isinstance(one, ast.Dict)
        for key, value in zip(one.keys, one.values, strict=True)
        if isinstance(key, ast.Constant)
    }


def _innermost(call: ast.expr) -> ast.Call:
    """`dict(...)` of `ConfigDict(dict(...), ...)`."""
    while isinstance(call, ast.Call) and call.args:
        call = call.args[0]
    return call


def _walk(
    call: ast.Call, prefix: str, comments: Comments, assigned: Mapping[str, ast.expr]
) -> Iterator[tuple[str, str]]:
    for keyword in call.keywords:
        if keyword.arg is None:  # **method(...)
            continue
        value, key = keyword.value, f'{prefix}{keyword.arg}'
        if isinstance(value, ast.Call) and value.args and isinstance(value.args[0], ast.Name):
            value = assigned[value.args[0].id]
        if isinstance(value, ast.Call) and value.keywords:
            yield from _walk(value, f'{key}.', comments, assigned)
        else:
            yield key, comments.of(value, keyword)
