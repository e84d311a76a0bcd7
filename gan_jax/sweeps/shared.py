"""Programs shared by runs that differ in numbers only."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from gan_jax.experiment.setup import Setup, build_setup, with_hyperparameters
from gan_jax.run.evaluation import Evaluator, make_evaluator
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sweeps.groups import group
from gan_jax.sweeps.population import Population, make_population


def shared_setups(
    progress: Progress = no_progress,
) -> Callable[[Mapping[str, Any]], tuple[Setup, Evaluator]]:
    """A `build_setup` that shares program, data set and metrics among runs of one `group`.

    Groups with the same networks and data also share the program that generates images.

    Args:
        progress: reports the preparation of metrics.

    Returns:
        settings -> the setup of the run and its evaluator.
    """
    first: dict[str, tuple[Setup, Evaluator]] = {}
    generate: dict[str, Callable] = {}

    def setup_of(settings: Mapping[str, Any]) -> tuple[Setup, Evaluator]:
        code = group(settings)
        if code not in first:
            setup = build_setup(settings)
            drawn_by = ('generator', 'latent', 'data', 'dtype', 'evaluate', 'mesh')
            same = generate.setdefault(json.dumps([settings[k] for k in drawn_by]), setup.generate)
            setup = setup._replace(generate=same)
            first[code] = setup, make_evaluator(setup, progress)
        setup, evaluator = first[code]
        return with_hyperparameters(setup, settings), evaluator

    return setup_of


def population_factory() -> Callable[[Sequence[Setup]], Population]:
    """A function setups -> population, for runs of one `group`.

    Populations of the same group and size share one program. The members are divided among as many
    devices as `config.mesh.data` allows and as divide their number.
    """
    first: dict[tuple[str, int], Population] = {}

    def population_of(setups: Sequence[Setup]) -> Population:
        key = group(setups[0].settings), len(setups)
        hypers = [one.experiment.hyper for one in setups]
        if key not in first:
            settings = setups[0].settings
            first[key] = make_population(
                setups[0].experiment,
                setups[0].dataset,
                hypers,
                batch_size=settings['batch_size'],
                d_steps=settings['d_steps'],
                devices=_devices(len(setups), settings['mesh']['data']),
            )
        return first[key].vary(hypers)

    return population_of


def _devices(members: int, allowed: int) -> list[jax.Device]:
    devices = jax.devices()[: None if allowed == -1 else allowed]
    return devices[: max(n for n in range(1, len(devices) + 1) if members % n == 0)]
