"""The files of a fork's network: which are copied, and where they are run from."""

import importlib
import sys
from pathlib import Path

import pytest

from gan_jax.exported import own_code
from gan_jax.runtime.errors import UserError

FILES = {
    'mine/__init__.py': "raise RuntimeError('training code of the package')",
    'mine/nets/__init__.py': '',
    'mine/nets/generator.py': (
        'import math\nimport jax\nimport gan_jax.keys\nfrom .layers import size\n'
        'from mine import shared\n\n\ndef make():\n    from mine.late import word\n'
        '    return size, shared.NAME, word\n'
    ),
    'mine/nets/layers.py': 'size = 3',
    'mine/shared.py': "NAME = 'shared'",
    'mine/late.py': "word = 'late'",
    'mine/losses.py': "raise RuntimeError('no network needs it')",
    'alone.py': 'import beside',
    'beside.py': '',
    'other.py': '',
}


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """The folder of a fork, importable."""
    place = tmp_path / 'fork'
    for name, source in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(source if name != 'mine/__init__.py' else '')
    monkeypatch.syspath_prepend(place)
    return place


def test_files_are_what_the_network_imports_and_no_more(fork):
    importlib.import_module('mine.nets.generator')
    found = own_code.files_of({'mine.nets.generator', 'gan_jax.models.dcgan'})
    assert sorted(found) == [
        'mine/__init__.py',  # `from mine import shared`
        'mine/late.py',
        'mine/nets/generator.py',
        'mine/nets/layers.py',
        'mine/shared.py',
    ]
    assert {file.read_text() for file in found.values()} <= {*FILES.values()} | {''}
    assert own_code.tops(found) == ['mine']


def test_files_beside_a_single_one_go_with_it(fork):
    importlib.import_module('alone')
    found = own_code.files_of({'alone'})
    assert sorted(found) == ['alone.py', 'beside.py']
    assert own_code.tops(found) == ['alone', 'beside']


def test_code_that_is_installed_is_left_out():
    import rich.text

    assert own_code.files_of({rich.text.__name__}) == {}


def test_code_without_source_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, 'in_memory', type(sys)('in_memory'))
    with pytest.raises(UserError, match="'in_memory' has no source that could be copied: put the"):
        own_code.files_of({'in_memory'})


def test_the_copy_runs_by_itself_and_leaves_no_trace(fork, tmp_path):
    importlib.import_module('mine.nets.generator')
    mine = sys.modules['mine']
    copied = tmp_path / 'code'
    own_code.copy(own_code.files_of({'mine.nets.generator'}), copied)
    (copied / 'mine' / 'shared.py').write_text("NAME = 'the copy'")
    (fork / 'mine' / 'losses.py').write_text('')
    files = sorted(copied.rglob('*'))
    path, finders = [*sys.path], [*sys.meta_path]
    with own_code.imported_from(copied, ['mine']):
        made = importlib.import_module('mine.nets.generator').make()
        assert made == (3, 'the copy', 'late')
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module('mine.losses')  # it is in the fork alone
    assert sys.modules['mine'] is mine
    assert importlib.import_module('mine.shared').NAME == 'shared'
    assert (sys.path, sys.meta_path) == (path, finders)
    assert sorted(copied.rglob('*')) == files  # no compiled code either


def test_the_copy_serves_where_the_fork_is_gone(fork, tmp_path, monkeypatch):
    importlib.import_module('mine.nets.generator')
    copied = tmp_path / 'code'
    own_code.copy(own_code.files_of({'mine.nets.generator'}), copied)
    monkeypatch.setattr(sys, 'path', [p for p in sys.path if Path(p) != fork])
    for name in [name for name in sys.modules if name.partition('.')[0] == 'mine']:
        del sys.modules[name]
    with own_code.imported_from(copied, ['mine']):
        assert importlib.import_module('mine.nets.generator').make()[1] == 'shared'
    assert 'mine' not in sys.modules


def test_a_package_that_is_not_named_is_not_found_there(tmp_path):
    (tmp_path / 'numpy.py').write_text("raise RuntimeError('hostile')")
    (tmp_path / 'rogue_module.py').write_text("raise RuntimeError('hostile')")
    with own_code.imported_from(tmp_path, ['mine']), pytest.raises(ModuleNotFoundError):
        importlib.import_module('rogue_module')


def test_modules_return_after_an_error(fork, tmp_path):
    importlib.import_module('mine.shared')
    (tmp_path / 'mine.py').write_text('1 / 0')
    with pytest.raises(ZeroDivisionError), own_code.imported_from(tmp_path, ['mine']):
        importlib.import_module('mine')
    assert sys.modules['mine.shared'].NAME == 'shared'


def test_packages_without_an_init_get_an_empty_one(fork, tmp_path):
    own_code.copy({'a/b/c.py': fork / 'other.py', 'top.py': fork / 'other.py'}, tmp_path / 'code')
    names = sorted(
        f.relative_to(tmp_path / 'code').as_posix() for f in tmp_path.rglob('code/**/*.py')
    )
    assert names == ['a/__init__.py', 'a/b/__init__.py', 'a/b/c.py', 'top.py']
