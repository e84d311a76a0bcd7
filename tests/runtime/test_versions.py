"""The commit that a result names."""

import pytest

import gan_jax
from gan_jax.runtime import versions
from tests.imports import ROOT


@pytest.fixture(autouse=True)
def asked_anew():
    versions.commit.cache_clear()
    yield
    versions.commit.cache_clear()


def test_a_package_is_no_checkout(monkeypatch):
    """A repository around the environment is somebody else's: here it is ours."""
    monkeypatch.setattr(gan_jax, '__file__', str(ROOT / 'tests' / 'gan_jax' / '__init__.py'))
    assert versions.commit() is None


def test_where_there_is_no_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert versions.commit() is None
