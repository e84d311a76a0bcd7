"""The script for a borrowed GPU: what it takes along, its parts, and its table."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / 'tests' / 'accelerator'
SCRIPT = FOLDER / 'run.sh'
BARE = ('jax', 'flax', 'optax', 'orbax-checkpoint')  # and torch, which the package does not import
VARIABLE = 'GAN_JAX_TEST_PLATFORM'
TESTED = ('pytest', 'pytest-xdist', 'dm-pix')
COMPARED = {'torch-fidelity', 'tqdm'}  # torch-fidelity imports tqdm; it is in no lock

sys.path.insert(0, str(FOLDER))
import missing  # noqa: E402
import table  # noqa: E402

sys.path.remove(str(FOLDER))


# Wheels ------------------------------------------------------------------------------------------


def wheels() -> dict[str, str]:
    """Package -> the version of its wheel."""
    lines = (FOLDER / 'wheels.txt').read_text().splitlines()
    return dict(line.split('==') for line in lines if not line.startswith('#'))


def closure(names) -> set[str]:
    """Packages and all that they need here."""
    found, waiting = set(), [(name, '') for name in names]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({'extra': extra}):
                waiting += [(canonicalize_name(needed.name), e) for e in ('', *needed.extras)]
    return {name for name, _ in found}


def imported() -> set[str]:
    """The packages of the modules that are imported with gan_jax."""
    of_module = metadata.packages_distributions()
    tops = {name.split('.')[0] for name in missing.needed()} - {*sys.stdlib_module_names}
    return {canonicalize_name(of_module[top][0]) for top in tops}


def test_the_wheels_are_what_a_bare_machine_lacks():
    assert {'clu', 'ml-collections', 'tensorboardx', 'jax'} <= imported()
    wanted = closure([*imported(), *TESTED]) | COMPARED
    lacking = wanted - closure(BARE)
    assert {'clu', 'pytest'} <= lacking
    assert lacking <= wheels().keys()
    assert wheels().keys() <= wanted  # none is carried in vain


def test_the_wheels_have_the_versions_of_the_lock():
    lock = (ROOT / 'requirements-dev.lock').read_text()
    others = (ROOT / 'Makefile').read_text()  # torch-fidelity
    for name, version in wheels().items():
        assert re.search(rf'^{name}=={version} ', lock, re.M) or f'{name}=={version}' in others


def test_a_missing_module_is_named_by_its_package():
    assert missing.missing(['json', 'nobody.has_this', 'nobody.that']) == ['nobody']
    assert missing.installed('jax') and not missing.installed('nobody')


# The script --------------------------------------------------------------------------------------

# Stands in for a Python without the modules $LACKS, which the package needs, and without $ABSENT,
# which only comparisons need; everything succeeds on it at once.
PYTHON = f"""#!/bin/sh
case "$*" in
    *missing.py) echo "$LACKS" && echo "$ABSENT" ;;
    '-m pip install '*) exit 1 ;;
    *table.py*) exec {sys.executable} "$@" ;;
esac
"""


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    python = folder / 'python'
    python.write_text(PYTHON)
    python.chmod(0o755)
    wheels = str(folder / 'no wheels')
    defaults = {'PATH': '/usr/bin:/bin', 'PYTHON': str(python), 'WHEELS': wheels}
    environment = {**defaults, 'LACKS': '', 'ABSENT': '', **environment}
    command = ['bash', str(SCRIPT), str(folder / 'out')]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_its_syntax_is_right_and_it_can_be_run():
    subprocess.run(['bash', '-n', str(SCRIPT)], check=True)
    assert SCRIPT.stat().st_mode & 0o100


def test_every_file_in_it_exists():
    text = SCRIPT.read_text()
    files = {ROOT / name for name in re.findall(r'\btests/[\w/]+\.py', text)}
    files |= {FOLDER / name for name in re.findall(r'\$here/([\w.]+)', text)}
    files |= {
        ROOT / 'configs' / name for name in re.findall(r'config=(?:configs/)?(\w+\.py)', text)
    }
    assert len(files) > 12
    assert [file for file in files if not file.exists()] == []


def test_what_is_missing_is_said_in_one_sentence(tmp_path):
    done = run(tmp_path, LACKS='clu wrapt')
    assert done.returncode == 69
    assert len(done.stderr.splitlines()) == 1
    assert 'lacks clu wrapt: bring the wheels of' in done.stderr


def test_wheels_that_cannot_be_installed_end_it_only_where_the_package_needs_them(tmp_path):
    (tmp_path / 'wheels').mkdir()
    wheels = str(tmp_path / 'wheels')
    for lacks, status in (('', 0), ('clu', 69)):
        done = run(tmp_path, LACKS=lacks, ABSENT='torch', WHEELS=wheels, MINUTES='0', PARTS='-')
        assert done.returncode == status
        assert 'pip cannot install the wheels' in done.stderr


def test_without_time_every_part_is_listed_as_not_run(tmp_path):
    done = run(tmp_path, MINUTES='0')
    assert done.returncode == 0, done.stderr
    parts = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert {part['ended'] for part in parts.values()} == {'not run: no time'}
    assert {name for name in parts if '.' not in name} == table.PARTS.keys()
    networks = ('sndcgan-32', 'resnet-32', 'biggan-32', 'biggan-128')
    speeds = {
        f'speed.{network}.{dtype}.{method}'
        for network in networks
        for dtype in ('float32', 'bfloat16')
        for method in ('none', 'bcr_cntr')
    }
    assert {name for name in parts if '.' in name} == speeds
    assert done.stdout.count('not run: no time') == len(parts)


def test_parts_can_be_chosen_by_how_their_names_begin(tmp_path):
    done = run(tmp_path, PARTS='speed.biggan-128', MINUTES='3')
    parts = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert len(parts) == 5 and 'versions' in parts
    assert {part['ended'] for part in parts.values()} == {'done'}
    assert '--against=torch' in (tmp_path / 'out' / 'log.txt').read_text()
    assert 'PyTorch' not in done.stderr


def test_what_cannot_be_compared_is_said_and_the_rest_goes_on(tmp_path):
    absent = 'pytest torch torch_fidelity'
    done = run(tmp_path, PARTS='tests metrics speed.biggan-128', MINUTES='3', ABSENT=absent)
    parts = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert parts['tests']['ended'] == 'not run: pytest is not installed'
    assert parts['metrics']['ended'] == 'not run: torch-fidelity is not installed'
    assert parts['speed.biggan-128.float32.none']['ended'] == 'done'
    assert '--against=torch' not in (tmp_path / 'out' / 'log.txt').read_text()
    assert 'PyTorch is not installed' in done.stderr


# The table ---------------------------------------------------------------------------------------

SPREAD = {'median': 0.5, 'min': 0.25, 'max': 1.0}
SPEED = {
    'measured': {
        'step': {'seconds': SPREAD},
        'loop': {'seconds': SPREAD, 'images_per_second': 1234.5, 'host_gap': SPREAD},
        'against': {
            'eager': {'seconds': SPREAD, 'loop_over_this': SPREAD},
            'compiled': 'not measured: no C++ compiler',
        },
    }
}
VERSIONS = {
    'versions': dict.fromkeys(('python', 'jax', 'jaxlib', 'flax', 'numpy', 'device'), '1.2.3'),
    'libraries': {'torch': '4.5.6'},
    'card': {'name': 'a card', 'driver_version': '7.8'},
    'machine': 'x86_64, 16 cores',
    'commit': None,
    'time': '2026-01-01T00:00:00Z',
}
METHODS = {
    'none': {'finite': True, 'first': {}, 'largest': 2e-5},
    'cr': {'finite': True, 'first': {}, 'largest': 3e-3},
    'r1': {'error': 'ValueError: no'},
}
# (name, seconds, how it ended, its JSON, what the table says of it); all numbers are made up.
FAKES = [
    ('versions', 3, 'done', VERSIONS, 'a card, driver 7.8; python 1.2.3'),
    (
        'smoke',
        40,
        'failed with status 1, see log.txt',
        {'methods': METHODS, 'of': 3, 'tolerance': 1e-3},
        '2 of 3 methods finite, not r1; losses of the first step within 3.0e-03 of the CPU (cr), '
        '1 beyond 1e-03; failed with status 1',
    ),
    (
        'tests',
        9,
        'ended after its 9 s',
        {'counts': {'passed': 5, 'failed': 1}, 'failed': ['a.py::b']},
        '1 failed, 5 passed: a.py::b; ended after its 9 s',
    ),
    ('dispatch', 9, 'done', {'seconds_a_step': {'50': SPREAD}}, '50 at once: 500 ms a step (9 s)'),
    (
        'population',
        9,
        'done',
        {'seconds_a_member_step': {'vmap': SPREAD}, 'ratio': {'vmap': SPREAD}},
        'vmap: 500 ms, 0.50',
    ),
    ('metrics', 60, 'ended after its 60 s', None, 'no result; ended after its 60 s'),
    ('speed.resnet-32.float32.none', 9, 'done', SPEED, '1,234     500 ms     500 ms      50.0%'),
    ('speed.biggan-32.float32.none', 9, 'ended after its 9 s', None, 'ended after its 9 s'),
    ('speed.biggan-128.float32.none', 0, 'not run: no time', None, 'not run: no time'),
]


@pytest.fixture
def printed(tmp_path, capsys) -> str:
    scratch, out = tmp_path / 'scratch', tmp_path / 'out'
    scratch.mkdir()
    out.mkdir()
    lines = [f'{name}\t{seconds}\t{ended}\n' for name, seconds, ended, _, _ in FAKES]
    (scratch / 'parts.tsv').write_text(''.join([*lines, 'digits\t50\tdone\n']))
    for name, _, _, result, _ in FAKES:
        if result is not None:
            (scratch / f'{name}.json').write_text(json.dumps(result))
    (scratch / 'digits').mkdir()
    rows = [{'step': 20}, {'step': 40, 'eval/fd_digits': 5.125, 'eval/modes': 10}]
    (scratch / 'digits' / 'metrics.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    table.main(str(scratch), str(out))
    assert json.loads((out / 'results.json').read_text())['versions']['result'] == VERSIONS
    text = capsys.readouterr().out
    assert (out / 'table.txt').read_text() == text
    return text


def test_the_table_has_a_line_for_every_part(printed):
    lines = printed.splitlines()
    for name, _, _, _, said in FAKES:
        names = (name, name.removeprefix('speed.'))
        (line,) = (line for line in lines if line.split(' ')[0] in names)
        assert said in line
    (digits,) = (line for line in lines if line.startswith('digits '))
    assert '5.12 at step 40, 10 digits' in digits
    (speed,) = (line for line in lines if line.startswith('resnet-32'))
    assert speed.split()[-3:] == ['ms', '-', '0.50']
    assert lines[-1].split()[0] == 'speed.biggan-128.float32.none'


# The tests on a GPU ------------------------------------------------------------------------------


@pytest.mark.parametrize('asked', [None, 'cuda,cpu'])
def test_the_tests_run_on_the_cpu_unless_the_script_says_otherwise(asked):
    settings, expected = ({VARIABLE: asked}, asked) if asked else ({}, 'cpu')
    code = (
        'import jax, os, tests.conftest\n'
        'print(jax.config.jax_platforms, os.environ["JAX_PLATFORMS"])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={'PATH': '/usr/bin:/bin', **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [expected, expected]
