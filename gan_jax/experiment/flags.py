"""Flags of commands that take a config: --config, and --config.KEY=VALUE for one value."""

import argparse
from collections.abc import Sequence

from gan_jax.experiment.values import VALUES
from gan_jax.runtime.cli import Parser


def config_parser(command: str, description: str | None, listed: str = '') -> Parser:
    """The parser of a command that takes --config and its overrides, for `parse_config`.

    Args:
        command: 'train'.
        description: for --help.
        listed: further paragraphs of --help, at its end.
    """
    parser = Parser(
        f'gan_jax.{command}',
        description,
        epilog='\n\n'.join(['--config.KEY=VALUE overrides one value.', listed]),
    )
    parser.add_argument(
        '--config',
        required=True,
        metavar='NAME|FILE[:ARGUMENTS]',
        help='a config that comes with gan_jax, such as digits, or a file of your own',
    )
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
            parser.unknown(argument, *(f'--config.{key}' for key in VALUES))
    return flags, overrides
