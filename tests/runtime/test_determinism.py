"""--deterministic: what XLA is told before it starts, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax import train
from gan_jax.runtime import determinism
from gan_jax.runtime.errors import MISSING, UserError
from tests import smoke

ROOT = Path(__file__).parents[2]
TRUE = f'{determinism.FLAG}=true'


@pytest.fixture
def environment(monkeypatch):
    """Sets $XLA_FLAGS, which is put back; the value after `require`."""

    def after(value):
        monkeypatch.setenv('XLA_FLAGS', value)
        determinism.require()
        return os.environ['XLA_FLAGS']

    return after


def test_the_flag_is_added_once_and_the_users_flags_stay(environment):
    assert environment('') == TRUE
    assert environment('--xla_dump_to=here') == f'--xla_dump_to=here {TRUE}'
    for given in (determinism.FLAG, TRUE, f'--xla_dump_to=here {determinism.FLAG}=1'):
        assert environment(given) == given


def test_flags_in_a_file_stay(environment, tmp_path):
    file = tmp_path / 'flags'
    file.write_text('--xla_dump_to=here\n')
    assert environment(str(file)) == f'--xla_dump_to=here {TRUE}'
    file.write_text(f'{determinism.FLAG}=false\n')
    with pytest.raises(UserError, match='contradicts'):
        environment(str(file))


def test_a_file_of_flags_that_cannot_be_read_is_said(environment, tmp_path):
    (tmp_path / 'binary').write_bytes(b'\xff')
    for name, why in (('none', 'No such file'), ('binary', 'it is no text')):
        with pytest.raises(UserError, match=rf'XLA_FLAGS is .*/{name}, .* \({why}.*\): ') as caught:
            environment(f'{tmp_path}/{name}')
        assert caught.value.status == MISSING and 'unset it' in str(caught.value)


@pytest.mark.parametrize('value', ['false', '0', 'False'])
def test_a_flag_that_says_the_contrary_is_refused(environment, value):
    with pytest.raises(UserError, match=f'contradicts {determinism.FLAG}={value} in .XLA_FLAGS'):
        environment(f'--xla_dump_to=here {determinism.FLAG}={value}')


def test_a_flag_that_xla_does_not_know_is_not_passed_on(environment, monkeypatch):
    """XLA would end the process with it."""
    monkeypatch.setattr(determinism, 'FLAG', '--xla_gpu_no_such_flag')
    with pytest.raises(UserError, match='jaxlib [0-9.]+ does not know'):
        environment('--xla_dump_to=here')
    assert os.environ['XLA_FLAGS'] == '--xla_dump_to=here'


def test_the_flag_is_set_before_the_config_is_run(monkeypatch):
    """A config is Python, and may start the backend."""
    order = []
    monkeypatch.setattr(determinism, 'require', lambda: order.append('flag'))
    monkeypatch.setattr(train.config, 'load_config', lambda *_: order.append('config') or 1 / 0)
    for flags, expected in ((['--deterministic'], ['flag', 'config']), ([], ['config'])):
        order.clear()
        with pytest.raises(ZeroDivisionError):
            train.main([f'--config={smoke.__file__}', *flags])
        assert order == expected


def asked_for(folder):
    """The answers of the programs that XLA has dumped there: {True} if all are deterministic."""
    said = [file.read_text() for file in folder.glob('*debug_options')]
    return {f'{determinism.FLAG.removeprefix("--")}: true' in text for text in said}


def run(folder, *arguments):
    """Runs `python`, which compiles every program, and dumps its options."""
    environment = {**os.environ, 'XLA_FLAGS': f'--xla_dump_to={folder}'}
    environment['JAX_COMPILATION_CACHE_DIR'] = f'{folder}.cache'
    command = [sys.executable, *map(str, arguments)]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.slow
def test_xla_reads_the_flag_after_all_imports_of_the_command(tmp_path):
    start = 'import jax; jax.jit(lambda x: x + 1)(1.0)'
    flag = 'from gan_jax import train; train.determinism.require()'
    run(tmp_path / 'with', '-c', f'{flag}; {start}')
    run(tmp_path / 'without', '-c', start)
    assert asked_for(tmp_path / 'with') == {True}
    assert asked_for(tmp_path / 'without') == {False}


@pytest.mark.slow
def test_every_program_of_a_run_has_the_flag_which_changes_nothing_on_a_cpu(tmp_path):
    logs = []
    for flags in (['--deterministic'], []):
        folder, dump = (tmp_path / f'{kind}{len(flags)}' for kind in ('run', 'dump'))
        command = ['-m', 'gan_jax.train', '--config=tests/sweeps/tiny.py', f'--workdir={folder}']
        command += ['--config.steps=2', '--config.every.log=1', *flags]
        run(dump, *command, '--config.evaluate.metrics=', '--config.evaluate.full=')
        assert asked_for(dump) == {bool(flags)}
        logs.append((folder / 'metrics.jsonl').read_text().split(','))
    first, second = ([part for part in log if 'time/' not in part] for log in logs)
    assert first == second and any('d/grad_norm' in part for part in first)
