"""The last lines of `train`: where the files of a finished run lie, and commands for it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax import data
from gan_jax.evaluate import perceptual_path, scores
from gan_jax.experiment import named_code
from gan_jax.experiment.schedule import everything
from gan_jax.runtime import brackets, environment
from gan_jax.runtime.paths import expanded


def next_commands(folder: Path, settings: Mapping[str, Any]) -> str:
    """The files of a finished run and commands for it, to be pasted into this shell in any folder.

    The commands allow the packages that the config names, which this run has executed already.

    Args:
        folder: the workdir.
        settings: the resolved config of the run.
    """
    folder, packages = folder.absolute(), named_code.outside(settings)
    from_data = _data_flag(settings['data'])
    run = [f'--workdir={folder}', *from_data]
    run += [f'--allow={package}' for package in packages]
    grid = f'--out={folder}/grid.png'
    said = {
        'pictures': shlex.quote(f'{folder}/samples/'),
        'report': shlex.quote(f'{folder}/report.html'),
        'numbers': shlex.quote(f'{folder}/metrics.jsonl'),
        'curves': environment.run_module('tensorboard.main', f'--logdir={folder}'),
        'more images': environment.command('sample', *run, '--num=64', grid, packages=packages),
    }
    if everything(settings):
        run += [] if from_data else _kept_flag(settings)
        run += _if_relative('unaugmented', settings['evaluate']['unaugmented'])
        said['evaluation'] = environment.command('evaluate', *run, packages=packages)
    return '\n'.join(f'  {name:<12} {text}' for name, text in said.items() if text)


def _data_flag(asked: Mapping[str, Any]) -> list[str]:
    """--data_dir, where the data would be looked for below the folder of the command.

    Images of the package, and of a path, which the config has whole, are found without it.

    Args:
        asked: the config's block `data`.
    """
    in_package = asked['name'] in data.READERS and 'autoencoder' not in asked
    if not asked['dir'] and (in_package or data.is_path(asked['name'])):
        return []
    return _if_relative('data_dir', data.folder_of(asked['dir']))


def _kept_flag(settings: Mapping[str, Any]) -> list[str]:
    """--data_dir, where the training has kept weights or features that its metrics read.

    `evaluate` looks for them by that flag alone, and not where the config says, which may be from
    somebody else. A data set that is named by a path is looked for in the folder first: there is
    no flag if another of its name lies there.
    """
    asked, metrics = settings['data'], brackets.split(everything(settings), ',')
    place = expanded(data.folder_of(asked['dir']))
    found_anyway = place.is_absolute() and not asked['dir']
    if found_anyway or not any(map(_reads_kept, metrics)) or not place.is_dir():
        return []
    other = data.is_path(asked['name']) and (place / Path(asked['name']).name).exists()
    return [] if other else [f'--data_dir={place.absolute()}']


def _reads_kept(metric: str) -> bool:
    return scores.knows(metric) or perceptual_path.knows(metric)


def _if_relative(flag: str, path: str | Path) -> list[str]:
    """The flag with the whole path, if the path begins in the current folder; '' is no path."""
    place = expanded(path)
    return [f'--{flag}={place.absolute()}'] if f'{path}' and not place.is_absolute() else []
