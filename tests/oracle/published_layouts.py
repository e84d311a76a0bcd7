"""Numbers of published networks in the layouts of ours, by rules from names to paths.

Theirs lie as [outputs, inputs, height, width], ours as [height, width, inputs, outputs]. Numbers
are moved and not changed, so that gradients go the same way.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flax.traverse_util import unflatten_dict
from numpy.typing import NDArray

Array = NDArray[Any]
State = Mapping[str, Array]
# Pattern of names, path in ours, or '' where ours has no such parameter, and change of layout.
Rule = tuple[str, str, Callable[[Array], Array]]

_BUFFERS = (
    r'.*\.(resample_filter|noise_const|Kernel|freqs|phases|magnitude_ema|weight_u|running_\w+)'
)
_LEFT_OUT = re.compile(rf'{_BUFFERS}|mapping\.w_avg')


def same(x: Array) -> Array:
    """The same layout."""
    return x


def dense(x: Array) -> Array:
    """[O, I] or [O, I, 1, 1] -> [I, O]."""
    return x.reshape(x.shape[:2]).T


def conv(x: Array) -> Array:
    """[O, I, a, b] -> [a, b, I, O]."""
    return x.transpose(2, 3, 1, 0)


def image(x: Array) -> Array:
    """[C, 4, 4] or [C, 1, 4, 4] -> [4, 4, C]."""
    return x.reshape(len(x), *x.shape[-2:]).transpose(1, 2, 0)


def dense_of_map(x: Array) -> Array:
    """[O, C · 16] -> [16 · C, O], of a map of 4×4 places."""
    return x.reshape(len(x), -1, 4, 4).transpose(2, 3, 1, 0).reshape(-1, len(x))


def row_to_map(x: Array) -> Array:
    """[C · 16] -> [16 · C], to a map of 4×4 places."""
    return x.reshape(-1, 16).T.reshape(-1)


def dense_to_map(x: Array) -> Array:
    """[C · 16, I] -> [I, 16 · C], to a map of 4×4 places."""
    return x.reshape(-1, 16, x.shape[1]).transpose(2, 1, 0).reshape(x.shape[1], -1)


def affine(theirs: str, ours: str, kernel: Callable[[Array], Array] = dense) -> list[Rule]:
    """A layer with a weight and maybe a bias."""
    return [
        (rf'{theirs}\.weight', f'{ours}/kernel', kernel),
        (rf'{theirs}\.bias', f'{ours}/bias', same),
    ]


def moved(state: State, rules: Iterable[Rule]) -> dict[str, Any]:
    """The parameters as a tree of ours; filters and other buffers are left out.

    Raises:
        ValueError: a name that no rule is for.
    """
    placed = dict(place(n, x, rules) for n, x in state.items() if not _LEFT_OUT.fullmatch(n))
    placed.pop('', None)
    return unflatten_dict(placed, sep='/')


def place(name: str, x: Array, rules: Iterable[Rule]) -> tuple[str, Array]:
    """The path and the value in our layout, by the first rule for the name."""
    for theirs, ours, change in rules:
        if found := re.fullmatch(theirs, name):
            return found.expand(ours), change(x)
    raise ValueError(f"'{name}' is no parameter of the published network that was asked for")


def without_wrapper(state: State) -> State:
    """Names without the 'Model.' that R3GAN's and R3GAN2's training networks put before them."""
    return {name.removeprefix('Model.'): x for name, x in state.items()}


def from_smallest(state: State) -> State:
    """Stages counted from the smallest map, as our blocks are; their discriminator's begin with
    the largest.
    """
    last = max(int(name.split('.')[1]) for name in state if name.startswith('MainLayers'))

    def turned(found: re.Match[str]) -> str:
        return f'MainLayers.{last - int(found[1])}.'

    return {re.sub(r'^MainLayers\.(\d+)\.', turned, n): x for n, x in state.items()}
