"""Arrays in a file: what is written is read, byte for byte, and files with faults are refused."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.exported import tensors
from gan_jax.runtime.errors import DATA, UserError

TREE = {
    'params': {'Dense_0': {'kernel': jnp.arange(6.0).reshape(2, 3).T, 'bias': jnp.float32(3)}},
    'half': {'scale': jnp.asarray([1.5, -2], jnp.bfloat16)},
    'counts': {'n': jnp.int32(7)},
}
NAMES = ['counts/n', 'half/scale', 'params/Dense_0/bias', 'params/Dense_0/kernel']


def shapes(tree=None):
    return tensors.by_name(jax.eval_shape(lambda: tree or TREE))


@pytest.fixture
def file(tmp_path):
    tensors.write(tmp_path / 'a.safetensors', TREE)
    return tmp_path / 'a.safetensors'


def test_arrays_come_back_with_their_types(file):
    found = tensors.read(file, shapes())
    assert sorted(found) == NAMES
    for name, leaf in tensors.by_name(TREE).items():
        assert found[name].dtype == leaf.dtype
        np.testing.assert_array_equal(found[name], leaf)
    assert found['params/Dense_0/bias'].shape == ()


def test_the_file_is_in_float32_and_the_published_format(file):
    """Read by hand: a length, a header in JSON, then the numbers in rows."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], 'little')
    header = json.loads(content[8 : 8 + length])
    assert sorted(header) == NAMES
    kernel = header['params/Dense_0/kernel']
    assert (kernel['dtype'], kernel['shape'], header['half/scale']['dtype']) == (
        'F32',
        [3, 2],
        'F32',
    )
    start, end = kernel['data_offsets']
    numbers = np.frombuffer(content[8 + length :][start:end], '<f4').reshape(3, 2)
    np.testing.assert_array_equal(numbers, [[0, 3], [1, 4], [2, 5]])


def test_others_may_read_the_file_as_the_umask_says(tmp_path):
    (tmp_path / 'plain').touch()
    tensors.write(tmp_path / 'a.safetensors', TREE)
    modes = {file.name: file.stat().st_mode for file in tmp_path.iterdir()}
    assert modes['a.safetensors'] == modes['plain']


def test_equal_trees_give_equal_bytes(file, tmp_path):
    tensors.write(tmp_path / 'b.safetensors', {name: TREE[name] for name in reversed(TREE)})
    assert file.read_bytes() == (tmp_path / 'b.safetensors').read_bytes()


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'params': {}}, 'params/Dense_0/bias is float32 .. in the file and absent in the network'),
        (
            {'more': {'x': jnp.zeros(2)}},
            r'more/x is absent in the file and float32 \[2\] in the net',
        ),
        (
            {'half': {'scale': jnp.zeros(3)}},
            r'half/scale is float32 \[2\] in the file and float32 \[3',
        ),
        ({'counts': {'n': jnp.float32(0)}}, 'counts/n is int32 .. in the file and float32'),
    ],
)
def test_other_arrays_than_the_networks_are_refused(file, change, words):
    with pytest.raises(UserError, match=words) as caught:
        tensors.read(file, shapes({**TREE, **change}))
    assert caught.value.status == DATA


def rewritten(file, header, rest=b''):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    file.write_bytes(len(text).to_bytes(8, 'little') + text + rest)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'short',
        (2**60).to_bytes(8, 'little') + b'{}',
        (50_000_000).to_bytes(8, 'little') + b'{}',
    ],
)
def test_a_header_that_is_not_there_or_too_large_is_refused_unread(file, content):
    file.write_bytes(content)
    with pytest.raises(UserError, match='a.safetensors is damaged or not of this format') as caught:
        tensors.read(file, shapes())
    assert caught.value.status == DATA


@pytest.mark.parametrize(
    'header',
    [
        b'[1, 2]',
        b'not json',
        {'a': {'dtype': 'F32', 'shape': [2**40], 'data_offsets': [0, 2**42]}},
        {'a': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 4]}},
        {'a': {'dtype': 'F32', 'shape': [-1], 'data_offsets': [0, 4]}},
        {'a': {'dtype': 'OBJECT', 'shape': [1], 'data_offsets': [0, 4]}},
    ],
)
def test_a_header_that_lies_is_refused(file, header):
    rewritten(file, header, b'\0' * 4)
    with pytest.raises(UserError, match='a.safetensors is damaged or not of this format'):
        tensors.read(file, shapes())


def test_a_type_that_no_export_has_is_refused(file):
    rewritten(file, {'a': {'dtype': 'F64', 'shape': [1], 'data_offsets': [0, 8]}}, b'\0' * 8)
    with pytest.raises(UserError, match='holds arrays of the type F64, which no exported'):
        tensors.forms(file)


def test_a_write_that_fails_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def fails(path, content):
        path.write_text('half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', fails)
    with pytest.raises(OSError, match='No space'):
        tensors.write(file, {})
    assert file.read_bytes() == before and len([*file.parent.iterdir()]) == 1
