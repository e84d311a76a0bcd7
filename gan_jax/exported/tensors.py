"""Arrays by name in a file of the format safetensors, which holds no code."""

from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.files import atomic_path
from gan_jax.runtime.leaves import by_name, form

MOST_HEADER = 16_000_000  # bytes; a network of a thousand arrays takes 100,000
TYPES = {'F32': 'float32', 'I32': 'int32', 'U32': 'uint32', 'U8': 'uint8', 'BOOL': 'bool'}


def write(path: Path, tree: Mapping) -> None:
    """Writes the leaves of a tree by their names, 'params/Dense_0/kernel'.

    Floats are written as float32, others as they are. Equal trees give equal bytes.
    """
    leaves = {name: _plain(leaf) for name, leaf in by_name(tree).items()}
    with atomic_path(path) as partial:
        partial.write_bytes(save(leaves))


def read(path: Path, expected: Mapping) -> dict[str, np.ndarray]:
    """The arrays of a file that has exactly the expected names and shapes, by name.

    Args:
        path: of the file.
        expected: arrays or `jax.ShapeDtypeStruct`s by name. Floats have these types in the result.

    Raises:
        UserError: the file is damaged, or holds other arrays (65). No array is read then.
    """
    found = forms(path)
    for name in sorted(found.keys() | expected.keys()):
        there, here = found.get(name, 'absent'), _form(expected, name)
        if there != here:
            raise UserError(
                f'{path} does not fit its network: {name} is {there} in the file and {here} in the '
                'network; take the folder as it was exported, with the version that wrote it',
                DATA,
            )
    arrays = _opened(path, lambda file: {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return {name: array.astype(expected[name].dtype) for name, array in arrays.items()}


def forms(path: Path) -> dict[str, str]:
    """The types and shapes of the arrays of a file by name: 'float32 [3, 3, 64, 64]'.

    Raises:
        UserError: the file is damaged, or its header is larger than any network's (65).
    """
    _refuse_header(path)

    def listed(file):
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: (one.get_dtype(), one.get_shape()) for name, one in slices.items()}

    found = _opened(path, listed)
    if others := {kind for kind, _ in found.values()} - TYPES.keys():
        raise UserError(
            f'{path} holds arrays of the type {min(others)}, which no exported generator has: '
            'take the folder as it was exported',
            DATA,
        )
    return {name: f'{TYPES[kind]} {shape}' for name, (kind, shape) in found.items()}


def _refuse_header(path: Path) -> None:
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
    if length > MOST_HEADER:
        raise UserError(
            f'{path} is damaged or not of this format: its header claims {length:,} bytes; take '
            'the folder as it was exported',
            DATA,
        )


def _opened(path: Path, use):
    try:
        with safe_open(path, framework='np') as file:
            return use(file)
    except SafetensorError as error:
        raise UserError(
            f'{path} is damaged or not of this format ({error}): take the folder as it was '
            'exported',
            DATA,
        ) from error


def _form(expected: Mapping, name: str) -> str:
    if name not in expected:
        return 'absent'
    leaf = expected[name]
    return form(leaf) if not _is_float(leaf) else f'float32 {list(leaf.shape)}'


def _plain(leaf) -> np.ndarray:
    array = np.asarray(leaf)
    return np.array(array, np.float32 if _is_float(array) else None, order='C')


def _is_float(leaf) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)
