"""Spectral normalisation in NumPy."""

from typing import Any

import numpy as np


def over_sigma(kernel: Any, u: Any) -> np.ndarray:
    """A kernel [..., C] over its largest singular value by one power iteration from u [1, C]."""
    kernel, u = np.asarray(kernel), np.asarray(u)[0]
    w = kernel.reshape(-1, kernel.shape[-1])
    v = w @ u
    return kernel / np.linalg.norm(v / np.linalg.norm(v) @ w)


def normalised(variables: Any, name: str) -> np.ndarray:
    """The kernel of the layer `name` in a pass with these variables; unchanged if it has no u."""
    kernel = variables['params'][name]['kernel']
    norm = variables['batch_stats'].get(f'spectral_{name}')
    return over_sigma(kernel, norm[f'{name}/kernel/u']) if norm else np.asarray(kernel)
