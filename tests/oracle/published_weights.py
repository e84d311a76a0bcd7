"""Weights of the published StyleGAN2-ADA and R3GAN as variables of our networks.

    theirs = {name: x.numpy() for name, x in network.state_dict().items()}
    variables = published_weights.stylegan2_generator(theirs)
    image = generator.apply(variables, z, label, train=False, rngs={'noise': key})['image']

Their code is not needed. Theirs lie as [outputs, inputs, height, width], ours as [height, width,
inputs, outputs]. Numbers are moved and not changed, so that gradients go the same way. Filters and
a layer's constant noise have no place in ours and are left out. A discriminator's are variables of
`critic.Critic` with trunk and logit. Theirs have images in [-1, 1], ours in [0, 1].
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flax.traverse_util import unflatten_dict
from numpy.typing import NDArray

Array = NDArray[Any]
State = Mapping[str, Array]
Rule = tuple[str, str, Callable[[Array], Array]]  # pattern of names, path in ours, change of layout


def _same(x: Array) -> Array:
    return x


def _dense(x: Array) -> Array:
    """[O, I] or [O, I, 1, 1] -> [I, O]."""
    return x.reshape(x.shape[:2]).T


def _conv(x: Array) -> Array:
    """[O, I, a, b] -> [a, b, I, O]."""
    return x.transpose(2, 3, 1, 0)


def _map(x: Array) -> Array:
    """[C, 4, 4] or [C, 1, 4, 4] -> [4, 4, C]."""
    return x.reshape(len(x), *x.shape[-2:]).transpose(1, 2, 0)


def _dense_of_map(x: Array) -> Array:
    """[O, C · 16] -> [16 · C, O], of a map of 4×4 places."""
    return x.reshape(len(x), -1, 4, 4).transpose(2, 3, 1, 0).reshape(-1, len(x))


def _affine(theirs: str, ours: str, kernel: Callable[[Array], Array] = _dense) -> list[Rule]:
    """A layer with a weight and maybe a bias."""
    return [
        (rf'{theirs}\.weight', f'{ours}/kernel', kernel),
        (rf'{theirs}\.bias', f'{ours}/bias', _same),
    ]


def _mapping(ours: str) -> list[Rule]:
    return [
        *_affine(r'mapping\.embed', f'{ours}/classes'),
        *_affine(r'mapping\.fc(\d+)', rf'{ours}/dense_\1'),
    ]


def _r3gan_block(theirs: str, ours: str) -> list[Rule]:
    return [
        (rf'{theirs}\.LinearLayer1\.Layer\.weight', f'{ours}/widen/kernel', _dense),
        (rf'{theirs}\.NonLinearity1\.Bias', f'{ours}/widen/bias', _same),
        (rf'{theirs}\.LinearLayer2\.Layer\.weight', f'{ours}/conv/kernel', _conv),
        (rf'{theirs}\.NonLinearity2\.Bias', f'{ours}/conv/bias', _same),
        (rf'{theirs}\.LinearLayer3\.Layer\.weight', f'{ours}/narrow/kernel', _dense),
    ]


_STYLED = r'synthesis\.b(\d+)\.conv(\d)'
_STYLEGAN2_G = [
    *_mapping('mapping'),
    (r'synthesis\.b4\.const', 'synthesis/constant', _map),
    *_affine(_STYLED, r'synthesis/block_\1/conv_\2', _conv),
    *_affine(rf'{_STYLED}\.affine', r'synthesis/block_\1/conv_\2/style'),
    (rf'{_STYLED}\.noise_strength', r'synthesis/block_\1/conv_\2/strength', _same),
    *_affine(r'synthesis\.b(\d+)\.skip', r'synthesis/block_\1/shortcut'),
    *_affine(r'synthesis\.b(\d+)\.torgb', r'synthesis/image_\1'),
    *_affine(r'synthesis\.b(\d+)\.torgb\.affine', r'synthesis/image_\1/style'),
]
_STYLEGAN2_D = [
    *_mapping('logit/mapping'),
    *_affine(r'b\d+\.fromrgb', 'trunk/from_image'),
    *_affine(r'b(\d+)\.conv(\d)', r'trunk/block_\1/conv_\2', _conv),
    *_affine(r'b(\d+)\.skip', r'trunk/block_\1/shortcut'),
    *_affine(r'b4\.conv', 'trunk/conv', _conv),
    *_affine(r'b4\.fc', 'trunk/dense', _dense_of_map),
    *_affine(r'b4\.out', 'logit/dense'),
]
_STAGE = r'MainLayers\.(\d+)\.Layers'
_R3GAN_G = [
    *_affine('EmbeddingLayer', 'classes'),
    (rf'{_STAGE}\.0\.Basis', 'basis', _map),
    *_affine(rf'{_STAGE}\.0\.LinearLayer', 'dense'),
    *_affine(rf'{_STAGE}\.0\.LinearLayer\.Layer', r'width_\1'),
    *_r3gan_block(rf'{_STAGE}\.1', r'block_\1_0'),
    *_r3gan_block(rf'{_STAGE}\.2', r'block_\1_1'),
    *_affine(r'AggregationLayer\.Layer', 'image'),
]
_R3GAN_D = [
    *_affine(r'ExtractionLayer\.Layer', 'trunk/image'),
    *_r3gan_block(rf'{_STAGE}\.([01])', r'trunk/block_\1_\2'),
    *_affine(rf'{_STAGE}\.2\.LinearLayer\.Layer', r'trunk/width_\1'),
    (rf'{_STAGE}\.2\.Basis\.weight', 'trunk/basis', _map),
    *_affine(rf'{_STAGE}\.2\.LinearLayer', 'logit/dense'),
    *_affine('EmbeddingLayer', 'logit/classes'),
]
_LEFT_OUT = re.compile(r'.*(resample_filter|noise_const|Kernel)|mapping\.w_avg')


def stylegan2_generator(state: State) -> dict[str, Any]:
    """Variables of `models.stylegan2.generator.Generator`.

    Args:
        state: of a `Generator` of stylegan2-ada-pytorch, or of its gradients, without the average.

    Raises:
        ValueError: a name that is not such a generator's.
    """
    averages = {'w': state['mapping.w_avg']} if 'mapping.w_avg' in state else {}
    return {'params': _moved(state, _STYLEGAN2_G), 'averages': averages}


def stylegan2_discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.stylegan2.discriminator`; see `stylegan2_generator`.

    The average spread, which theirs do not have, is 0.
    """
    spread = {'trunk': {'spread': {'spread': np.zeros((), np.float32)}}}
    return {'params': _moved(state, _STYLEGAN2_D), 'averages': spread}


def r3gan_generator(state: State) -> dict[str, Any]:
    """Variables of `models.r3gan.Generator` from a `Generator` of R3GAN; see above."""
    return {'params': _moved(_without_wrapper(state), _R3GAN_G)}


def r3gan_discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.r3gan`; see `stylegan2_generator`.

    Their stages begin with the largest map, our blocks count from the smallest.
    """
    state = _without_wrapper(state)
    last = max(int(name.split('.')[1]) for name in state if name.startswith('MainLayers'))

    def from_smallest(found: re.Match[str]) -> str:
        return f'MainLayers.{last - int(found[1])}.'

    turned = {re.sub(r'^MainLayers\.(\d+)\.', from_smallest, n): x for n, x in state.items()}
    return {'params': _moved(turned, _R3GAN_D)}


def _without_wrapper(state: State) -> State:
    return {name.removeprefix('Model.'): x for name, x in state.items()}


def _moved(state: State, rules: list[Rule]) -> dict[str, Any]:
    named = (n for n in state if not _LEFT_OUT.fullmatch(n))
    return unflatten_dict(dict(_place(name, state[name], rules) for name in named), sep='/')


def _place(name: str, x: Array, rules: list[Rule]) -> tuple[str, Array]:
    for theirs, ours, change in rules:
        if found := re.fullmatch(theirs, name):
            return found.expand(ours), change(x)
    raise ValueError(f"'{name}' is no parameter of the published network that was asked for")
