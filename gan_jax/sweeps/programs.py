"""One compiled program for all runs that differ in numbers only."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from gan_jax.evaluate.contract import Watch, unwatched
from gan_jax.parts import Parts, assemble, vary
from gan_jax.population import Population, make_population
from gan_jax.sweeps.groups import group


def sharing(watch: Watch = unwatched) -> Callable[[Mapping[str, Any]], Parts]:
    """`parts.assemble` that gives runs of one `group` the same program, data set and metrics.

    Groups whose networks and data are the same also draw images by one program. `watch` sees the
    work of preparing metrics.
    """
    first: dict[str, Parts] = {}
    generate: dict[str, Callable] = {}

    def assembled(settings: Mapping[str, Any]) -> Parts:
        code = group(settings)
        if code not in first:
            parts = assemble(settings, watch=watch)
            drawn_by = ('generator', 'latent', 'data', 'dtype', 'evaluate', 'mesh')
            same = generate.setdefault(json.dumps([settings[k] for k in drawn_by]), parts.generate)
            first[code] = parts._replace(generate=same)
        return vary(first[code], settings)

    return assembled


def populating() -> Callable[[Sequence[Parts]], Population]:
    """The population of runs of one `group`; as many others of it get the same program.

    The members are laid over as many of the devices that `config.mesh.data` allows as divide them.
    """
    first: dict[tuple[str, int], Population] = {}

    def populated(parts: Sequence[Parts]) -> Population:
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
