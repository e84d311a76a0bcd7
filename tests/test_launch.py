"""The set-up and launch scripts, on machines made of scripts that stand in for Python."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.machine import PYTHON, Machine

ROOT = Path(__file__).parent.parent
SHELL_SCRIPTS = [
    *sorted((ROOT / 'launch').glob('*.sh')),
    ROOT / 'launch' / 'slurm.sbatch',
    ROOT / 'tests' / 'slurm' / 'set_up.sh',
    ROOT / '.ci' / 'run',
]


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize('script', SHELL_SCRIPTS, ids=lambda path: path.name)
def test_a_script_parses_and_may_be_executed(script):
    shell = script.read_text().splitlines()[0].split('/')[-1].split()[-1]
    assert shell in {'sh', 'bash'}
    assert subprocess.run([shell, '-n', script]).returncode == 0
    assert os.access(script, os.X_OK)


def test_set_up_installs_the_lock_with_hashes_and_the_checkout_without_the_network(machine):
    result = machine.run('setup.sh', 'core')
    assert result.returncode == 0, result.stderr
    tools, packages, checkout = machine.calls(' install ')
    assert '--require-hashes' in tools and tools.endswith('setuptools.lock')
    assert '--require-hashes' in packages and packages.endswith('requirements.lock')
    assert '--no-index' in checkout and checkout.endswith(f'-e {machine.root}')
    first = (machine.root / '.venv' / 'setuptools.lock').read_text()
    assert first.startswith('setuptools==') and first.count('==') == 1 and '--hash=' in first


def test_what_an_accelerator_needs_is_of_the_locks_version(machine):
    assert machine.run('setup.sh', 'core', ACCELERATOR='tpu').returncode == 0
    assert machine.calls(' install ')[-1].endswith('install --no-compile jax[tpu]==3.11')
    assert machine.run('setup.sh', 'core', ACCELERATOR='tpu').returncode == 0
    assert not machine.calls(' install ')


def test_a_second_call_does_nothing_and_a_changed_lock_installs_again(machine):
    assert machine.run('setup.sh').returncode == 0
    assert machine.run('setup.sh').returncode == 0
    assert not machine.calls('-m ')
    with (machine.root / 'requirements.lock').open('a') as lock:
        lock.write('# changed\n')
    assert machine.run('setup.sh').returncode == 0
    assert machine.calls(' install ') and not machine.calls('-m venv')


def test_the_developers_environment_serves_training_but_not_the_reverse(machine):
    for kind, installs in (('core', 3), ('dev', 3), ('core', 0)):
        assert machine.run('setup.sh', kind).returncode == 0
        assert len(machine.calls(' install ')) == installs, kind


def test_a_moved_checkout_installs_again(machine):
    assert machine.run('setup.sh').returncode == 0
    machine.root = machine.root.rename(machine.root.parent / 'elsewhere')
    assert machine.run('setup.sh').returncode == 0
    assert machine.calls(' install ')


def test_an_environment_whose_python_is_gone_is_made_anew(machine):
    assert machine.run('setup.sh').returncode == 0
    (machine.root / '.venv' / 'bin' / 'python').unlink()
    assert machine.run('setup.sh').returncode == 0
    assert machine.calls('-m venv') and machine.calls(' install ')


def test_training_gets_its_arguments_as_they_are(machine):
    result = machine.run('local.sh', '--config=my config.py', '--workdir=w')
    assert result.returncode == 0, result.stderr
    assert machine.calls('[') == ['[-m][gan_jax.train][--config=my config.py][--workdir=w]']


def test_venv_and_python_are_honoured(machine):
    machine.add('other')
    result = machine.run('local.sh', VENV='an env', PYTHON='other')
    assert result.returncode == 0, result.stderr
    assert (machine.bin.parent / 'an env' / 'gan_jax.stamp').exists()
    assert not (machine.root / '.venv').exists()


def test_a_newer_python_is_found_beside_an_old_one(machine):
    machine.add('python3', PYTHON.replace('$VERSION', '3.9'))
    machine.add('python3.12')
    assert machine.run('setup.sh', version='3.12').returncode == 0
    assert machine.calls('-m venv')


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'version': '3.9'}, ('python3 is Python 3.9', '3.11 or newer', 'PYTHON')),
        ({'PYTHON': 'none'}, ('no none here', '3.11 or newer')),
        ({'broken': 'venv'}, ('venv module', 'apt install python3.11-venv')),
        ({'broken': 'folder'}, ('cannot make', '.venv', 'VENV')),
        ({'broken': 'network'}, ('ERROR: no route', 'check the network', 'install.log')),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(machine, options, words):
    result = machine.run('local.sh', **options)
    assert result.returncode == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert result.stderr.splitlines()[-1].startswith('gan_jax: ')
    assert not machine.calls('gan_jax.train')
    # The same command works once the fault is mended.
    assert machine.run('local.sh').returncode == 0


def test_a_machine_without_python_is_told_so(tmp_path):
    result = Machine(tmp_path, python='').run('local.sh')
    assert result.returncode == 1
    assert result.stderr.startswith('gan_jax: no python3 here: install Python 3.11 or newer')


def test_a_folder_that_is_no_environment_is_left_alone(machine):
    (machine.root / '.venv').mkdir()
    (machine.root / '.venv' / 'thesis.tex').write_text('years of work')
    result = machine.run('setup.sh')
    assert result.returncode == 1 and 'set VENV to another folder' in result.stderr
    assert (machine.root / '.venv' / 'thesis.tex').read_text() == 'years of work'


def test_an_environment_on_another_python_is_not_taken_for_the_one_asked_for(machine):
    assert machine.run('setup.sh').returncode == 0
    machine.add('python3.13', PYTHON.replace('$VERSION', '3.13'))
    result = machine.run('setup.sh', PYTHON='python3.13')
    assert result.returncode == 1 and 'another Python than python3.13' in result.stderr


def test_an_environment_on_an_old_python_is_refused(machine):
    assert machine.run('setup.sh').returncode == 0
    (machine.root / 'setup.py').write_text('changed')
    result = machine.run('setup.sh', version='3.10')
    assert result.returncode == 1 and 'older than 3.11' in result.stderr


def test_an_environment_without_pip_gets_it_and_keeps_what_it_holds(machine):
    assert machine.run('setup.sh').returncode == 0
    (machine.root / 'setup.py').write_text('changed')
    machine.log.with_name('log.no-pip').touch()
    assert machine.run('setup.sh').returncode == 0
    assert machine.calls('ensurepip') == ['-m ensurepip'] and not machine.calls('-m venv')


def test_an_unknown_kind_of_environment_is_refused(machine):
    result = machine.run('setup.sh', 'all')
    assert result.returncode == 1 and "core or dev, not 'all'" in result.stderr


# .ci/run -----------------------------------------------------------------------------------------


def run_ci(folder: Path, seconds: int = 0, **status: int) -> subprocess.CompletedProcess:
    """.ci/run where `make TARGET` prints its target and ends with that target's status.

    It begins when so many seconds have passed.
    """
    (folder / '.ci').mkdir()
    text = (ROOT / '.ci' / 'run').read_text()
    (folder / '.ci' / 'run').write_text(f'SECONDS={seconds}\n{text}')
    cases = ''.join(f'{target}) exit {code} ;; ' for target, code in status.items())
    (folder / 'make').write_text(f'#!/bin/sh\necho "make $*"\ncase $1 in {cases} esac\n')
    (folder / 'make').chmod(0o755)
    return subprocess.run(
        ['bash', folder / '.ci' / 'run'],
        # A browser that is there is not installed.
        env={'PATH': f'{folder}:{os.environ["PATH"]}', 'CI': 'true', 'CHROME': 'chromium'},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_ci_runs_lint_the_fast_tests_the_site_with_notebooks_then_the_slow_tests(tmp_path):
    result = run_ci(tmp_path)
    assert result.returncode == 0
    faults = 'faults N=0.1 ARGS=--minutes=3 --no_bites'
    targets = ['lint', 'test', 'docs-env', 'docs NOTEBOOKS=force', faults, 'oracle-env', 'oracle']
    targets += ['compilers-env', 'compilers', 'browser-env', 'browser']
    # A copy outside of a repository has no count of commits.
    targets += ['test-slow ARGS=-x --third=0']
    assert result.stdout.splitlines() == [f'make {target}' for target in targets]


@pytest.mark.parametrize(
    'target',
    [
        *('lint', 'test', 'docs', 'faults', 'oracle', 'compilers', 'browser'),
        'test-slow',
    ],
)
def test_ci_fails_where_a_target_fails(tmp_path, target):
    assert run_ci(tmp_path, **{target: 2}).returncode == 2


def test_ci_says_so_where_the_public_packages_do_not_install(tmp_path):
    result = run_ci(tmp_path, **{'oracle-env': 2})
    assert result.returncode == 0
    assert 'not compared' in result.stdout and 'make oracle\n' not in result.stdout
    assert 'make test-slow' in result.stdout


def test_ci_says_so_where_the_compilers_do_not_install(tmp_path):
    result = run_ci(tmp_path, **{'compilers-env': 2})
    assert result.returncode == 0
    assert 'no program for an accelerator' in result.stdout
    assert 'make compilers\n' not in result.stdout and 'make test-slow' in result.stdout


def test_ci_says_so_where_what_drives_a_browser_does_not_install(tmp_path):
    result = run_ci(tmp_path, **{'browser-env': 2})
    assert result.returncode == 0
    assert 'no page is looked at' in result.stdout
    assert 'make browser\n' not in result.stdout and 'make test-slow' in result.stdout


def test_ci_says_what_the_hour_does_not_hold(tmp_path):
    result = run_ci(tmp_path, seconds=3480 - 300)
    assert result.returncode == 0
    assert 'No time is left for the compilers.' in result.stdout
    assert 'No time is left for the browser.' in result.stdout
    assert 'make oracle\n' in result.stdout and 'make test-slow' in result.stdout
    assert 'make compilers-env' not in result.stdout


def test_ci_executes_the_notebooks_alone_where_sphinx_does_not_install(tmp_path):
    result = run_ci(tmp_path, **{'docs-env': 2})
    assert result.returncode == 0
    assert 'the site is not built' in result.stdout and 'make docs ' not in result.stdout
    assert 'make notebooks\n' in result.stdout and 'make test-slow' in result.stdout


def test_ci_fails_where_a_notebook_alone_fails(tmp_path):
    assert run_ci(tmp_path, **{'docs-env': 2, 'notebooks': 2}).returncode == 2


@pytest.mark.parametrize('stopped', [124, 137])
def test_ci_passes_and_says_so_when_the_slow_tests_run_out_of_time(tmp_path, stopped):
    result = run_ci(tmp_path, **{'test-slow': stopped})
    assert result.returncode == 0
    assert 'out of time' in result.stdout
