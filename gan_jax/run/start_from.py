"""A first state that begins with networks of another run: `config.init`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.exported.description import is_exported
from gan_jax.exported.read import read_leaves
from gan_jax.models.conditions import COLLECTION
from gan_jax.runtime import checkpoint, distributed, output
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.leaves import by_name, form, tree_of
from gan_jax.runtime.paths import expanded
from gan_jax.state import TrainState

# Names of the state's arrays, from their beginning, by the net of `config.init.nets` that they
# belong to: networks of terms and D's average belong to their player, G's further averages to
# 'ema'.
NETS: Mapping[str, str] = {
    'g': r'(g|nets/g/[^/]+/[^/]+)/(params|stats)/',
    'd': r'(d|nets/d/[^/]+/[^/]+)/(params|stats)/|averages/d/',
    'ema': r'ema/|averages/(?!d/)',
}
# An average that the other run lacks begins at these arrays.
BEGINNINGS = (
    (r'averages/d/params/', 'd/params/'),
    (r'averages/d/', 'd/stats/'),
    (r'averages/[^/]+/', 'ema/'),
)

# The label vectors of the data, which are the run's own.
TABLES = re.compile(rf'([gd]/stats|ema|averages/[^/]+)/{COLLECTION}/')


def start_from(settings: Mapping[str, Any], state: TrainState) -> TrainState:
    """The first state with the networks of `config.init.workdir`; unchanged if that is ''.

    The folder may also be of `gan_jax.export`, which has a generator alone.

    Arrays of the same name and form are taken from the newest valid checkpoint; others, such as
    the class tables of data with other classes, stay as they are, and so do optimisers, terms and
    the step. Averages that the other run has not begin at its networks: D's at its D, others at its
    'ema'. Collective: the leader reads.

    Args:
        settings: the resolved config.
        state: before the first step; fields may be None.

    Raises:
        UserError: there is no such run or checkpoint, or none of its arrays fits.
    """
    asked, mine = settings['init'], by_name(state)
    if not asked['workdir']:
        return state
    folder = expanded(asked['workdir'])
    wanted = [name for name in mine if _is_wanted(name, asked)]
    read: dict[str, Any] = {}

    def names() -> list[str]:
        read.update(_fitting(folder, {name: mine[name] for name in wanted}))
        return sorted(read)

    taken = distributed.broadcast_json(names)
    leaves = {name: read.get(name, np.empty(mine[name].shape, mine[name].dtype)) for name in taken}
    leaves = distributed.broadcast(leaves)
    placed = {name: jax.device_put(leaves[name], mine[name].sharding) for name in taken}
    _report(folder, wanted, taken)
    return tree_of({**mine, **placed}, state)


def check_start(settings: Mapping[str, Any], shapes: TrainState) -> None:
    """Raises as `start_from` would, for a state that is only `jax.ShapeDtypeStruct`s."""
    asked, mine = settings['init'], by_name(shapes)
    if asked['workdir']:
        wanted = {name: leaf for name, leaf in mine.items() if _is_wanted(name, asked)}
        _fitting(expanded(asked['workdir']), wanted)


def refuse_own_workdir(settings: Mapping[str, Any], folder: Path) -> None:
    """Refuses to begin a run anew in the workdir whose networks it begins with.

    Args:
        settings: the resolved config.
        folder: the workdir of the run.

    Raises:
        UserError: `config.init.workdir` is the folder.
    """
    other = settings['init']['workdir']
    if other and expanded(other).resolve() == folder.resolve():
        raise UserError(
            f'--restart would move the run in {folder} away, and config.init.workdir takes its '
            'networks: give another --workdir to the new run'
        )


def _is_wanted(name: str, asked: Mapping[str, Any]) -> bool:
    of_nets = any(re.match(NETS[net], name) for net in asked['nets'].split(','))
    return of_nets and not TABLES.match(name) and re.search(asked['match'], name) is not None


def _beginning(name: str) -> str:
    """The array at which one of an average begins; the name itself of any other."""
    for average, net in BEGINNINGS:
        if re.match(average, name):
            return re.sub(f'^{average}', net, name)
    return name


def _fitting(folder: Path, mine: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The saved arrays with the names and forms of mine."""
    if not mine:
        raise UserError(
            f'config.init takes nothing from {folder}: no array of its nets has a name that '
            'config.init.match finds'
        )
    there = _saved(folder, (*mine, *map(_beginning, mine)))
    found = {n: there[o] for n in mine for o in (_beginning(n), n) if o in there}
    saved = {n: x for n, x in found.items() if form(x) == form(mine[n])}
    if not saved:
        raise UserError(
            f'config.init takes nothing from {folder}: no array there has the name and shape of '
            'one of this run; are its networks others?'
        )
    return saved


def _saved(folder: Path, names: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    """The arrays of a run, or of an exported generator, by names of a state.

    An exported generator has one set of variables: they are G's own and its average.
    """
    if is_exported(folder):
        own = read_leaves(folder)
        return {f'ema/{name}': leaf for name, leaf in own.items()} | {
            f'g/{name}' if name.startswith('params/') else f'g/stats/{name}': leaf
            for name, leaf in own.items()
        }
    restored = checkpoint.restore_leaves(folder / 'checkpoints', names)
    if restored is None:
        raise UserError(
            f'config.init.workdir: there is no checkpoint in {folder}: give the --workdir of a run '
            'that has saved one, or an exported generator',
            MISSING,
        )
    return restored.state


def _report(folder: Path, wanted: list[str], taken: list[str]) -> None:
    if distributed.is_leader():
        rest = sorted({*wanted} - {*taken})
        others = f'; begun anew: {", ".join(rest)}' if rest else ''
        output.say(f'gan_jax: {len(taken)} arrays from {folder}{others}')
