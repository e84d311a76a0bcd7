"""Flags of commands that take a config: --config, and --config.KEY=VALUE for one value."""

import argparse
from collections.abc import Sequence

from gan_jax.experiment import config
from gan_jax.runtime.cli import Parser


def config_parser(command: str, description: str | None) -> Parser:
    """The parser of a command that takes --config and its overrides, for `parse_config`."""
    parser = Parser(
        f'gan_jax.{command}',
        description,
        epilog='--config.KEY=VALUE overrides one value; --debug shows tracebacks.',
    )
    parser.add_argument('--config', required=True, metavar='FILE[:ARGUMENTS]')
    return parser


def parse_config(parser: Parser, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The flags, and the overrides for `config.load_config`.

    Raises:
        UserError: an argument is neither a flag nor an override.
    """
    flags, rest = parser.parse_known_args(arguments)
    overrides = [a for a in rest if a.startswith(('--config.', '--noconfig.'))]
    for argument in rest:
        if argument not in overrides:
            parser.unknown(argument, *(f'--config.{key}' for key in config.VALUES))
    return flags, overrides
