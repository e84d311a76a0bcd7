"""Weights of a gan_jax network under the names and in the layouts of its equivalent in PyTorch."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from flax.traverse_util import flatten_dict
from torch import Tensor, nn

_NAMES = {'scale': 'weight', 'mean': 'running_mean', 'var': 'running_var'}


def load(variables: Mapping[str, Any], net: nn.Module) -> None:
    """Copies parameters, statistics and the vectors of spectral norms; all must be there."""
    found = net.load_state_dict(as_torch(variables, net), strict=False)
    assert not found.unexpected_keys
    assert all(name.endswith('num_batches_tracked') for name in found.missing_keys)


def as_torch(variables: Mapping[str, Any], net: nn.Module) -> dict[str, Tensor]:
    """{name in the state dict of `net`: value} of all variables."""
    state, found = net.state_dict(), {}
    for (_, *modules, last), x in flatten_dict(variables).items():
        x = torch.from_numpy(np.array(x))
        if last.endswith('/u'):
            layer = last.split('/')[0]
            found[_path(*modules[:-1], layer, 'parametrizations', 'weight', '0', 'u')] = x[0]
        elif last == 'kernel':
            name = _path(*modules, 'weight')
            if name not in state:
                name = _path(*modules, 'parametrizations', 'weight', 'original')
            found[name] = _kernel(x, flipped=modules[-1].startswith('up_')).view(state[name].shape)
        else:
            found[_path(*modules, _NAMES.get(last, last))] = x
    return found


def _path(*parts: str) -> str:
    return '.'.join(map(_renamed, parts))


def _renamed(part: str) -> str:
    part = re.sub(r'^up_(\d)$', lambda m: f'ups.{int(m[1]) - 1}', part)
    part = re.sub(r'^(block|conv|norm)_(\d)$', r'\1s.\2', part)
    part = re.sub(r'^Dense_(\d)$', lambda m: str(2 * int(m[1])), part)  # a ReLU stands between
    return re.sub(r'^heads_', 'heads.', part)


def _kernel(x: Tensor, *, flipped: bool) -> Tensor:
    """[I, O] -> [O, I], [a, b, I, O] -> [O, I, a, b], a transposed convolution's [I, O, a, b]."""
    if x.ndim == 2:
        return x.T.contiguous()
    # JAX slides the kernel of a transposed convolution as it is, PyTorch as the adjoint's.
    x = x.flip(0, 1).permute(2, 3, 0, 1) if flipped else x.permute(3, 2, 0, 1)
    return x.contiguous()
