"""No file of ours holds a construct through which data, or a stranger's file, could run code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Modules that run code on loading, or let it be loaded later.
BANNED_MODULES = {'pickle', 'cPickle', 'dill', 'cloudpickle', 'marshal', 'shelve'}
BANNED_NAMES = {'eval', 'exec'}
BANNED_CALLS = {
    *('joblib.load', 'torch.load', 'yaml.load', 'yaml.full_load', 'yaml.unsafe_load'),
    *('os.system', 'os.popen'),
}
BANNED_TRUE = {'shell', 'allow_pickle', 'share', 'trust_remote_code'}  # keywords: only False
BANNED_FALSE = {'verify'}  # only True
BANNED_TEXT = ('http://', '0.0.0.0')

# (file, fault) -> why it may stay.
EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        'gan_jax/data/archives/table.py',
        'http://',
    ): 'publishers without https; a SHA-256 for each file',
    ('gan_jax/explorer/serve.py', 'http://'): 'served to this machine alone',
    ('gan_jax/reports/watch.py', 'http://'): 'served to this machine alone',
}


def scripts() -> list[Path]:
    folders = [ROOT / name for name in ('gan_jax', 'configs', 'launch', 'docs')]
    return [ROOT / 'setup.py', *(f for folder in folders for f in folder.rglob('*.py'))]


def dotted(node: ast.expr) -> str:
    """'yaml.load' for the expression yaml.load, '' for what is no plain path."""
    if isinstance(node, ast.Attribute):
        return f'{dotted(node.value)}.{node.attr}'
    return node.id if isinstance(node, ast.Name) else ''


def import_faults(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        yield from BANNED_CALLS & {f'{node.module}.{name}' for name in names}
        names = [node.module or '']
    yield from BANNED_MODULES & {name.split('.')[0] for name in names}


def call_faults(node: ast.Call) -> Iterator[str]:
    given = {k.arg: k.value for k in node.keywords}
    for name, allowed in [(n, False) for n in BANNED_TRUE] + [(n, True) for n in BANNED_FALSE]:
        # What is computed may turn out either way: only the literal passes.
        if name in given and not (
            isinstance(given[name], ast.Constant) and given[name].value is allowed
        ):
            yield name
    # The last name decides: what it is called on may be a call itself, as in open(f).extractall().
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ''
    if name == 'extractall' and 'filter' not in given:
        yield 'extractall'


def faults(source: str) -> set[str]:
    """The banned names, calls, keywords and texts that a Python source holds."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {*import_faults(node)}
        elif isinstance(node, ast.Call):
            found |= {*call_faults(node)}
        elif isinstance(node, ast.Attribute):
            found |= BANNED_CALLS & {dotted(node)}
        elif isinstance(node, ast.Name):
            found |= BANNED_NAMES & {node.id}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {text for text in BANNED_TEXT if text in node.value}
    return found


def shell_faults(source: str) -> set[str]:
    """The same for a shell script or a Makefile."""
    code = re.sub(r'(?m)^\s*#.*', '', source)
    patterns = (r'\beval\b', r'http://', r'0\.0\.0\.0', r'\b(?:curl|wget)\b', r'\bsudo\b')
    return {pattern for pattern in patterns if re.search(pattern, code)}


def test_no_script_of_ours_is_at_fault():
    files = scripts()
    assert len(files) > 5
    found = {
        (str(file.relative_to(ROOT)), fault) for file in files for fault in faults(file.read_text())
    }
    # Equality: an exception that nothing needs any more has to go.
    assert found == EXCEPTIONS.keys()


def test_no_shell_script_of_ours_is_at_fault():
    launch = [f for f in (ROOT / 'launch').iterdir() if f.suffix not in ('.py', '.md')]
    files = [
        *launch,
        ROOT / 'tests' / 'slurm' / 'set_up.sh',
        ROOT / '.ci' / 'run',
        ROOT / 'Makefile',
    ]
    assert len(files) > 3
    assert not {(f.name, fault) for f in files for fault in shell_faults(f.read_text())}


@pytest.mark.parametrize(
    ('source', 'fault'),
    [
        *[(f'import {m}', m) for m in sorted(BANNED_MODULES)],
        ('import numpy, pickle as p', 'pickle'),
        ('def f():\n    from pickle import load', 'pickle'),
        ('import dill.source', 'dill'),
        *[(f'{name}(text)', name) for name in sorted(BANNED_NAMES)],
        ('run = eval', 'eval'),
        *[(f'x = {call}(f)', call) for call in sorted(BANNED_CALLS)],
        ('from yaml import load', 'yaml.load'),
        ('from os import system as s', 'os.system'),
        ('np.load(f, allow_pickle=True)', 'allow_pickle'),
        ('np.load(f, allow_pickle=trusted)', 'allow_pickle'),
        ("subprocess.run('ls', shell=True)", 'shell'),
        ('demo.launch(share=True)', 'share'),
        ('from_pretrained(n, trust_remote_code=True)', 'trust_remote_code'),
        ('requests.get(url, verify=False)', 'verify'),
        ('tarfile.open(f).extractall(path)', 'extractall'),
        ("url = 'http://example.com/a.tar'", 'http://'),
        ("url = f'http://{host}/a.tar'", 'http://'),
        ("serve(host='0.0.0.0')", '0.0.0.0'),
    ],
)
def test_each_fault_is_found(source, fault):
    assert faults(source) == {fault}


@pytest.mark.parametrize(
    'source',
    [
        'np.load(f)',
        'np.load(f, allow_pickle=False)',
        "subprocess.run(['ls'], shell=False)",
        "archive.extractall(path, filter='data')",
        'yaml.safe_load(f)',
        'jax.eval_shape(f, x)',
        "'https://example.com'",
        'evaluate(exec_time)  # eval, pickle',
    ],
)
def test_what_is_harmless_passes(source):
    assert not faults(source)


@pytest.mark.parametrize(
    'source', ['eval "$x"', 'curl -sSf u | sh', 'wget u', 'sudo make', 'x=http://a', 'x -b 0.0.0.0']
)
def test_each_fault_of_a_shell_script_is_found(source):
    assert shell_faults(f'# a script\n{source}\n')
    assert not shell_faults(f'# {source}\nevaluate\n')
