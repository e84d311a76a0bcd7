"""Weights of the published StyleGAN2-ADA and R3GAN as variables of our networks.

    theirs = {name: x.numpy() for name, x in network.state_dict().items()}
    variables = published_weights.stylegan2_generator(theirs)
    image = generator.apply(variables, z, label, train=False, rngs={'noise': key})['image']

Their code is not needed. Filters and a layer's constant noise have no place in ours and are left
out. A discriminator's are variables of `critic.Critic` with trunk and logit. Theirs have images in
[-1, 1], ours in [0, 1].
"""

from typing import Any

import numpy as np

from tests.oracle.published_layouts import (
    Rule,
    State,
    affine,
    conv,
    dense,
    dense_of_map,
    from_smallest,
    image,
    moved,
    same,
    without_wrapper,
)


def mapping(ours: str) -> list[Rule]:
    """The mapping network, which StyleGAN3 has alike."""
    return [
        *affine(r'mapping\.embed', f'{ours}/classes'),
        *affine(r'mapping\.fc(\d+)', rf'{ours}/dense_\1'),
    ]


def _r3gan_block(theirs: str, ours: str) -> list[Rule]:
    return [
        (rf'{theirs}\.LinearLayer1\.Layer\.weight', f'{ours}/widen/kernel', dense),
        (rf'{theirs}\.NonLinearity1\.Bias', f'{ours}/widen/bias', same),
        (rf'{theirs}\.LinearLayer2\.Layer\.weight', f'{ours}/conv/kernel', conv),
        (rf'{theirs}\.NonLinearity2\.Bias', f'{ours}/conv/bias', same),
        (rf'{theirs}\.LinearLayer3\.Layer\.weight', f'{ours}/narrow/kernel', dense),
    ]


_STYLED = r'synthesis\.b(\d+)\.conv(\d)'
_STYLEGAN2_G = [
    *mapping('mapping'),
    (r'synthesis\.b4\.const', 'synthesis/constant', image),
    *affine(_STYLED, r'synthesis/block_\1/conv_\2', conv),
    *affine(rf'{_STYLED}\.affine', r'synthesis/block_\1/conv_\2/style'),
    (rf'{_STYLED}\.noise_strength', r'synthesis/block_\1/conv_\2/strength', same),
    *affine(r'synthesis\.b(\d+)\.skip', r'synthesis/block_\1/shortcut'),
    *affine(r'synthesis\.b(\d+)\.torgb', r'synthesis/image_\1'),
    *affine(r'synthesis\.b(\d+)\.torgb\.affine', r'synthesis/image_\1/style'),
]
_STYLEGAN2_D = [
    *mapping('logit/mapping'),
    *affine(r'b\d+\.fromrgb', 'trunk/from_image'),
    *affine(r'b(\d+)\.conv(\d)', r'trunk/block_\1/conv_\2', conv),
    *affine(r'b(\d+)\.skip', r'trunk/block_\1/shortcut'),
    *affine(r'b4\.conv', 'trunk/conv', conv),
    *affine(r'b4\.fc', 'trunk/dense', dense_of_map),
    *affine(r'b4\.out', 'logit/dense'),
]
_STAGE = r'MainLayers\.(\d+)\.Layers'
_R3GAN_G = [
    *affine('EmbeddingLayer', 'classes'),
    (rf'{_STAGE}\.0\.Basis', 'basis', image),
    *affine(rf'{_STAGE}\.0\.LinearLayer', 'dense'),
    *affine(rf'{_STAGE}\.0\.LinearLayer\.Layer', r'width_\1'),
    *_r3gan_block(rf'{_STAGE}\.1', r'block_\1_0'),
    *_r3gan_block(rf'{_STAGE}\.2', r'block_\1_1'),
    *affine(r'AggregationLayer\.Layer', 'image'),
]
_R3GAN_D = [
    *affine(r'ExtractionLayer\.Layer', 'trunk/image'),
    *_r3gan_block(rf'{_STAGE}\.([01])', r'trunk/block_\1_\2'),
    *affine(rf'{_STAGE}\.2\.LinearLayer\.Layer', r'trunk/width_\1'),
    (rf'{_STAGE}\.2\.Basis\.weight', 'trunk/basis', image),
    *affine(rf'{_STAGE}\.2\.LinearLayer', 'logit/dense'),
    *affine('EmbeddingLayer', 'logit/classes'),
]


def stylegan2_generator(state: State) -> dict[str, Any]:
    """Variables of `models.stylegan2.generator.Generator`.

    Args:
        state: of a `Generator` of stylegan2-ada-pytorch, or of its gradients, without the average.

    Raises:
        ValueError: a name that is not such a generator's.
    """
    averages = {'w': state['mapping.w_avg']} if 'mapping.w_avg' in state else {}
    return {'params': moved(state, _STYLEGAN2_G), 'averages': averages}


def stylegan2_discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.stylegan2.discriminator`; see `stylegan2_generator`.

    The average spread, which theirs do not have, is 0.
    """
    spread = {'trunk': {'spread': {'spread': np.zeros((), np.float32)}}}
    return {'params': moved(state, _STYLEGAN2_D), 'averages': spread}


def r3gan_generator(state: State) -> dict[str, Any]:
    """Variables of `models.r3gan.Generator` from a `Generator` of R3GAN; see above."""
    return {'params': moved(without_wrapper(state), _R3GAN_G)}


def r3gan_discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.r3gan`; see `stylegan2_generator`.

    Their stages begin with the largest map, our blocks count from the smallest.
    """
    return {'params': moved(from_smallest(without_wrapper(state)), _R3GAN_D)}
