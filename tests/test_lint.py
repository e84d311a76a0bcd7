"""The linters: the same commands and versions in `make lint` and before a commit."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOOKS = (ROOT / '.pre-commit-config.yaml').read_text()
ALGORITHM = ('step', 'players', 'critique', 'routing', 'views', 'state', 'accumulation', 'keys')


def lint_commands() -> list[str]:
    """The commands of `make lint` on Python files, with the path of its environment."""
    recipe = re.search(r'^lint:.*\n((?:\t.*\n)+)', (ROOT / 'Makefile').read_text(), re.M)
    lines = [line.strip() for line in recipe[1].splitlines()]
    return [line.replace('$(PY)', '.venv/bin/python') for line in lines if line.startswith('$(PY)')]


def test_the_hooks_run_the_commands_of_make_lint():
    commands = lint_commands()
    assert len(commands) == 3
    entries = re.findall(r'entry: (.*)', HOOKS)
    assert [entry for entry in entries if 'shellcheck' not in entry] == commands
    assert len(entries) == 4 == HOOKS.count('language: system')


def test_the_hooks_take_no_tool_from_elsewhere():
    """A hook with a repository or a version of its own would lint by other rules."""
    assert re.findall(r'repo: (.*)', HOOKS) == ['local']
    assert not re.search(r'rev:|additional_dependencies', HOOKS)


def test_shellcheck_reads_the_same_scripts_in_both():
    makefile = (ROOT / 'Makefile').read_text()
    patterns = re.search(r'^SCRIPTS = (.*)$', makefile, re.M)[1].split()
    listed = {f.relative_to(ROOT).as_posix() for p in patterns for f in ROOT.glob(p)}
    chosen = re.search(r'files: (.*)', HOOKS)[1]
    folders = ('launch', 'tests', 'configs', 'gan_jax', '.ci')
    files = (f for name in folders for f in (ROOT / name).rglob('*') if f.is_file())
    names = {file.relative_to(ROOT).as_posix() for file in files}
    assert listed and listed == {name for name in names if re.search(chosen, name)}


# Types -------------------------------------------------------------------------------------------


def checked() -> list[str]:
    return tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['mypy']['files']


def test_the_algorithm_is_type_checked():
    wanted = {f'gan_jax/{name}.py' for name in ALGORITHM}
    wanted |= {'gan_jax/terms', 'gan_jax/augment', 'gan_jax/runtime'}
    assert wanted <= {*checked()}
    assert all((ROOT / name).exists() for name in checked())


def test_every_exception_names_its_error_and_has_a_reason():
    """`# type: ignore` alone would hide the next error on that line too."""
    for name in checked():
        for file in [ROOT / name] if name.endswith('.py') else (ROOT / name).rglob('*.py'):
            lines = file.read_text().splitlines()
            for before, line in zip(['', *lines], lines, strict=False):
                if 'type: ignore' in line:
                    assert re.search(r'# type: ignore\[[a-z-]+\]$', line), f'{file}: {line}'
                    assert before.lstrip().startswith('#'), f'{file}: no reason above {line}'


WRONG = """
import jax
from gan_jax.state import Net

def moved(net: Net) -> Net:
    return net.replace(params={}).params_of_nobody

def drawn(key: jax.Array) -> int:
    return jax.random.normal(key)
"""


@pytest.mark.slow
def test_a_wrong_type_is_found(tmp_path):
    """The types of JAX and of our own state are known, not taken for `Any`."""
    file = tmp_path / 'wrong.py'
    file.write_text(WRONG)
    options = [f'--cache-dir={tmp_path}', '--config-file=pyproject.toml']
    command = [sys.executable, '-m', 'mypy', *options, str(file)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1, result.stdout
    assert '[attr-defined]' in result.stdout and '[return-value]' in result.stdout
