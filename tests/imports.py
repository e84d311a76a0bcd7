"""The graph of imports of the package, read from its source, and the floors of its rooms.

A room is a folder or a file directly in gan_jax/. tests/test_package.py holds the graph against the
floors, tests/draw_rooms.py draws it.
"""

import ast
from collections.abc import Collection, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent

# A module imports modules of its own room and of rooms on lower floors.
FLOORS = (
    ('runtime', 'keys', 'labels', 'profiles', 'extractors'),
    ('augment', 'data', 'models', 'schedules', 'freezing', 'latents'),
    ('views',),
    ('terms',),
    ('networks', 'losses'),
    ('routing', 'critique', 'state', 'running_means', 'accumulation'),
    ('gan', 'control', 'synthesis', 'metric'),
    ('sources',),
    ('players',),
    ('step',),
    ('sampling',),
    ('experiment',),
    ('evaluate', 'exported'),
    ('run', 'instances'),
    ('reports',),
    ('sweeps', 'benchmark', 'api', 'explorer', 'flags', 'commands'),
    ('testing',),
    ('__main__', 'train', 'sample', 'project', 'explore', 'sweep', 'prepare', 'export', 'report'),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
COMMANDS = {*FLOORS[-1], 'evaluate.__main__', 'benchmark.__main__'}


def modules() -> dict[str, Path]:
    """Dotted name -> file, for every module of the package."""
    files = {}
    for file in (ROOT / 'gan_jax').rglob('*.py'):
        parts = file.relative_to(ROOT).with_suffix('').parts
        files['.'.join(parts[:-1] if parts[-1] == '__init__' else parts)] = file
    return files


def imported(name: str, source: str, known: Collection[str]) -> set[str]:
    """The modules that a module imports anywhere in its source, lazily too.

    Args:
        name: of the module, 'gan_jax.terms.rotation'.
        source: of the module.
        known: all modules of the package.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{name} imports by a relative path'
            paths = {f'{node.module}.{alias.name}' for alias in node.names}
            found |= {path if path in known else node.module for path in paths}
    return found & {*known} - {name}


def graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """For every module the modules that it imports."""
    return {name: imported(name, file.read_text(), files) for name, file in files.items()}


def room(name: str) -> str:
    """The first part of a module's name below the package, '' for the package itself."""
    return name.partition('.')[2].partition('.')[0]


def foreign(source: str) -> set[str]:
    """Modules of other packages that a source file imports when it is imported."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return {name for name in found if name.split('.')[0] != 'gan_jax'}
