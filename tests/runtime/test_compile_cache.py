"""The cache of compiled programs: whose folder it is, and when there is none."""

import jax
import pytest

from gan_jax.runtime import compile_cache


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
