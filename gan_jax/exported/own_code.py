"""Code of a fork that an exported network needs: which files, copied, and run from the copy."""

import ast
import contextlib
import importlib
import importlib.machinery
import shutil
import sys
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from gan_jax.runtime.errors import UserError
from gan_jax.runtime.load import OURS

FOLDER = 'code'  # in an exported folder
INIT = '__init__.py'


def files_of(modules: Collection[str]) -> dict[str, Path]:
    """The files that modules of one's own are made of: 'package/networks.py' -> the file.

    They are the modules' own files and all that these import and that lie beside them: in the
    folder from which the module's package is imported. Nothing is imported for it. Packages that
    are installed, as by pip, are left out: whoever loads the generator installs them.

    Args:
        modules: dotted names of modules that are imported; those of `load.OURS` have no files.

    Raises:
        UserError: a module has no source file.
    """
    found: dict[str, Path] = {}
    for module in modules:
        if module.partition('.')[0] not in OURS:
            root, first = _root_of(module)
            if not _is_installed(root):
                _collect(root, first, found)
    return found


def copy(files: Mapping[str, Path], folder: Path) -> None:
    """Copies files of `files_of` below a folder; packages in it that lack an __init__ get one.

    With it a package of the copy is whole: nothing of another copy is mixed with it.
    """
    for name, file in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        for package in target.relative_to(folder).parents[:-1]:
            (folder / package / INIT).touch()


def tops(names: Collection[str]) -> list[str]:
    """The top-level modules among files by their names in the copy, sorted."""
    return sorted({name.partition('/')[0].removesuffix('.py') for name in names})


@contextlib.contextmanager
def imported_from(folder: Path, names: Collection[str]) -> Iterator[None]:
    """Top-level modules are imported from a folder inside, and from nowhere else.

    Modules of these names that are imported already are put back afterwards. Nothing is written
    into the folder.

    Args:
        folder: with the copied code.
        names: of top-level modules in it.
    """
    before = _taken(names)
    finder, writes = _Finder(folder, names), sys.dont_write_bytecode
    sys.meta_path.insert(0, finder)
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        sys.meta_path.remove(finder)
        _taken(names)
        sys.modules.update(before)


class _Finder:
    """Finds some top-level modules in one folder; their submodules are found by their packages."""

    def __init__(self, folder: Path, names: Collection[str]):
        self._folder, self._names = [str(folder)], {*names}

    def find_spec(self, name, path=None, target=None):
        if name not in self._names:
            return None
        return importlib.machinery.PathFinder.find_spec(name, self._folder)


def _taken(names: Collection[str]) -> dict:
    """The modules of these top-level names, taken out of `sys.modules`."""
    wanted = [name for name in sys.modules if name.partition('.')[0] in names]
    return {name: sys.modules.pop(name) for name in wanted}


def _root_of(module: str) -> tuple[Path, Path]:
    """The folder from which a module's package is imported, and the module's file."""
    file = Path(getattr(sys.modules.get(module), '__file__', None) or '')
    if file.suffix != '.py':
        raise UserError(
            f"'{module}' has no source that could be copied: put the network into a file of its own"
        )
    inner = module.count('.') + (file.name == INIT)
    return file.parents[inner], file


def _is_installed(root: Path) -> bool:
    places = {Path(sysconfig.get_path(name)).resolve() for name in ('purelib', 'platlib', 'stdlib')}
    return any(root.resolve().is_relative_to(place) for place in places)


def _collect(root: Path, file: Path, found: dict[str, Path]) -> None:
    """Adds a file, and what it imports below the root, to those that are found."""
    name = file.relative_to(root).as_posix()
    if name in found:
        return
    found[name] = file
    for module in _imports(file, name):
        inside = root / module.replace('.', '/')
        for candidate in (inside.with_suffix('.py'), inside / INIT):
            if module.partition('.')[0] not in OURS and candidate.is_file():
                _collect(root, candidate, found)


def _imports(file: Path, name: str) -> Iterator[str]:
    """Dotted names that a file imports, and those of attributes, which may be modules."""
    package = name.removesuffix(INIT).removesuffix('.py').rstrip('/').split('/')
    if not name.endswith(INIT):
        package.pop()
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = '.'.join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f'{module}.{alias.name}' for alias in node.names)
