"""The surface of `import gan_jax`, and things that the import does not do."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gan_jax
from tests.imports import graph, modules

ROOT = Path(__file__).parents[2]


def test_the_import_imports_nothing_else():
    code = (
        'import sys; before = {*sys.modules}; import gan_jax; dir(gan_jax); '
        'print([m for m in {*sys.modules} - before if m not in sys.stdlib_module_names])'
    )
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert (ran.stdout.strip(), ran.stderr) == ("['gan_jax']", '')


@pytest.mark.parametrize('name', gan_jax.SURFACE)
def test_every_name_is_there_and_documented(name):
    found = getattr(gan_jax, name)
    assert found.__doc__ and name in dir(gan_jax)


def test_nothing_else_shows_but_submodules():
    code = (
        'import gan_jax; before = dir(gan_jax); import gan_jax.keys; '
        'print(*(n for n in before if n[:2] != "__"), "then", *({*dir(gan_jax)} - {*before})); '
        'assert "__version__" in before'
    )
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.split() == [*sorted(gan_jax.SURFACE), 'then', 'keys'], ran.stderr


def test_no_module_of_the_surface_prints_by_itself():
    """`runtime.output` alone does, and is silent in a program of somebody else's."""
    files, reached, waiting = modules(), set(), [*gan_jax.SURFACE.values()]
    imports = graph(files)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += imports[name]
    printing = {
        name
        for name in reached
        for node in ast.walk(ast.parse(files[name].read_text()))
        if isinstance(node, ast.Name) and node.id == 'print'
    }
    assert printing == {'gan_jax.runtime.output'}


def test_another_name_is_told_the_names_that_there_are():
    with pytest.raises(AttributeError, match="gan_jax has no 'load_genrator'; it has .*load_gener"):
        gan_jax.load_genrator  # noqa: B018


def test_the_version_is_the_changelogs_newest():
    newest = re.search(r'^## \[(\d+\.\d+\.\d+)\]', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    assert newest[1] == gan_jax.__version__
