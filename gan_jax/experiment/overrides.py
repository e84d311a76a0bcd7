"""Overrides of config values from the command line: `--config.key=value`."""

import ast
import contextlib
from collections.abc import Collection
from typing import Any

from ml_collections import ConfigDict

from gan_jax.runtime.nearest import nearest

# Exceptions of `ast.literal_eval`, int and float for a text that is no value.
UNREADABLE = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


def override(config: ConfigDict, flag: str, known: Collection[str]) -> str:
    """Applies `--config.key=value`, or `--config.key` and `--noconfig.key` of a bool.

    The key must exist, or lie in a block that names a function, which may take further keywords.
    The value is not checked here.

    Args:
        config: the config; it is changed in place.
        flag: the argument of the command line.
        known: all keys of the config, for suggestions.

    Returns:
        A sentence that says what is wrong with the flag; '' if nothing is.
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
    """The value of a text: of the old value's type, else a Python literal, else the text."""
    if isinstance(old, str):
        return text
    if isinstance(old, bool):
        return {'true': True, '1': True, 'false': False, '0': False}.get(text.lower(), text)
    kind = type(old) if isinstance(old, int | float) else float
    any_form = old is None or isinstance(old, list | tuple)
    for meaning in (ast.literal_eval, kind) if any_form else (kind, ast.literal_eval):
        with contextlib.suppress(*UNREADABLE):
            value = meaning(text)
            # A ConfigDict would store True as 1.0 where the old value is a float.
            return text if isinstance(old, float) and isinstance(value, bool) else value
    return text
