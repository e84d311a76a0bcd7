"""An interpreter for the pickles in PyTorch weight files that runs no code of the file.

Python's pickle format is a program for a stack machine, which can call anything. This interpreter
knows only the opcodes of a state dict and of TorchScript's modules, and the functions that build a
tensor, a parameter, a list and an ordered dict; everything else is refused.
"""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MOST = 1_000_000  # opcodes: a network of some thousand tensors takes some ten thousand

DTYPES = {
    'DoubleStorage': '<f8',
    'FloatStorage': '<f4',
    'HalfStorage': '<f2',
    'LongStorage': '<i8',
    'IntStorage': '<i4',
    'ShortStorage': '<i2',
    'CharStorage': '<i1',
    'ByteStorage': '<u1',
    'BoolStorage': '?',
}


class Refused(Exception):
    """The file holds something that a state dict does not need."""


class Storage(NamedTuple):
    """Numbers that tensors are views of: their key in the file, their type and their count."""

    key: str
    dtype: np.dtype
    count: int


class Tensor(NamedTuple):
    """A view of a storage, in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def run_program(file: BinaryIO) -> Any:
    """The value of one program of the file, run from the current position to its STOP.

    It knows the opcodes of pickle's protocol 2 that occur in a state dict or a TorchScript archive.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def take(count: int) -> bytes:
        taken = file.read(count)
        if len(taken) != count:
            raise EOFError
        return taken

    def number(form: str) -> int:
        return struct.unpack(form, take(struct.calcsize(form)))[0]

    def line() -> str:
        text = b''.join(iter(lambda: take(1), b'\n'))
        return text.decode('ascii')

    def last(count: int) -> list[Any]:
        """Takes values off the stack."""
        if len(stack) < count:
            raise IndexError
        first = len(stack) - count
        taken, stack[first:] = stack[first:], []
        return taken

    def since_mark() -> list[Any]:
        return last(len(stack) - marks.pop())

    for _ in range(MOST):
        match take(1):
            case b'.':  # STOP
                return stack.pop()
            case b'\x80':  # PROTO
                take(1)
            case b'(':  # MARK
                marks.append(len(stack))
            case b'N':  # NONE
                stack.append(None)
            case b'\x88':  # NEWTRUE
                stack.append(True)
            case b'\x89':  # NEWFALSE
                stack.append(False)
            case b'K':  # BININT1
                stack.append(number('<B'))
            case b'M':  # BININT2
                stack.append(number('<H'))
            case b'J':  # BININT
                stack.append(number('<i'))
            case b'\x8a':  # LONG1
                stack.append(int.from_bytes(take(number('<B')), 'little', signed=True))
            case b'G':  # BINFLOAT
                stack.append(number('>d'))
            case b'X':  # BINUNICODE
                stack.append(take(number('<I')).decode())
            case b'U':  # SHORT_BINSTRING, which Python 2 wrote
                stack.append(take(number('<B')).decode('ascii'))
            case b'}':  # EMPTY_DICT
                stack.append({})
            case b']':  # EMPTY_LIST
                stack.append([])
            case b')':  # EMPTY_TUPLE
                stack.append(())
            case b't':  # TUPLE
                stack.append(tuple(since_mark()))
            case b'\x85':  # TUPLE1
                stack.append(tuple(last(1)))
            case b'\x86':  # TUPLE2
                stack.append(tuple(last(2)))
            case b'\x87':  # TUPLE3
                stack.append(tuple(last(3)))
            case b's':  # SETITEM
                _set(stack, last(2))
            case b'u':  # SETITEMS
                _set(stack, since_mark())
            case b'a':  # APPEND
                _extend(stack, last(1))
            case b'e':  # APPENDS
                _extend(stack, since_mark())
            case b'q':  # BINPUT
                memo[number('<B')] = stack[-1]
            case b'r':  # LONG_BINPUT
                memo[number('<I')] = stack[-1]
            case b'h':  # BINGET
                stack.append(memo[number('<B')])
            case b'j':  # LONG_BINGET
                stack.append(memo[number('<I')])
            case b'c':  # GLOBAL
                stack.append(_Name(line(), line()))
            case b'R':  # REDUCE
                stack.append(_called(*last(2)))
            case b'Q':  # BINPERSID
                stack.append(_storage(stack.pop()))
            case b'\x81':  # NEWOBJ
                stack.append(_made(*last(2)))
            case b'b':  # BUILD: of a module its attributes; of others nothing that is needed
                _built(stack, last(1)[0])
            case code:
                raise Refused(f'it uses the instruction {code!r}')
    raise Refused(f'it takes more than {MOST:,} instructions')


def _pair(value: Any) -> Any:
    if not (isinstance(value, list) and len(value) == 2):
        raise TypeError
    return value


def _set(stack: list[Any], pairs: list[Any]) -> dict[str, Any]:
    """The dict on top of the stack, with keys and values that follow each other."""
    keys = pairs[::2]
    # Only strings: nested tuples that share their elements would take for ever to hash.
    if not (stack and isinstance(stack[-1], dict) and all(type(key) is str for key in keys)):
        raise TypeError
    stack[-1].update(zip(keys, pairs[1::2], strict=True))
    return stack[-1]


def _extend(stack: list[Any], values: list[Any]) -> None:
    if not (stack and isinstance(stack[-1], list)):
        raise TypeError
    stack[-1].extend(values)


class Module(dict[str, Any]):
    """A module of a TorchScript archive: its attributes, tensors and modules, by their names."""


class _Name(NamedTuple):
    """The name of a function or type in the file; it is never imported."""

    module: str
    name: str


ORDERED_DICT = _Name('collections', 'OrderedDict')
TENSOR = _Name('torch._utils', '_rebuild_tensor_v2')
OLD_TENSOR = _Name('torch._utils', '_rebuild_tensor')  # until 2018
LISTS = 'torch.jit._pickle'  # the module of functions that return their list
PARAMETER = _Name('torch._utils', '_rebuild_parameter')


def _called(function: Any, arguments: Any) -> Any:
    """The result of a call in the file, for the functions that a state dict calls."""
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise TypeError
    if function == ORDERED_DICT and arguments == ():
        return {}
    if function == ORDERED_DICT and len(arguments) == 1:  # as Python 2 wrote it: [[key, value]]
        return _set([{}], [part for pair in arguments[0] for part in _pair(pair)])
    if function in (TENSOR, OLD_TENSOR) and isinstance(arguments[0], Storage):
        storage, offset, shape, strides = arguments[:4]
        if not all(type(n) is int for n in (offset, *shape, *strides)):
            raise TypeError
        return Tensor(storage, offset, tuple(shape), tuple(strides))
    if function.module == LISTS:
        return arguments[0]
    if function == PARAMETER and isinstance(arguments[0], Tensor):
        return arguments[0]
    raise Refused(f'it asks to call {function.module}.{function.name}')


def _made(of: Any, arguments: Any) -> Module:
    if not (isinstance(of, _Name) and of.module.startswith('__torch__') and arguments == ()):
        raise Refused('it makes an object that is no module')
    return Module()


def _built(stack: list[Any], attributes: Any) -> None:
    if not stack:
        raise IndexError
    if isinstance(stack[-1], Module):
        if type(attributes) is not dict:
            raise TypeError
        stack[-1].update(attributes)


def named_values(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a mapping by their names; of modules within it, joined by dots.

    Raises:
        Refused: there are more than `MOST`, as of modules that share their parts again and again.
    """
    waiting, count = [('', state)], 0
    while waiting:
        prefix, mapping = waiting.pop()
        for name, value in mapping.items():
            count += 1
            if count > MOST:
                raise Refused(f'it has more than {MOST:,} names')
            if isinstance(value, Module):
                waiting.append((f'{prefix}{name}.', value))
            else:
                yield f'{prefix}{name}', value


def _storage(identity: Any) -> Storage:
    """The storage of a reference in the file: ('storage', type, key, device, count)."""
    kind, of, key, _, count = identity[:5]
    if kind != 'storage' or not isinstance(of, _Name) or identity[5:] not in ((), (None,)):
        raise Refused('it refers to something that is no storage')
    if of.module != 'torch' or of.name not in DTYPES:
        raise Refused(f'it has numbers of the type {of.module}.{of.name}')
    if type(key) is not str or type(count) is not int or count < 0:
        raise TypeError
    return Storage(key, np.dtype(DTYPES[of.name]), count)
