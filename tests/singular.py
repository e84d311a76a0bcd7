"""Spectral normalisation in NumPy."""

from typing import Any

import numpy as np


def normalised(variables: Any, name: str) -> np.ndarray:
    """The kernel [..., C] of the layer `name` over its largest singular value.

    The value is that of one power iteration from the vector u [1, C] of these variables. Without
    such a vector the kernel is unchanged.
    """
    kernel = np.asarray(variables['params'][name]['kernel'])
    norm = variables['batch_stats'].get(f'spectral_{name}')
    if norm is None:
        return kernel
    w = kernel.reshape(-1, kernel.shape[-1])
    v = w @ np.asarray(norm[f'{name}/kernel/u'])[0]
    return kernel / np.linalg.norm(v / np.linalg.norm(v) @ w)
