"""The commit and the versions that a result names."""

from importlib import metadata

import pytest

import gan_jax
from gan_jax.runtime import versions
from tests.imports import ROOT


@pytest.fixture(autouse=True)
def asked_anew():
    versions.commit.cache_clear()
    yield
    versions.commit.cache_clear()


@pytest.mark.parametrize('installed', [True, False])
def test_libtpu_is_named_where_it_is_installed(installed, monkeypatch):
    def version(package):
        if package == 'libtpu' and installed:
            return '0.0.30'
        if package in ('libtpu', 'optax'):
            raise metadata.PackageNotFoundError(package)
        return '1'

    monkeypatch.setattr(metadata, 'version', version)
    found = versions.versions()
    assert found.get('libtpu') == ('0.0.30' if installed else None)
    assert found['optax'] == 'not installed'


def test_a_package_is_no_checkout(monkeypatch):
    """A repository around the environment is somebody else's: here it is ours."""
    monkeypatch.setattr(gan_jax, '__file__', str(ROOT / 'tests' / 'gan_jax' / '__init__.py'))
    assert versions.commit() is None


def test_where_there_is_no_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert versions.commit() is None
