"""Refusals of flags: packages that are allowed have to be somewhere."""

import pytest

from gan_jax.run.refusals import refuse_packages
from gan_jax.runtime.errors import UserError


@pytest.mark.parametrize('name', ['no_such_package', '.os', 'no_such.module'])
def test_a_package_that_is_nowhere_is_refused(name, tmp_path):
    words = f"--allow is '{name}', and there is no such package: spell it as in the config's paths"
    with pytest.raises(UserError, match=words):
        refuse_packages(['os', name], tmp_path)


def test_a_package_may_be_installed_or_lie_in_an_exported_folder(tmp_path):
    refuse_packages(['os', 'tests.a_fork'])
    (tmp_path / 'code' / 'theirs').mkdir(parents=True)
    (tmp_path / 'code' / 'alone.py').touch()
    refuse_packages(['theirs', 'alone'], tmp_path / 'other', tmp_path)
