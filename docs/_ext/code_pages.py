"""A page for each room of gan_jax: its modules with every public docstring, from the source.

Nothing is imported: a docstring and a signature stand in the source as they were written.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docs._ext.markdown import escaped, first_paragraph, rendered

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / 'gan_jax'
ROOM = re.compile(r'^\| (`[^|]+`) \| ([^|]+) \|$', re.M)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """A public module.

    Attributes:
        name: with dots.
        tree: its source.
    """

    name: str
    tree: ast.Module


def rooms() -> dict[str, list[Module]]:
    """The public modules of each room: {'terms': ..., 'step': ...}."""
    found: dict[str, list[Module]] = {}
    for path in sorted(PACKAGE.rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        name = '.'.join(part for part in parts if part != '__init__')
        if any(part.startswith('_') and part not in ('__init__', '__main__') for part in parts):
            continue
        room = parts[1] if len(parts) > 1 and parts[1] != '__init__' else 'gan_jax'
        found.setdefault(room, []).append(Module(name, ast.parse(path.read_text('utf-8'))))
    return found


def page(room: str, modules: list[Module]) -> str:
    """The page of a room."""
    title = 'gan_jax' if room == 'gan_jax' else f'gan_jax.{room}'
    parts = [f'# {title}\n']
    for module in modules:
        parts += [f'## {module.name}\n'] if module.name != title else []
        parts += [
            f'```{{py:module}} {module.name}\n```\n',
            rendered(ast.get_docstring(module.tree)),
        ]
        parts += _members(module.tree.body)
    return '\n'.join(parts)


def contents() -> str:
    """The list of rooms, for the page that leads to theirs."""
    found = {room: _purpose(room, modules) for room, modules in rooms().items()}
    said = [f'- [{room}](code/{room}.md): {purpose}' for room, purpose in found.items()]
    tree = ['```{toctree}', ':hidden:', '', *(f'code/{room}' for room in found), '```', '']
    return '\n'.join([*said, '', *tree])


def _purpose(room: str, modules: list[Module]) -> str:
    """The content of a room in words: the architecture page's, or else its own docstring."""
    for names, held in ROOM.findall((ROOT / 'docs' / 'architecture.md').read_text('utf-8')):
        if names in (f'`{room}/`', f'`{room}.py`'):
            return held
    return escaped(first_paragraph(ast.get_docstring(modules[0].tree)))


def _members(body: list[ast.stmt], within: str = '') -> Iterator[str]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith('_'):
            yield _class(node) if isinstance(node, ast.ClassDef) else _function(node, within)


def _function(node: Function, within: str) -> str:
    arguments = ast.unparse(node.args)
    if within and not _is_static(node):
        arguments = arguments.removeprefix('self').removeprefix('cls').removeprefix(', ')
    returns = f' -> {ast.unparse(node.returns)}' if node.returns else ''
    kind = 'method' if within else 'function'
    return _directive(f'py:{kind}', f'{node.name}({arguments}){returns}', node, '')


def _class(node: ast.ClassDef) -> str:
    fields = [
        ast.unparse(one)
        for one in node.body
        if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith('_')
    ]
    signature = f'{node.name}({", ".join(fields)})' if fields else node.name
    return _directive('py:class', signature, node, '\n'.join(_members(node.body, node.name)))


def _directive(kind: str, signature: str, node: Function | ast.ClassDef, members: str) -> str:
    doc = rendered(ast.get_docstring(node))
    fence = '`' * (5 if kind == 'py:class' else 4)
    return f'{fence}{{{kind}}} {" ".join(signature.split())}\n\n{doc}\n{members}\n{fence}\n'


def _is_static(node: Function) -> bool:
    return any(ast.unparse(one) == 'staticmethod' for one in node.decorator_list)
