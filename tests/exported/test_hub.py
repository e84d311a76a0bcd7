"""Folders to and from the Hub, as far as its client and a stand-in of its server go."""

import sys

import pytest

from gan_jax.exported import hub
from gan_jax.runtime.errors import UNAVAILABLE, UserError
from tests.exported.hub_server import Hub

FILES = {
    'config.json': b'{}',
    'generator.safetensors': b'numbers',
    'code/mine/networks.py': b'x = 1',
    'README.md': b'---\nlicense: "mit"\n---\ntext',
}


@pytest.fixture
def server(monkeypatch, tmp_path):
    constants = pytest.importorskip('huggingface_hub.constants')
    found = Hub()
    template = f'{found.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}'
    monkeypatch.setattr(constants, 'ENDPOINT', found.url)
    monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE', template)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('HF_HUB_DISABLE_PROGRESS_BARS', '1')
    monkeypatch.setenv('HF_TOKEN', 'hf_of_nobody')
    yield found
    found.close()


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / 'out' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'out' / name).write_bytes(content)
    return tmp_path / 'out'


@pytest.mark.parametrize(
    ('source', 'is_one'),
    [
        ('me/digits-bcr', True),
        ('me/digits@v1.0', True),
        ('digits', False),
        ('/me/digits', False),
        ('me/../digits', False),
        ('a/b/c', False),
        ('~/runs', False),
    ],
)
def test_a_name_has_one_slash_and_is_no_folder(source, is_one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert hub.is_name(source) == is_one
    if is_one:
        (tmp_path / source).mkdir(parents=True)
        assert not hub.is_name(source)


def test_a_missing_client_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(UserError, match=r"no folder me/it here; .*pip install .*\[hub\]'") as e:
        hub.pull('me/it')
    assert e.value.status == UNAVAILABLE


def test_what_is_pushed_is_pulled(server, folder):
    assert hub.push(folder, 'me/digits') == f'{server.url}/me/digits'
    assert server.repositories['me/digits'] == FILES
    server.repositories['me/digits']['huge.bin'] = b'of somebody else'
    found = hub.pull('me/digits')
    files = {f.relative_to(found).as_posix() for f in found.rglob('*') if f.is_file()}
    kept = {name for name in files if not name.startswith('.cache')}
    assert kept == {'config.json', 'generator.safetensors', 'code/mine/networks.py'}
    assert (found / 'generator.safetensors').read_bytes() == b'numbers'
    assert not any(f.is_symlink() for f in found.rglob('*'))


def test_a_second_pull_takes_what_has_changed(server, folder):
    hub.push(folder, 'me/digits')
    hub.pull('me/digits')
    server.asked.clear()
    server.repositories['me/digits']['config.json'] = b'{"new": 1}'
    found = hub.pull('me/digits')
    assert (found / 'config.json').read_bytes() == b'{"new": 1}'
    assert not any(line.startswith('GET') and 'safetensors' in line for line in server.asked)


def test_a_repository_that_is_not_there_and_one_that_is_none_of_ours_are_refused(server):
    with pytest.raises(UserError, match='the Hub has no me/nothing for this account') as caught:
        hub.pull('me/nothing')
    assert caught.value.status == UNAVAILABLE
    server.repositories['me/other'] = {'weights.bin': b''}
    with pytest.raises(
        UserError, match='me/other on the Hub is no generator of gan_jax: it has no'
    ):
        hub.pull('me/other')


def test_a_hub_that_refuses_is_a_sentence(server, folder):
    server.refused = 403
    with pytest.raises(UserError, match='the Hub has no me/digits for this account'):
        hub.push(folder, 'me/digits')
