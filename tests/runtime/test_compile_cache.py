"""The cache of compiled programs: whose folder it is, and when there is none."""

import os
import subprocess
import sys

import jax
import pytest

from gan_jax.runtime import compile_cache
from tests.launched import ROOT
from tests.sweeps.made import TINY, write


@pytest.fixture
def unset(monkeypatch, tmp_path):
    """As for a user who has set nothing; the setting after `use`."""
    kept = jax.config.jax_compilation_cache_dir
    jax.config.update('jax_compilation_cache_dir', None)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    yield lambda: (compile_cache.use(), jax.config.jax_compilation_cache_dir)[1]
    jax.config.update('jax_compilation_cache_dir', kept)


def test_programs_are_kept_where_only_the_user_can_write(unset, tmp_path):
    folder = tmp_path / 'gan_jax' / 'compiled'
    assert unset() == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_enter_is_not_trusted(unset, tmp_path):
    folder = tmp_path / 'gan_jax' / 'compiled'
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    assert unset() is None


def test_a_folder_of_somebody_else_is_not_trusted(unset, monkeypatch):
    monkeypatch.setattr(compile_cache.os, 'getuid', lambda: -1)
    assert unset() is None


def test_without_a_place_for_it_there_is_no_cache(unset, tmp_path):
    (tmp_path / 'gan_jax').write_text('a file')
    assert unset() is None


def test_the_users_own_choice_stays(unset, tmp_path):
    jax.config.update('jax_compilation_cache_dir', str(tmp_path))
    assert unset() == str(tmp_path)
    assert not (tmp_path / 'gan_jax').exists()


@pytest.mark.slow
def test_the_commands_of_a_run_share_their_programs(tmp_path):
    """A run, its twin, a sweep's run like it, samples and metrics: the first compiles for all."""
    run, allow = tmp_path / 'run', '--allow=tests'
    swept = write(tmp_path, grid={'method': ['bcr_cntr']}, seeds=1)
    cached(tmp_path, 'train', f'--config={TINY}:method=bcr_cntr', f'--workdir={run}')
    programs = names(tmp_path)
    assert {'jit_init_generator', 'jit_init_others', 'jit_block', 'jit_update'} <= {
        *programs.values()
    }
    commands = [
        ['train', f'--config={TINY}:method=bcr_cntr', f'--workdir={tmp_path / "twin"}'],
        ['sweep', f'--sweep={swept}', f'--workdir={tmp_path / "sweep"}'],
        ['sample', f'--workdir={run}', allow, f'--out={tmp_path / "grid.png"}'],
        ['evaluate', f'--workdir={run}', allow],
    ]
    for command in commands:
        cached(tmp_path, *command)
        more = {name for file, name in names(tmp_path).items() if file not in programs}
        assert more == set(), command[0]


def cached(folder, command, *arguments):
    """Runs a command that keeps every program in `folder`/cache, the smallest too."""
    kept = {
        'JAX_COMPILATION_CACHE_DIR': str(folder / 'cache'),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    }
    done = subprocess.run(
        [sys.executable, '-m', f'gan_jax.{command}', *arguments],
        cwd=ROOT,
        env=os.environ | kept,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def names(folder):
    """{file in the cache: name of its program}."""
    files = [path.name for path in (folder / 'cache').glob('*-cache')]
    return {file: file.rsplit('-', 2)[0] for file in files}
