"""PyTorch weight files: both containers to the bit, and everything hostile refused, nothing run."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from gan_jax.evaluate import state_dict_pickle, torchfile
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.evaluate.torch_files import (
    Parameter,
    StateDict,
    Stored,
    Tensor,
    dumped,
    old_tensor,
    python2_state,
    tensor,
    torchscript,
    write_legacy,
    write_zip,
)

both = pytest.mark.parametrize('write', [write_zip, write_legacy])
RNG = np.random.default_rng(0)
ARRAYS = {
    'conv.weight': RNG.normal(size=(3, 2, 5, 4)).astype(np.float32),
    'bn.running_var': RNG.random(7),
    'bn.num_batches_tracked': np.int64(2**40),
    'half': RNG.normal(size=6).astype(np.float16),
    'mask': np.array([[True, False]]),
    'bytes': np.arange(300, dtype=np.uint8),
    'none': np.zeros((0, 3), np.float32),
}


def state(**more):
    arrays = {name: tensor(x, str(i)) for i, (name, x) in enumerate(ARRAYS.items())}
    return StateDict(arrays | more)


def refused(path, status=DATA):
    with pytest.raises(UserError) as caught:
        torchfile.read_tensors(path)
    assert caught.value.status == status
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)
    return str(caught.value)


@both
def test_every_tensor_is_read_to_the_bit(write, tmp_path):
    found = torchfile.read_tensors(write(tmp_path / 'w.pth', state(epoch=3, note='x', lr=None)))
    assert found.keys() == ARRAYS.keys()
    for name, expected in ARRAYS.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


@both
def test_views_of_one_storage_and_other_strides(write, tmp_path):
    stored = Stored('0', np.arange(24, dtype=np.float32))
    views = StateDict(
        rows=Tensor(stored, 0, (4, 6), (6, 1)),
        columns=Tensor(stored, 0, (6, 4), (1, 6)),
        part=Tensor(stored, 13, (2, 3), (6, 2)),
    )
    found = torchfile.read_tensors(write(tmp_path / 'w.pth', views))
    whole = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(found['rows'], whole)
    np.testing.assert_array_equal(found['columns'], whole.T)
    np.testing.assert_array_equal(found['part'], [[13, 15, 17], [19, 21, 23]])


@both
def test_a_parameter_is_its_tensor(write, tmp_path):
    stored = Stored('0', np.arange(6, dtype=np.float32))
    path = write(tmp_path / 'w.pth', StateDict(w=Parameter(stored, 0, (2, 3), (3, 1))))
    np.testing.assert_array_equal(torchfile.read_tensors(path)['w'], np.arange(6).reshape(2, 3))


@both
def test_a_call_with_a_tensor_is_refused(write, tmp_path):
    class Called(Tensor):
        def __reduce__(self):
            return os.path.abspath, (Tensor(*self.view),)

    stored = Stored('0', np.arange(6, dtype=np.float32))
    path = write(tmp_path / 'w.pth', StateDict(w=Called(stored, 0, (2, 3), (3, 1))))
    assert f'asks to call {os.path.__name__}.abspath' in refused(path)


@both
def test_a_view_of_nothing_is_empty_wherever_it_lies(write, tmp_path):
    stored = Stored('0', np.arange(24, dtype=np.float32))
    views = StateDict(
        behind=Tensor(stored, 2**70, (0, 3), (3, 1)),
        wide=Tensor(stored, 0, (3, 0), (2**70, 1)),
    )
    found = torchfile.read_tensors(write(tmp_path / 'w.pth', views))
    shapes = {name: (array.dtype, array.shape) for name, array in found.items()}
    assert shapes == {'behind': (np.float32, (0, 3)), 'wide': (np.float32, (3, 0))}


@both
def test_a_thousand_tensors(write, tmp_path):
    """More than 256 entries of the memo and 65,535 numbers: the long forms of the opcodes."""
    many = {f'layer_{i}': np.arange(i, i + 70 * i, dtype=np.float32) for i in range(1000)}
    path = write(tmp_path / 'w.pth', StateDict({k: tensor(x, k) for k, x in many.items()}))
    found = torchfile.read_tensors(path)
    assert all(np.array_equal(found[k], x) for k, x in many.items()) and len(found) == 1000


class Call:
    """Pickles as a call, what hostile files are made of."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def canary(tmp_path):
    return tmp_path / 'was_here'


HOSTILE = {
    'system': lambda touch: Call(os.system, f'touch {touch}'),
    'eval': lambda touch: Call(eval, f"open('{touch}', 'w')"),
    'exec': lambda touch: Call(exec, f"open('{touch}', 'w')"),
    'open': lambda touch: Call(open, str(touch), 'w'),
    'attribute': lambda touch: Call(getattr, os, 'system'),
    'nested': lambda touch: [{'a': (Call(os.mkdir, str(touch)),)}],
}


@both
@pytest.mark.parametrize('payload', HOSTILE)
def test_a_call_is_refused_and_not_made(write, payload, tmp_path):
    touch = canary(tmp_path)
    hostile = HOSTILE[payload](touch)
    for place in (hostile, state(epoch=hostile)):
        try:
            pickled = pickle.dumps(place, 2) if place is hostile else dumped(place)
        except (TypeError, pickle.PicklingError):  # a module does not pickle: as its name
            pickled = b'\x80\x02cos\nsystem\n.'
        said = refused(write(tmp_path / 'w.pth', state(), pickled=pickled))
        assert 'asks to call' in said or 'no mapping' in said or 'damaged' in said
    assert not touch.exists()


def program(path, code):
    return write_zip(path, {}, pickled=b'\x80\x02' + code)


@pytest.mark.parametrize(
    ('code', 'said'),
    [
        (b'cos\nsystem\nX\x04\x00\x00\x00true\x85R.', 'it asks to call os.system'),
        (b'cposix\nsystem\nX\x04\x00\x00\x00true\x85R.', 'it asks to call posix.system'),
        (b"(S'true'\nios\nsystem\n.", "the instruction b'S'"),
        (b"(X\x04\x00\x00\x00trueios\nsystem\n.", "the instruction b'i'"),
        (b'(cos\nsystem\nX\x04\x00\x00\x00trueo.', "the instruction b'o'"),
        (b'\x82\x01.', 'the instruction'),  # EXT1
        (b'cos\nsystem\n)\x81.', 'it makes an object that is no module'),  # NEWOBJ
        (b'X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93.', 'the instruction'),  # STACK_GLOBAL
        (b'ccollections\nOrderedDict\n]\x85R.', 'it holds no tensors by name'),
        (b'ccollections\nOrderedDict\n]]a\x85R.', 'it is damaged'),
        (b'ccollections\nOrderedDict\n]]\x86R.', 'it asks to call collections.OrderedDict'),
        (b'(X\x07\x00\x00\x00storagecos\nsystem\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.',
         'numbers of the type os.system'),
        (b'(X\x06\x00\x00\x00modulecos\nsystem\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.',
         'no storage'),
        (b'K\x01.', 'no mapping from names to tensors'),
        (b'}X\x01\x00\x00\x00aK\x01s.', 'no tensors by name'),
    ],
)  # fmt: skip
def test_what_a_state_dict_does_not_need_is_refused(code, said, tmp_path):
    assert said in refused(program(tmp_path / 'w.pth', code))


@pytest.mark.parametrize(
    'code',
    [
        b'.',  # an empty stack
        b'X\xff\xff\xff\xffab.',  # a text of 4 GB
        b'\x8a\xff\x01.',  # a number cut short
        b'h\x00.',  # nothing in the memo
        b't.',  # no mark
        b'}(X\x01\x00\x00\x00au.',  # a name without a value
        b'](K\x01K\x02u.',  # items of a list
        b'}K\x01a.',  # appended to a dict
        b'}(K\x01K\x01\x86K\x02u.',  # a key that is no text
        b'cos\nsys',  # a name without an end
        b'X\x02\x00\x00\x00\xff\xff.',  # no UTF-8
        b'K\x01Q.',  # a reference that is no tuple
        b'K\x01K\x01R.',  # a call of a number
        b'',
    ],
)
def test_a_program_that_makes_no_sense_is_refused(code, tmp_path):
    assert 'it is damaged or no PyTorch weight file' in refused(program(tmp_path / 'w.pth', code))


def test_programs_that_take_for_ever_are_refused(tmp_path, monkeypatch):
    """Pairs of pairs of pairs: small to hold, and 2**60 long to hash, compare or print."""
    deep = b'K\x00' + b'q\x00h\x00\x86' * 60
    refused(program(tmp_path / 'hash.pth', b'}' + deep + b'K\x01s.'))
    refused(program(tmp_path / 'call.pth', deep + b')R.'))
    refused(program(tmp_path / 'id.pth', deep + b'Q.'))
    monkeypatch.setattr(state_dict_pickle, 'MOST', 100)
    said = refused(program(tmp_path / 'long.pth', b'N' * 200 + b'.'))
    assert 'takes more than 100 instructions' in said


@both
@pytest.mark.parametrize(
    ('offset', 'shape', 'strides'),
    [
        (0, (9,), (1,)),
        (1, (8,), (1,)),
        (-1, (2,), (1,)),
        (0, (-2, -2), (1, 1)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1, 7)),
        (0, (10**12,), (0,)),
        (0, (2**40, 2**40), (0, 0)),
        (0, (2, 2), (1,)),
        (2**70, (1,), (1,)),
    ],
)
def test_a_view_past_its_storage_is_refused(write, offset, shape, strides, tmp_path):
    stored = Stored('0', np.arange(8, dtype=np.float32))
    bad = StateDict(w=Tensor(stored, offset, shape, strides))
    assert 'is damaged' in refused(write(tmp_path / 'w.pth', bad))


@both
def test_every_cut_is_refused(write, tmp_path):
    path = write(tmp_path / 'w.pth', StateDict(w=tensor(np.arange(5, dtype=np.float32), '0')))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        refused(path)


@both
def test_any_flipped_byte_is_read_or_refused(write, tmp_path):
    """Never another exception, whatever the damage."""
    path = write(tmp_path / 'w.pth', StateDict(w=tensor(np.arange(5, dtype=np.float32), '0')))
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x51]) + whole[at + 1 :])
        try:
            torchfile.read_tensors(path)
        except UserError as error:
            assert error.status == DATA


def test_a_length_that_is_only_claimed_takes_no_memory(tmp_path):
    stored = Stored('0', np.arange(8, dtype=np.float32))
    path = write_legacy(tmp_path / 'w.pth', StateDict(w=Tensor(stored, 0, (8,), (1,))))
    claimed = struct.pack('<q', 2**50)
    path.write_bytes(path.read_bytes().replace(struct.pack('<q', 8), claimed))
    assert 'is damaged' in refused(path)


def test_a_packed_archive_is_refused(tmp_path):
    said = refused(write_zip(tmp_path / 'w.pth', state(), compression=zipfile.ZIP_DEFLATED))
    assert 'archive/data.pkl is compressed' in said or 'byteorder is compressed' in said


def test_big_endian_files_are_refused(tmp_path):
    assert 'big-endian' in refused(write_zip(tmp_path / 'z.pth', state(), order=b'big'))
    assert 'big-endian' in refused(write_legacy(tmp_path / 'l.pth', state(), little=False))


def test_numbers_that_numpy_lacks_are_refused_by_name(tmp_path):
    code = dumped(state()).replace(b'FloatStorage', b'BFloat16Storage')
    said = refused(write_zip(tmp_path / 'w.pth', state(), pickled=code))
    assert 'numbers of the type torch.BFloat16Storage' in said


@pytest.mark.parametrize('content', [b'', b'\x00', b'PK\x03\x04', b'\x80\x02}.', b'<html></html>'])
def test_other_files_are_refused(content, tmp_path):
    path = tmp_path / 'w.pth'
    path.write_bytes(content)
    assert 'it is damaged or no PyTorch weight file' in refused(path)


def test_a_missing_file_is_said(tmp_path):
    assert 'cannot read' in refused(tmp_path / 'w.pth', MISSING)
    assert 'cannot read' in refused(tmp_path, MISSING)


# Older files, and archives of TorchScript -----------------------------------------------------


FLOATS = {name: x for name, x in ARRAYS.items() if x.dtype == np.float32}


def equal(found, expected):
    assert found.keys() == expected.keys()
    for name, x in expected.items():
        assert found[name].dtype == x.dtype
        np.testing.assert_array_equal(found[name], x)


def test_tensors_of_the_first_years(tmp_path):
    made = StateDict({name: old_tensor(x, str(i)) for i, (name, x) in enumerate(ARRAYS.items())})
    equal(torchfile.read_tensors(write_legacy(tmp_path / 'w.pth', made)), ARRAYS)


def test_what_python_2_pickled(tmp_path):
    equal(torchfile.read_tensors(python2_state(tmp_path / 'w.pth', FLOATS)), FLOATS)


def test_modules_of_torchscript_have_the_names_of_their_state_dict(tmp_path):
    arrays = {
        'visual.conv.weight': ARRAYS['conv.weight'],
        'visual.blocks.0.half': ARRAYS['half'],
        'scale': np.float32([3]),
    }
    equal(torchfile.read_tensors(torchscript(tmp_path / 'w.pt', arrays)), arrays)


def pickled(tmp_path, program):
    return write_zip(tmp_path / 'w.pt', StateDict(), pickled=b'\x80\x02' + program)


@pytest.mark.parametrize(
    ('program', 'said'),
    [
        (b'cos\nsystem\n)\x81.', 'it makes an object that is no module'),
        (b'c__torch__.a\nB\n(K\x01t\x81.', 'it makes an object that is no module'),
        (b'c__torch__.a\nB\n)\x81]b.', 'it is damaged'),
        (b'Nb.', 'it is damaged'),
        (b'NNb.', 'it holds no mapping'),
        (b'c__torch__.a\nB\n)\x81}(X\x01\0\0\0aK\x01ub.', 'it holds no tensors by name'),
    ],
)
def test_other_objects_are_refused(program, said, tmp_path):
    assert said in refused(pickled(tmp_path, program))


def test_modules_that_share_their_parts_again_and_again_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(state_dict_pickle, 'MOST', 3000)
    empty = b'c__torch__.a\nB\n)\x81'
    program = empty
    for level in range(20):  # each module holds the one before twice: 2^20 names
        keep = b'q' + bytes([level])
        pairs = b'X\x01\0\0\0ah' + bytes([level]) + b'X\x01\0\0\0bh' + bytes([level])
        program += keep + empty + b'}(' + pairs + b'ub'
    assert 'more than 3,000 names' in refused(pickled(tmp_path, program + b'.'))
