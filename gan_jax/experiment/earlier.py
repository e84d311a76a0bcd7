"""Configs of earlier versions: the keys that they lack, with the values that change nothing."""

from collections.abc import Mapping
from typing import Any

from gan_jax.experiment.blocks import is_block

# Each has the value by which a run goes on as it was before there was the key.
ADDED: Mapping[str, Any] = {
    'augment.shared': False,
    'averages': {},
    'g_reals': 'last',
    'init': {'workdir': '', 'nets': 'g,d,ema', 'match': ''},
    'latent.fn': 'gan_jax.latents.normal',
    'writers': {},
    'freeze': '',
    'every.snapshot': 5000,
    'every.report': 0,
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
            whole[name] = _filled(whole.get(name, value), value)
        elif is_block(whole.get(block)):
            whole[block] = {name: value, **whole[block]}
    return whole


def _filled(given: Any, value: Any) -> Any:
    """The value that is given; a block with the entries that it lacks."""
    return {**value, **given} if is_block(value) and is_block(given) else given
