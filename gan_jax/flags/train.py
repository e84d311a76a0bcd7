"""Trains the experiment of a config: python -m gan_jax.train --config=FILE --workdir=DIR

The same command again resumes the run from its last checkpoint, bit for bit.
"""

import argparse
from collections.abc import Sequence

from gan_jax.experiment.flags import config_parser, parse_config
from gan_jax.flags import listed
from gan_jax.runtime import cli


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    metrics = listed.of_metrics('--config.evaluate.metrics=fd_digits,modes')
    parser = config_parser('train', __doc__, f'{listed.of_configs()}\n\n{metrics}')
    parser.add_argument(
        '--workdir',
        metavar='DIR',
        type=cli.path,
        help='where the run writes, and resumes from',
    )
    parser.add_argument(
        '--cluster',
        metavar='HOST:PORT,I/N',
        type=cli.named,
        help='process I of N; detect: ask JAX',
    )
    parser.add_argument(
        '--restart', action='store_true', help='set aside what the workdir holds, and begin again'
    )
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='on a GPU: the same bits in every process, so that a run resumes bit for bit',
    )
    parser.add_argument(
        '--dry_run', action='store_true', help='check everything, say what would be done, and stop'
    )
    parser.add_argument(
        '--data_dir',
        metavar='DIR',
        type=cli.named,
        help='where the data lie; short for --config.data.dir=DIR',
    )
    flags, overrides = parse_config(parser, arguments)
    if flags.data_dir is not None:
        overrides.append(f'--config.data.dir={flags.data_dir}')
    return flags, overrides
