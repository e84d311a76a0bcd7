"""Weights of the published R3GAN2 as variables of our networks; see published_weights.py."""

import re
from typing import Any

from tests.oracle.published_layouts import (
    Rule,
    State,
    conv,
    dense,
    from_smallest,
    moved,
    same,
    without_wrapper,
)


def _kernels(*layers: tuple[str, str]) -> list[Rule]:
    """Centred 1×1 kernels and dense layers, by their names in theirs and ours."""
    return [
        (rf'{theirs}\.Weight\.Weight', f'{ours}/centred/kernel', dense) for theirs, ours in layers
    ]


def _stages(ours: str) -> list[Rule]:
    """The blocks, under the names of `_numbered`."""
    block, there = r'MainLayers\.(\d+)\.(\w+_\d+)', rf'{ours}stage_\1/\2'
    inner = {'LinearLayer1': 'widen', 'LinearLayer3': 'narrow'}
    inner |= {'QKVLayer': 'qkv', 'ProjectionLayer': 'out'}
    return [
        (rf'{block}\.Value', f'{there}/alpha', same),
        (rf'{block}\.Sinks', f'{there}/sinks', same),
        (rf'{block}\.LinearLayer2\.Weight\.Weight', f'{there}/conv/centred/kernel', conv),
        *_kernels(*((rf'{block}\.{name}', f'{there}/{own}') for name, own in inner.items())),
    ]


_G = [
    *_kernels(
        ('EmbeddingLayer', 'classes'),
        (r'Head\.LinearLayer1', 'dense'),
        (r'Head\.LinearLayer3', 'narrow'),
    ),
    (r'Head\.LinearLayer2\.Basis\.Weight', 'basis/centred/kernel', conv),
    *_stages(''),
    (r'AggregationLayer\.Weight\.Weight', 'image/unit/kernel', dense),
    ('Gain', 'scale', same),
]
_D = [
    (r'ExtractionLayer\.Weight\.Weight', 'trunk/image/unit/kernel', dense),
    *_stages('trunk/'),
    *_kernels(
        (r'Head\.LinearLayer1', 'trunk/widen'),
        (r'Head\.LinearLayer3', 'logit/dense'),
        ('EmbeddingLayer', 'logit/classes'),
    ),
    (r'Head\.LinearLayer2\.Basis\.Weight\.Weight', 'trunk/basis/centred/kernel', conv),
]


def generator(state: State) -> dict[str, Any]:
    """Variables of `models.r3gan2.generator.Generator` from a `Generator` of R3GAN2."""
    return {'params': moved(_numbered(without_wrapper(state)), _G)}


def discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.r3gan2.discriminator` from their `Discriminator`."""
    return {'params': moved(_numbered(from_smallest(without_wrapper(state))), _D)}


def _numbered(state: State) -> State:
    """MainLayers.0.attention_1 for Layers.2 where every other layer of a stage is an attention.

    Theirs count attentions and the blocks after them alike, ours apart.
    """
    attentive = {name.split('.')[1] for name in state if name.endswith('.Sinks')}

    def renamed(found: re.Match[str]) -> str:
        stage, layer = found[1], int(found[2])
        if stage not in attentive:
            return f'MainLayers.{stage}.block_{layer}.'
        return f'MainLayers.{stage}.{("attention", "block")[layer % 2]}_{layer // 2}.'

    pattern = r'^MainLayers\.(\d+)\.(?:Layers|ParametrizedAlphas)\.(\d+)\.'
    return {re.sub(pattern, renamed, name): x for name, x in state.items()}
