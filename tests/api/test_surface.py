"""The surface of `import gan_jax`, and things that the import does not do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gan_jax

ROOT = Path(__file__).parents[2]


def test_the_import_imports_nothing_else():
    code = (
        'import sys; before = {*sys.modules}; import gan_jax; dir(gan_jax); '
        'print([m for m in {*sys.modules} - before if m not in sys.stdlib_module_names])'
    )
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert (ran.stdout.strip(), ran.stderr) == ("['gan_jax']", '')


@pytest.mark.parametrize('name', gan_jax.SURFACE)
def test_every_name_is_there_and_documented(name):
    found = getattr(gan_jax, name)
    assert found.__doc__ and name in dir(gan_jax)


def test_another_name_is_told_the_names_that_there_are():
    with pytest.raises(AttributeError, match="gan_jax has no 'load_genrator'; it has .*load_gener"):
        gan_jax.load_genrator  # noqa: B018


def test_the_version_is_the_changelogs_newest():
    newest = re.search(r'^## \[(\d+\.\d+\.\d+)\]', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    assert newest[1] == gan_jax.__version__
