"""A generator that travels: python -m gan_jax.export --workdir=DIR --out=FOLDER

FOLDER gets the averaged weights of a run's generator (safetensors), the config of its network alone
with the network's own code if it has some, and a card with a picture and the scores that the run
keeps. `gan_jax.load_generator(FOLDER)` and `python -m gan_jax.sample --workdir=FOLDER` draw its
images, without the data, the discriminator and the terms. With --formats=stablehlo it also gets a
program that JAX alone runs.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.exported import card
from gan_jax.exported.description import is_exported
from gan_jax.exported.write import FORMATS, Source, refuse_stayers, write_folder
from gan_jax.run.flags import add_flags, refuse_batch_norm, refuse_full
from gan_jax.run.kept_scores import of_checkpoint
from gan_jax.run.trained_generator import RunWeights, generator_of, read_run
from gan_jax.runtime import cli, workdir
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.ranges import Choice, Text
from gan_jax.runtime.versions import versions

LICENSE = Text(card.LICENSE.pattern, "an identifier such as 'apache-2.0' or 'cc-by-nc-4.0'")


def main(arguments: Sequence[str]) -> int:
    """Writes the generator of a run into a folder of its own."""
    flags = _parse(arguments)
    refuse_full(flags.out)
    if is_exported(flags.workdir):
        raise UserError(f'--workdir={flags.workdir} is an exported generator already: copy it')
    run = read_run(flags.workdir, flags.step, flags.allow, flags.weights)
    refuse_stayers(run.settings)
    generator = generator_of(flags.workdir, run, flags.allow, flags.batch_norm)
    refuse_batch_norm(flags.batch_norm, generator.variables)
    try:
        write_folder(
            flags.out,
            generator,
            _source(flags.workdir, run, generator.batch_norm),
            license=flags.license or '',
            formats=flags.formats,
            allow=flags.allow,
        )
    except OSError as error:
        raise UserError(f'cannot write --out={flags.out}: {error.strerror}', UNWRITABLE) from error
    print(
        f'the generator of step {run.step} is in {flags.out}; its card is {flags.out}/{card.NAME}'
    )
    return os.EX_OK


def _source(folder: Path, run: RunWeights, batch_norm: str) -> Source:
    settings = run.settings
    scores = of_checkpoint(
        folder, settings, step=run.step, weights=run.weights, batch_norm=batch_norm
    )
    origin = {
        'data': {'name': _name_of(settings['data']), 'sha256': run.data},
        'terms': [*settings['terms']],
        'seed': settings['seed'],
        'batch_size': settings['batch_size'],
        'batch_norm': batch_norm,
        'checkpoint_sha256': run.digest,
        'config_sha256': json_digest(workdir.read_config(folder)),
        'exported_with': versions(),
    }
    return Source(settings, run.weights, origin, [card.Score(*one) for one in scores])


def _name_of(data: Mapping[str, Any]) -> str:
    """The name of the data set; of a folder of somebody's machine the last part alone."""
    return Path(data['name']).name


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.export', __doc__)
    add_flags(parser)
    parser.add_argument(
        '--out', type=cli.path, required=True, metavar='FOLDER', help='new or empty'
    )
    parser.add_argument(
        '--license',
        type=cli.within(LICENSE),
        metavar='NAME',
        help="of the weights, as the Hub writes it: 'apache-2.0'",
    )
    parser.add_argument(
        '--formats',
        type=cli.several(cli.within(Choice(FORMATS))),
        default=[],
        metavar='A,B',
        help='beside the weights: stablehlo, a program that JAX alone runs',
    )
    return parser.parse_args(arguments)


if __name__ == '__main__':
    cli.run(main)
