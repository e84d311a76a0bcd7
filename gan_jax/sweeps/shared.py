"""One compiled program for all runs that differ in numbers only."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from gan_jax.experiment.setup import Setup, build_setup, with_hyperparameters
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sweeps.groups import group
from gan_jax.sweeps.population import Population, make_population


def shared_setups(watch: Progress = no_progress) -> Callable[[Mapping[str, Any]], Setup]:
    """`setup.build_setup` that gives runs of one `group` the same program, data set and metrics.

    Groups whose networks and data are the same also draw images by one program. `watch` sees the
    work of preparing metrics.
    """
    first: dict[str, Setup] = {}
    generate: dict[str, Callable] = {}

    def assembled(settings: Mapping[str, Any]) -> Setup:
        code = group(settings)
        if code not in first:
            parts = build_setup(settings, watch=watch)
            drawn_by = ('generator', 'latent', 'data', 'dtype', 'evaluate', 'mesh')
            same = generate.setdefault(json.dumps([settings[k] for k in drawn_by]), parts.generate)
            first[code] = parts._replace(generate=same)
        return with_hyperparameters(first[code], settings)

    return assembled


def population_factory() -> Callable[[Sequence[Setup]], Population]:
    """The population of runs of one `group`; as many others of it get the same program.

    The members are laid over as many of the devices that `config.mesh.data` allows as divide them.
    """
    first: dict[tuple[str, int], Population] = {}

    def populated(parts: Sequence[Setup]) -> Population:
        key = group(parts[0].settings), len(parts)
        hypers = [one.experiment.hyper for one in parts]
        if key not in first:
            settings = parts[0].settings
            first[key] = make_population(
                parts[0].experiment,
                parts[0].dataset,
                hypers,
                batch_size=settings['batch_size'],
                d_steps=settings['d_steps'],
                devices=_devices(len(parts), settings['mesh']['data']),
            )
        return first[key].vary(hypers)

    return populated


def _devices(members: int, allowed: int) -> list[jax.Device]:
    devices = jax.devices()[: None if allowed == -1 else allowed]
    return devices[: max(n for n in range(1, len(devices) + 1) if members % n == 0)]
