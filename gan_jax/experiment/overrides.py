"""Values of a config from the command line: `--config.key=value`."""

import ast
import contextlib
from collections.abc import Collection
from typing import Any

from ml_collections import ConfigDict

from gan_jax.runtime.load import nearest

# What Python's readers of values raise.
UNREADABLE = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


def override(config: ConfigDict, flag: str, known: Collection[str]) -> str:
    """Applies `--config.key=value`, or `--config.key` and `--noconfig.key` of a bool.

    The key is there already, or is a further one of a block with a function. Whether the value fits
    it is for others to judge.

    Args:
        config: is changed.
        flag: as it was typed.
        known: the config's keys, of which one may have been meant.

    Returns:
        What is wrong with it, in a sentence; '' when nothing is.
    """
    name, equals, text = flag.partition('=')
    key = name.partition('.')[2]
    *parents, last = key.split('.')
    block = config
    for part in parents:
        block = block.get(part) if isinstance(block, ConfigDict) else None
    inside = isinstance(block, ConfigDict)
    is_leaf = inside and last in block and not isinstance(block[last], ConfigDict)
    if not (is_leaf or (inside and 'fn' in block)):
        return f"config has no '{key}'{nearest(key, known)}"
    old, turned_off = block.get(last), name.startswith('--noconfig.')
    if (not equals and not isinstance(old, bool)) or (equals and turned_off):
        return f'{flag} is no value for {key}: write --config.{key}=VALUE'
    value = _value(text, old) if equals else not turned_off
    with block.unlocked(), block.ignore_type():
        block[last] = value
    return ''


def _value(text: str, old: Any) -> Any:
    """The meaning of a text: a value of the type of the old one, or of Python, or the text."""
    if isinstance(old, str):
        return text
    if isinstance(old, bool):
        return {'true': True, '1': True, 'false': False, '0': False}.get(text.lower(), text)
    kind = type(old) if isinstance(old, int | float) else float
    for meaning in (ast.literal_eval, kind) if old is None else (kind, ast.literal_eval):
        with contextlib.suppress(*UNREADABLE):
            value = meaning(text)
            # In the place of a float a ConfigDict would make 1.0 of True.
            return text if isinstance(old, float) and isinstance(value, bool) else value
    return text
