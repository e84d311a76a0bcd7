"""The choices of a command line: methods, metrics, configs, sweep keys, and flags."""

import argparse
import ast
import importlib
import inspect
import pprint
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import gan_jax
from docs._ext import comments
from docs._ext.markdown import cell, code, escaped, option, rendered, table
from gan_jax.commands import COMMANDS
from gan_jax.evaluate import protocol
from gan_jax.experiment import presets
from gan_jax.runtime import output
from gan_jax.sweeps import sweep_file

ROOT = Path(gan_jax.__file__).parent.parent
FLAGS = {*output.FLAGS}  # of every command
# Arguments with which a command takes other flags.
FURTHER = {'evaluate': [['--images=PATH']]}


def methods() -> str:
    """The blocks of every method, with the policy 'translation' of strength 0.1."""
    return '\n'.join(_method(name) for name in presets.METHODS)


def _method(name: str) -> str:
    labels = {'num_classes': 10} if name in presets.LABELLED else {}
    found = presets.method(name, 'translation', 0.1, **labels)
    blocks = {key: block for key, block in found.items() if key != 'augment'}
    used = [key for key in ('real', 'critic', 'view') if found['augment'][key]]
    augmented = f'The policy is `augment.{used[0]}`.' if used else 'No policy.'
    shown = pprint.pformat(blocks, width=96, sort_dicts=False)
    return f'### `{name}`\n\n{augmented}\n\n```python\n{shown}\n```\n'


def metrics() -> str:
    """The families of metrics: names or examples, and what their modules say."""
    found = []
    for family in protocol.FAMILIES:
        names = ', '.join(map(code, family.NAMES))
        found.append(f'### {names}\n\n{rendered(family.__doc__)}\n')
    return '\n'.join(found)


def configs() -> str:
    """The docstrings of all config files."""
    found = {
        file.relative_to(ROOT): ast.get_docstring(ast.parse(file.read_text()))
        for file in sorted((ROOT / 'configs').glob('*.py'))
    }
    return '\n'.join(f'## `{path}`\n\n{rendered(doc)}' for path, doc in found.items())


def sweep_keys() -> str:
    """Every key of a sweep file."""
    said = comments.of_dicts(inspect.getsource(sweep_file))
    found = []
    for key, (_, expected) in (sweep_file.NEEDED | sweep_file.OPTIONAL).items():
        default = 'none: it must be given' if key in sweep_file.NEEDED else 'none'
        options = f':type: {option(escaped(expected))}\n:default: {default}'
        found.append(f'``````{{confval}} sweep.{key}\n{options}\n\n{escaped(said[key])}\n``````\n')
    return '\n'.join(found)


def commands() -> str:
    """Every command with its flags."""
    return '\n'.join(map(_command, COMMANDS))


def parsers_of(name: str) -> list[argparse.ArgumentParser]:
    """The parsers of a command, 'train': the one that it asks, and another that FURTHER asks."""
    module = importlib.import_module(f'gan_jax.flags.{name}')
    return [_asked(module.parse, arguments) for arguments in ([], *FURTHER.get(name, ()))]


def _asked(parse: Callable[[list[str]], Any], arguments: list[str]) -> argparse.ArgumentParser:
    try:
        with mock.patch.object(argparse.ArgumentParser, 'parse_known_args', _caught):
            parse(arguments)
    except _Found as found:
        return found.args[0]
    raise ValueError(f'{parse.__module__} asks no parser')


class _Found(Exception):
    """The parser that was asked."""


def _caught(parser: argparse.ArgumentParser, *arguments: Any) -> NoReturn:
    raise _Found(parser)


def _command(name: str) -> str:
    return '\n'.join([f'## `gan_jax {name}`\n', *map(_use, parsers_of(name))])


def _use(parser: argparse.ArgumentParser) -> str:
    rows = [*map(_flag, _flags(parser))]
    return '\n'.join(
        [
            rendered(parser.description),
            table(['flag', 'default', 'meaning'], rows),
            f'{escaped(parser.epilog)}\n' if parser.epilog else '',
        ]
    )


def _flags(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction) and not {*action.option_strings} & FLAGS:
            yield action


def _flag(action: argparse.Action) -> list[str]:
    name = action.option_strings[-1] if action.option_strings else action.dest
    value = '' if action.nargs == 0 else f'={action.metavar or (action.dest.upper())}'
    if action.choices:
        value = f'={"|".join(map(str, action.choices))}'
    plain = action.default in (None, argparse.SUPPRESS, False, [])
    default = 'needed' if action.required else '' if plain else code(action.default)
    meaning = (action.help or '').replace('%%', '%')
    return [code(f'{name}{value}').replace('|', r'\|'), default, cell(meaning)]
