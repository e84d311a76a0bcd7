"""A first state that begins with networks of another run: `config.init`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.runtime import checkpoint, distributed
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.leaves import by_name, form
from gan_jax.runtime.paths import expanded
from gan_jax.state import TrainState

# The prefixes of each of `config.init.nets` among the names of the state's arrays.
NETS: Mapping[str, tuple[str, ...]] = {
    'g': ('g/params/', 'g/stats/'),
    'd': ('d/params/', 'd/stats/'),
    'ema': ('ema/',),
}


def start_from(settings: Mapping[str, Any], state: TrainState) -> TrainState:
    """The first state with the networks that `config.init` names; unchanged without the block.

    Arrays of the same name and form are taken from the newest valid checkpoint; others, such as
    the class tables of data with other classes, stay as they are, and so do optimisers, terms and
    the step. Collective: the leader reads.

    Args:
        settings: the resolved config.
        state: before the first step; fields may be None.

    Raises:
        UserError: there is no such run or checkpoint, or none of its arrays fits.
    """
    asked, mine = settings.get('init'), by_name(state)
    if not asked:
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
    return jax.tree.unflatten(
        jax.tree.structure(state), [placed.get(n, x) for n, x in mine.items()]
    )


def _is_wanted(name: str, asked: Mapping[str, Any]) -> bool:
    prefixes = tuple(p for net in asked['nets'].split(',') for p in NETS[net])
    return name.startswith(prefixes) and re.search(asked['match'], name) is not None


def _fitting(folder: Path, mine: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The saved arrays with the names and forms of mine."""
    if not mine:
        raise UserError(
            f'config.init takes nothing from {folder}: no array of its nets has a name that '
            'config.init.match finds'
        )
    restored = checkpoint.restore_leaves(folder / 'checkpoints', tuple(mine))
    if restored is None:
        raise UserError(
            f'config.init.workdir: there is no checkpoint in {folder}: give the --workdir of a run '
            'that has saved one',
            MISSING,
        )
    saved = {n: x for n, x in restored.state.items() if n in mine and form(x) == form(mine[n])}
    if not saved:
        raise UserError(
            f'config.init takes nothing from {folder}: no array there has the name and shape of '
            'one of this run; are its networks others?'
        )
    return saved


def _report(folder: Path, wanted: list[str], taken: list[str]) -> None:
    if distributed.is_leader():
        rest = sorted({*wanted} - {*taken})
        others = f'; begun anew: {", ".join(rest)}' if rest else ''
        print(f'gan_jax: {len(taken)} arrays from {folder}{others}')
