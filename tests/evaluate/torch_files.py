"""Files as torch.save writes them, written without torch: state dicts in both containers."""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from contextlib import contextmanager

import numpy as np

NAMES = {
    'float64': 'DoubleStorage',
    'float32': 'FloatStorage',
    'float16': 'HalfStorage',
    'int64': 'LongStorage',
    'uint8': 'ByteStorage',
    'bool': 'BoolStorage',
}


class Stored:
    """A storage: numbers under a key."""

    def __init__(self, key, numbers):
        self.key, self.numbers = key, np.ascontiguousarray(numbers).reshape(-1)


class Tensor:
    """A view of a storage, which pickles as torch's does."""

    def __init__(self, stored, offset, shape, strides):
        self.view = stored, offset, shape, strides

    def __reduce__(self):
        return sys.modules['torch._utils']._rebuild_tensor_v2, (*self.view, False, OrderedDict())


class Parameter(Tensor):
    """A tensor that torch trains."""

    def __reduce__(self):
        rebuild = sys.modules['torch._utils']._rebuild_parameter
        return rebuild, (Tensor(*self.view), True, OrderedDict())


class OldTensor(Tensor):
    """A tensor as torch pickled it before gradients were tensors' own."""

    def __reduce__(self):
        return sys.modules['torch._utils']._rebuild_tensor, self.view


def old_tensor(array, key):
    return OldTensor(*tensor(array, key).view)


class StateDict(OrderedDict):
    """Torch keeps the versions of layers as an attribute of its OrderedDict."""

    def __reduce__(self):
        versions = {'_metadata': OrderedDict({'': {'version': 1}})}
        return OrderedDict, (), versions, None, iter(self.items())


def tensor(array, key):
    array = np.asarray(array)
    strides = [step // array.itemsize for step in np.empty(array.shape, array.dtype).strides]
    return Tensor(Stored(key, array), 0, array.shape, tuple(strides))


def _uncalled(name):
    def rebuild():
        raise AssertionError('nobody calls this')

    rebuild.__module__, rebuild.__qualname__ = 'torch._utils', name
    return rebuild


@contextmanager
def torch_modules():
    """Modules of torch's names, so that pickle writes these names."""
    torch, utils = types.ModuleType('torch'), types.ModuleType('torch._utils')

    for name in ('_rebuild_tensor_v2', '_rebuild_tensor', '_rebuild_parameter'):
        setattr(utils, name, _uncalled(name))
    for name in NAMES.values():
        setattr(torch, name, type(name, (), {'__module__': 'torch'}))
    before = {name: sys.modules.get(name) for name in ('torch', 'torch._utils')}
    sys.modules.update({'torch': torch, 'torch._utils': utils})
    try:
        yield torch
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def dumped(value, extra=()):
    """One pickle, with storages by reference; `extra` ends a reference, as in the old format."""
    file = io.BytesIO()
    with torch_modules() as torch:

        class Pickler(pickle.Pickler):
            def persistent_id(self, x):
                if not isinstance(x, Stored):
                    return None
                kind = getattr(torch, NAMES[x.numbers.dtype.name])
                return ('storage', kind, x.key, 'cpu', x.numbers.size, *extra)

        Pickler(file, protocol=2).dump(value)
    return file.getvalue()


def write_zip(path, state, *, pickled=None, compression=zipfile.ZIP_STORED, order=b'little'):
    """The container of torch >= 1.6."""
    with zipfile.ZipFile(path, 'w', compression) as archive:
        archive.writestr('archive/data.pkl', dumped(state) if pickled is None else pickled)
        archive.writestr('archive/byteorder', order)
        for stored in storages(state):
            archive.writestr(f'archive/data/{stored.key}', stored.numbers.tobytes())
        archive.writestr('archive/version', b'3\n')
    return path


def write_legacy(path, state, *, pickled=None, little=True):
    """The container of torch < 1.6: four pickles, the keys of the storages, their numbers."""
    sizes = {'short': 2, 'int': 4, 'long': 4}
    system = {'protocol_version': 1001, 'little_endian': little, 'type_sizes': sizes}
    parts = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, system)]
    parts.append(dumped(state, extra=(None,)) if pickled is None else pickled)
    parts.append(pickle.dumps([stored.key for stored in storages(state)], 2))
    for stored in storages(state):
        parts += [struct.pack('<q', stored.numbers.size), stored.numbers.tobytes()]
    path.write_bytes(b''.join(parts))
    return path


def python2_state(path, arrays):
    """A state dict of float32 tensors in the old container, pickled as Python 2 did."""

    def text(x):
        return b'U' + bytes([len(x)]) + x.encode()

    def integers(numbers):
        return b'(' + b''.join(b'J' + struct.pack('<i', n) for n in numbers) + b't'

    pairs, keys = b'', [str(1000 + i) for i in range(len(arrays))]
    for key, (name, x) in zip(keys, arrays.items(), strict=True):
        storage = b'(' + text('storage') + b'ctorch\nFloatStorage\n' + text(key) + text('cuda:0')
        storage += b'J' + struct.pack('<i', x.size) + b'NtQ'
        steps = [step // x.itemsize for step in x.strides]
        made = b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage + b'K\x00' + integers(x.shape)
        made += integers(steps) + b'\x89NtR'
        pairs += b'](' + text(name) + made + b'e'
    state = b'\x80\x02ccollections\nOrderedDict\n](' + pairs + b'e\x85R'
    state += b'}' + text('_metadata') + b'}sb.'
    system = b'\x80\x02}(' + text('little_endian') + b'\x88u.'
    order = b'\x80\x02](' + b''.join(map(text, keys)) + b'e.'
    begin = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001)]
    stored = [struct.pack('<q', x.size) + x.tobytes() for x in arrays.values()]
    path.write_bytes(b''.join([*begin, system, state, order, *stored]))
    return path


def torchscript(path, arrays, root='archive'):
    """The archive of a scripted module: `arrays` by names with dots, among other attributes."""
    stored = []

    def text(x):
        return b'X' + struct.pack('<I', len(x)) + x.encode()

    def whole(n):
        return b'J' + struct.pack('<i', n)

    def of_tensor(x):
        stored.append(x)
        kind, key = NAMES[x.dtype.name], str(len(stored) - 1)
        reference = b'(' + text('storage') + f'ctorch\n{kind}\n'.encode() + text(key)
        reference += text('cuda:0') + whole(x.size) + b'tQ'
        steps = (step // x.itemsize for step in x.strides)
        sizes, steps = (b'(' + b''.join(map(whole, n)) + b't' for n in (x.shape, steps))
        made = b'ctorch._utils\n_rebuild_tensor_v2\n(' + reference + whole(0) + sizes + steps
        return made + b'\x88ccollections\nOrderedDict\n)RtR'

    def module(tree, name):
        attributes = {'training': b'\x89', 'hook': b'N', 'scale': b'G' + struct.pack('>d', 0.5)}
        attributes['sizes'] = b'ctorch.jit._pickle\nbuild_intlist\n(](K\x01K\x02etR'
        for key, value in tree.items():
            is_module = isinstance(value, dict)
            attributes[key] = module(value, f'{name}.{key}') if is_module else of_tensor(value)
        pairs = b''.join(text(key) + value for key, value in attributes.items())
        return f'c__torch__.{name}\nModule\n'.encode() + b')\x81}(' + pairs + b'ub'

    tree = {}
    for name, x in arrays.items():
        *modules, leaf = name.split('.')
        place = tree
        for one in modules:
            place = place.setdefault(one, {})
        place[leaf] = x
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(f'{root}/data.pkl', b'\x80\x02' + module(tree, 'net') + b'.')
        for key, x in enumerate(stored):
            archive.writestr(f'{root}/data/{key}', np.ascontiguousarray(x).tobytes())
        archive.writestr(f'{root}/constants.pkl', b'\x80\x02).')
        archive.writestr(f'{root}/code/__torch__/net.py', b'class Module(Module):')
        archive.writestr(f'{root}/version', b'2\n')
    return path


def storages(state):
    found = [x.view[0] for x in state.values() if isinstance(x, Tensor)]
    return list({stored.key: stored for stored in found}.values())
