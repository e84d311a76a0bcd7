"""The command that writes a generator into a folder of its own: `python -m gan_jax.export`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.export')

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.exported import card, hub
from gan_jax.exported.description import is_exported
from gan_jax.exported.write import Source, refuse_stayers, write_folder
from gan_jax.flags.export import parse
from gan_jax.run.flags import refuse_full
from gan_jax.run.kept_scores import of_checkpoint
from gan_jax.run.refusals import refuse_batch_norm, refuse_packages
from gan_jax.run.trained_generator import RunWeights, generator_of, read_run
from gan_jax.runtime import cli, output, workdir
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.versions import versions


def main(arguments: Sequence[str]) -> int:
    """Writes the generator of a run into a folder of its own."""
    flags = parse(arguments)
    refuse_full(flags.out)
    refuse_packages(flags.allow, flags.workdir)
    if flags.push:
        hub.require()
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
    output.say(
        f'the generator of step {run.step} is in {flags.out}; its card is {flags.out}/{card.NAME}'
    )
    output.result(out=flags.out, step=run.step)
    if flags.push:
        address = hub.push(flags.out, flags.push)
        output.say(f'on the Hub: {address}')
        output.result(hub=address)
    return os.EX_OK


def _source(folder: Path, run: RunWeights, batch_norm: str) -> Source:
    settings = run.settings
    scores = of_checkpoint(
        folder, settings, step=run.step, weights=run.weights, batch_norm=batch_norm
    )
    trained = workdir.read_status(folder) or {}
    origin = {
        'data': {'name': _name_of(settings['data']), 'sha256': run.data},
        'terms': [*settings['terms']],
        'seed': settings['seed'],
        'batch_size': settings['batch_size'],
        'batch_norm': batch_norm,
        'checkpoint_sha256': run.digest,
        'config_sha256': json_digest(workdir.read_config(folder)),
        'commit': trained.get('commit'),
        'trained_with': trained.get('versions'),
        'exported_with': versions(),
    }
    told = [card.Score(*one)._replace(protocol=_without_folders(one.protocol)) for one in scores]
    return Source(settings, run.weights, origin, told)


def _name_of(data: Mapping[str, Any]) -> str:
    """The name of the data set; of a folder of somebody's machine the last part alone."""
    return Path(data['name']).name


def _without_folders(value: Any) -> Any:
    """JSON with the last part alone of each whole path, which is of somebody's machine."""
    if isinstance(value, Mapping):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list):
        return [*map(_without_folders, value)]
    return Path(value).name if isinstance(value, str) and os.path.isabs(value) else value


if __name__ == '__main__':
    cli.run(main)
