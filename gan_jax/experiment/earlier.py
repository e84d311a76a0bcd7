"""Configs of earlier versions: the keys that they lack, with the values that change nothing."""

import copy
from collections.abc import Mapping
from typing import Any

from gan_jax.experiment.blocks import is_block

# What a run did before there was the key, so that it goes on as the run that it was.
ADDED: Mapping[str, Any] = {
    'augment.shared': False,
    'averages': {},
    'g_reals': 'last',
    'init': {},
}


def completed(config: Any) -> Any:
    """The config of a workdir with the keys of `ADDED` that it lacks.

    Args:
        config: nested, not checked yet; what is no block is left to `config.faults`.
    """
    if not is_block(config):
        return config
    whole = dict(config)
    for key, value in ADDED.items():
        block, _, name = key.rpartition('.')
        if not block:
            whole.setdefault(name, copy.copy(value))
        elif is_block(whole.get(block)):
            whole[block] = {name: value, **whole[block]}
    return whole
