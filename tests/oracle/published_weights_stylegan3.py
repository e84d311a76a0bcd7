"""Weights of the published StyleGAN3-T as variables of our generator; see published_weights.py."""

import re
from typing import Any

from tests.oracle.published_layouts import Array, State, affine, conv, dense, moved
from tests.oracle.published_weights import mapping

_LAYER = r'synthesis\.layer(\d+)'
_G = [
    *mapping('mapping'),
    (r'synthesis\.input\.weight', 'synthesis/input/dense/kernel', dense),
    *affine(r'synthesis\.input\.affine', 'synthesis/input'),
    *affine(_LAYER, r'synthesis/layer_\1', conv),
    *affine(rf'{_LAYER}\.affine', r'synthesis/layer_\1/style'),
    *affine(r'synthesis\.image', 'synthesis/image'),
    *affine(r'synthesis\.image\.affine', 'synthesis/image/style'),
]


def generator(state: State) -> dict[str, Any]:
    """Variables of `models.stylegan3.generator.Generator`, without the waves.

    Args:
        state: of a `Generator` of stylegan3, or of its gradients, without the averages.

    Raises:
        ValueError: a name that is not such a generator's.
    """
    state = _numbered(state)
    pattern = r'synthesis\.(?:layer)?(\w+)\.magnitude_ema'
    found = {re.fullmatch(pattern, name): x for name, x in state.items()}
    synthesis = {f'magnitude_{name[1]}': x for name, x in found.items() if name}
    averages = {'w': state['mapping.w_avg'], 'synthesis': synthesis} if synthesis else {}
    return {'params': moved(state, _G), 'averages': averages}


def waves(state: State) -> tuple[Array, Array]:
    """Frequencies [C, 2] and phases [C] of the input, in the place of `waves.waves`."""
    return state['synthesis.input.freqs'], state['synthesis.input.phases']


def _numbered(state: State) -> State:
    """Layers without the sizes in their names; the last one is 'image'."""
    pattern = r'synthesis\.L(\d+)_\d+_\d+\.(.*)'
    layers = {name: found for name in state if (found := re.fullmatch(pattern, name))}
    last = max(int(found[1]) for found in layers.values())

    def renamed(name: str) -> str:
        if name not in layers:
            return name
        index, rest = int(layers[name][1]), layers[name][2]
        return f'synthesis.{"image" if index == last else f"layer{index}"}.{rest}'

    return {renamed(name): x for name, x in state.items()}
