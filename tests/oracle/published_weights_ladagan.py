"""Weights of the published LadaGAN as variables of ours; see published_weights.py.

Channels that become places, or places that become channels, lie channel by channel in theirs and
place by place in ours.
"""

from typing import Any

import numpy as np
from flax.traverse_util import unflatten_dict

from tests.oracle.published_layouts import Array, Rule, State, affine, conv, dense, moved, same

PLACES = 4  # that channels become


def _places(x: Array) -> Array:
    """[1, L, C] -> [L, C]."""
    return x[0]


def _by_place(x: Array) -> Array:
    """[C · 4, ...] -> [4 · C, ...]."""
    return x.reshape(-1, PLACES, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)


def _dense_to_places(x: Array) -> Array:
    return dense(_by_place(x))


def _conv_of_places(x: Array) -> Array:
    return conv(_by_place(x.swapaxes(0, 1)).swapaxes(0, 1))


def _windows(x: Array) -> Array:
    """[1, I, a, b] -> [I, a · b]."""
    return x.reshape(x.shape[1], -1)


def _attention(theirs: str, ours: str) -> list[Rule]:
    layers = {'q': 'q', 'k': 'k', 'v': 'v', 'q_attn': 'scores', 'to_out': 'out'}
    return [
        rule
        for name, own in layers.items()
        for rule in affine(rf'{theirs}\.attn\.{name}', f'{ours}/attention/{own}')
    ]


def _modulated(theirs: str, ours: str) -> list[Rule]:
    """The norms of a generator's block."""
    return [
        rule
        for i, norm in enumerate(('ln_1', 'ln_2'))
        for name, own in {r'h\.0': 'hidden', 'mlp_gamma': 'gain', 'mlp_beta': 'bias'}.items()
        for rule in affine(rf'{theirs}\.{norm}\.{name}', f'{ours}/norm_{i}/{own}')
    ]


def _generator(*, larger: bool) -> list[Rule]:
    """The rules of a generator; `larger` than its last block's map are its images."""
    rules = [*affine(r'init\.0', 'dense'), *affine('ch_conv', 'image', conv)]
    for i, places in enumerate((64, 256, 1024)):
        theirs, ours = f'block_{places}', f'block_{i}'
        rules += [*_attention(theirs, ours), *_modulated(theirs, ours)]
        rules += affine(rf'{theirs}\.mlp\.0', f'{ours}/dense_0')
        if i < 2 or larger:
            rules += [
                (rf'{theirs}\.mlp\.2\.weight', f'{ours}/dense_1/kernel', _dense_to_places),
                (rf'{theirs}\.mlp\.2\.bias', f'{ours}/dense_1/bias', _by_place),
            ]
        rules += affine(rf'{theirs}\.mlp\.2', f'{ours}/dense_1')
        rules += [(f'pos_{places}', f'{ours}_places', _places)]
        rules += affine(f'conv_{places}', f'conv_{i}', conv)
    return rules


def _norm(theirs: str, ours: str) -> list[Rule]:
    return [
        (rf'{theirs}\.weight', f'{ours}/scale', same),
        (rf'{theirs}\.bias', f'{ours}/bias', same),
    ]


_DOWN = {r'main\.0': 'conv_0', r'main\.3': 'conv_1'}
_NORMS = {r'main\.1': 'norm_0', r'main\.4': 'norm_1', r'direct\.2': 'norm'}
_D = [
    *affine(r'inp_conv\.0', 'trunk/image', conv),
    *(
        rule
        for name, own in _DOWN.items()
        for rule in affine(rf'encoder\.(\d+)\.{name}', rf'trunk/down_\1/{own}', conv)
    ),
    *affine(r'encoder\.(\d+)\.direct\.1', r'trunk/down_\1/shortcut'),
    *(
        rule
        for name, own in _NORMS.items()
        for rule in _norm(rf'encoder\.(\d+)\.{name}', rf'trunk/down_\1/{own}')
    ),
    ('pos_256', 'trunk/block_places', _places),
    *_attention('block_256', 'trunk/block'),
    *_norm(r'block_256\.ln_1', 'trunk/block/norm_0'),
    *_norm(r'block_256\.ln_2', 'trunk/block/norm_1'),
    *affine(r'block_256\.mlp\.0', 'trunk/block/dense_0'),
    *affine(r'block_256\.mlp\.2', 'trunk/block/dense_1'),
    *affine('conv_256', 'trunk/conv', _conv_of_places),
    *affine(r'logits\.0', 'trunk/dense'),
    (r'logits\.2\.weight', 'logit/dense/kernel', _windows),
]


def generator(state: State) -> dict[str, Any]:
    """Variables of `models.ladagan.Generator` from milmor/LadaGAN's `Generator` in PyTorch.

    Args:
        state: of such a network with three maps, or of its gradients.

    Raises:
        ValueError: a name that is not such a generator's.
    """
    larger = state['ch_conv.weight'].shape[1] < state['pos_1024'].shape[2]
    return {'params': moved(_apart(state), _generator(larger=larger))}


def discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.ladagan.Trunk` and `PatchLogit`; see `generator`."""
    norms = {n: x for n, x in state.items() if '.running_' in n}
    stats = {_running(name): x for name, x in norms.items()}
    params = moved(_apart(state), _D)
    return {'params': params, **({'batch_stats': unflatten_dict(stats)} if stats else {})}


def _apart(state: State) -> State:
    """One layer each for queries, keys and values, which theirs has as one."""
    found = {}
    for name, x in state.items():
        stem, layer, kind = name.rpartition('to_qkv')
        if layer:
            parts = zip('qkv', np.split(x, 3), strict=True)
            found |= {f'{stem}{own}{kind}': part for own, part in parts}
        else:
            found[name] = x
    return found


def _running(name: str) -> tuple[str, ...]:
    """The path of a norm's running mean or variance."""
    _, index, way, layer, kind = name.split('.')
    norm = _NORMS[rf'{way}\.{layer}']
    return 'trunk', f'down_{index}', norm, kind.removeprefix('running_')
