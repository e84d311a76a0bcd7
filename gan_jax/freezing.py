"""Parameters that never move, chosen by their names.

FreezeD (Mo et al. 2020, arXiv 2002.10964) fine-tunes a GAN with the first blocks of D frozen.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import optax

from gan_jax.runtime.errors import PartError
from gan_jax.runtime.leaves import by_name, leaf_name

NAMES = {'g': 'generator', 'd': 'discriminator'}


def moving(tree: Any, side: str, pattern: str) -> Any:
    """A tree like the parameters of a player, with no array where a parameter is frozen.

    Args:
        tree: parameters, or their gradients.
        side: the player, 'g' or 'd', or 'nets/' and the path of a network of a term.
        pattern: a regular expression, found anywhere in the names of the frozen parameters, such as
            'd/params/trunk/conv_0/kernel'; '' freezes none.
    """
    if not pattern:
        return tree

    def kept(path: tuple, leaf: Any) -> Any:
        frozen = re.search(pattern, f'{side}/params/{leaf_name(path)}')
        return optax.MaskedNode() if frozen else leaf

    return jax.tree_util.tree_map_with_path(kept, tree)


def whole(moved: Any, params: Any) -> Any:
    """The tree `moved`, from `moving`, with the frozen parameters of `params` in its gaps."""

    def filled(new: Any, old: Any) -> Any:
        return old if _is_gap(new) else new

    return jax.tree.map(filled, moved, params, is_leaf=_is_gap)


def check_pattern(pattern: str, params: Mapping[str, Any]) -> None:
    """Raises unless a pattern freezes some parameters and leaves some of each network.

    Args:
        pattern: as in `moving`.
        params: the parameters of each network, by its name as in `moving`, or their shapes.

    Raises:
        PartError: it finds no parameter, or all of a network.
    """
    if not pattern:
        return
    names = {
        side: [f'{side}/params/{name}' for name in by_name(tree)] for side, tree in params.items()
    }
    found = {side: [n for n in of_one if re.search(pattern, n)] for side, of_one in names.items()}
    if not any(found.values()):
        layers = dict.fromkeys(n.rpartition('/')[0] for of_one in names.values() for n in of_one)
        raise PartError(
            f"config.freeze is '{pattern}', which no parameter has in its name: they lie in "
            f'{", ".join(layers)}'
        )
    for side, of_one in found.items():
        if len(of_one) == len(names[side]):
            raise PartError(
                f"config.freeze is '{pattern}', which leaves the {NAMES.get(side, side)} no "
                'parameter that moves: let it find fewer'
            )


def _is_gap(node: Any) -> bool:
    return isinstance(node, optax.MaskedNode)
