"""The cost of a config on this machine: python -m gan_jax.benchmark --config=FILE

Prints speed, work, memory and the cost of every term and augmentation; --out writes all numbers.
--plan measures nothing: it prints a forecast for the devices of a table. --compile_for compiles the
step for devices that need not be here, and prints what their compiler says of it; --compiled puts
these numbers into a plan.
"""

import argparse
from collections.abc import Sequence

from gan_jax.experiment.flags import config_parser, parse_config
from gan_jax.flags import listed
from gan_jax.runtime import cli
from gan_jax.runtime.ranges import Choice, Integer

# Flags that mean nothing without another.
PARTNERS = {'share': 'plan=TABLE', 'compiled': 'plan=TABLE', 'devices': 'compile_for=DEVICE'}


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = config_parser('benchmark', __doc__, listed.of_configs())
    parser.add_argument(
        '--against',
        metavar='torch',
        type=cli.within(Choice(('torch',))),
        help="PyTorch's step in the same turns",
    )
    parser.add_argument(
        '--repeats',
        type=cli.within(Integer(1, 1000)),
        default=9,
        metavar='N',
        help='turns of each',
    )
    parser.add_argument(
        '--whole_only',
        action='store_true',
        help='the step alone, minutes sooner: nothing of its terms and augmentations',
    )
    parser.add_argument('--out', type=cli.file, metavar='FILE.json', help='for all numbers')
    parser.add_argument(
        '--plan',
        metavar='TABLE[:DEVICE,...]',
        type=cli.path_text,
        help='such as configs/devices.toml:H100',
    )
    parser.add_argument(
        '--share',
        metavar='NUMBER|FILE.json',
        type=cli.path_text,
        help="of a device's peak, for --plan",
    )
    parser.add_argument(
        '--compiled',
        metavar='FILE.json,...',
        type=cli.paths,
        help='what --compile_for has written to --out, for --plan',
    )
    parser.add_argument(
        '--compile_for',
        type=cli.named,
        metavar='DEVICE[:SHAPE],...',
        help='such as v5e:2x2,H100: compile for them, and run nothing',
    )
    parser.add_argument(
        '--devices',
        type=cli.path,
        metavar='TABLE',
        help='with the devices of --compile_for, by default configs/devices.toml',
    )
    flags, overrides = parse_config(parser, arguments)
    if flags.plan and (flags.against or flags.out):
        parser.error('--plan measures nothing: leave out --against and --out')
    if flags.compile_for and (flags.against or flags.plan):
        parser.error('--compile_for measures nothing: leave out --against and --plan')
    for name, other in PARTNERS.items():
        if getattr(flags, name) and not getattr(flags, other.partition('=')[0]):
            parser.error(f'--{name} is for --{other}')
    return flags, overrides
