"""Weights of StudioGAN's BigGAN-deep and SAGAN as variables of ours; see published_weights.py.

A convolution before a norm has no bias here: theirs is left out, as the norm subtracts it.
"""

import re
from typing import Any

from flax.traverse_util import unflatten_dict

from tests.oracle.published_layouts import (
    Array,
    Rule,
    State,
    conv,
    dense,
    dense_to_map,
    moved,
    place,
    row_to_map,
    same,
)


def _kernel(x: Array) -> Array:
    """Ours of 1×1 are dense layers."""
    return conv(x) if x.shape[2:] > (1, 1) else dense(x)


def _layer(theirs: str, ours: str) -> list[Rule]:
    """A layer with spectral normalisation or without."""
    return [
        (rf'{theirs}\.weight(?:_orig)?', f'{ours}/kernel', _kernel),
        (rf'{theirs}\.bias', f'{ours}/bias', same),
    ]


def _blocks(ours: str) -> list[Rule]:
    """Blocks and self-attention, under the names of `_numbered`."""
    return [
        *_layer(r'block_(\d+)\.(\w+)', rf'{ours}block_\1/\2'),
        *_layer(r'attention\.(\w+)', rf'{ours}attention/\1'),
        (r'attention\.sigma', f'{ours}attention/gain', lambda x: x.reshape(())),
    ]


def _generator(before_norms: str) -> list[Rule]:
    """The rules of a generator.

    Args:
        before_norms: the indices of the convolutions that a norm of their block follows.
    """
    return [
        (rf'block_\d+\.conv_[{before_norms}]\.bias', '', same),
        (r'shared\.weight', 'classes/kernel', same),
        (r'linear0\.weight_orig', 'dense/kernel', dense_to_map),
        (r'linear0\.bias', 'dense/bias', row_to_map),
        *_layer(r'block_(\d+)\.(norm_\d)\.(gain|bias)', r'block_\1/\2/\3'),
        *_blocks(''),
        (r'bn4\.weight', 'norm/batch/scale', same),
        (r'bn4\.bias', 'norm/batch/bias', same),
        *_layer('conv2d5', 'image'),
    ]


_DEEP_G, _SAGAN_G = _generator('012'), _generator('0')
_D = [
    *_layer('input_conv', 'trunk/image'),
    *_blocks('trunk/'),
    *_layer('linear1', 'logit/dense'),
    (r'embedding\.weight_orig', 'logit/classes/kernel', same),
]


def deep_generator(state: State) -> dict[str, Any]:
    """Variables of `models.biggan_deep.Generator` from StudioGAN's `big_resnet_deep_legacy`.

    Args:
        state: of its `Generator`, or of its gradients, without the buffers.

    Raises:
        ValueError: a name that is not such a generator's.
    """
    return _variables(_numbered(state), _DEEP_G)


def sagan_generator(state: State) -> dict[str, Any]:
    """Variables of `models.biggan.Generator` from StudioGAN's `resnet`; see `deep_generator`."""
    return _variables(_numbered(state), _SAGAN_G)


def discriminator(state: State) -> dict[str, Any]:
    """Variables of a critic of `models.biggan` or `models.biggan_deep`; see `deep_generator`."""
    return _variables(_numbered(state), _D)


def _variables(state: State, rules: list[Rule]) -> dict[str, Any]:
    vectors = [name for name in state if name.endswith('.weight_u')]
    stats = dict(_singular(name.removesuffix('.weight_u'), state, rules) for name in vectors)
    stats |= {_running(name): x for name, x in state.items() if '.running_' in name}
    return {'params': moved(state, rules), 'batch_stats': unflatten_dict(stats)}


def _running(name: str) -> tuple[str, ...]:
    """The path of a norm's running mean or variance."""
    scope, _, kind = name.removeprefix('bn4.').partition('running_')
    block = scope.removesuffix('.').removesuffix('.bn')
    return (*(block.split('.') if block else ('norm',)), 'batch', kind)


def _singular(layer: str, state: State, rules: list[Rule]) -> tuple[tuple[str, ...], Array]:
    """The vector of a layer's power iteration, [1, outputs]."""
    weight, u = state[f'{layer}.weight_orig'], state[f'{layer}.weight_u']
    *scope, own, _ = place(f'{layer}.weight_orig', weight, rules)[0].split('/')
    if layer == 'embedding':  # one dimension of theirs is the classes, of ours the features
        u = weight.T @ u
    elif layer == 'linear0':
        u = row_to_map(u)
    return (*scope, f'spectral_{own}', f'{own}/kernel/u'), u[None]


def _numbered(state: State) -> State:
    """Our names of layers, and blocks counted without the attention among them."""
    attentive = {int(name.split('.')[1]) for name in state if name.endswith('.sigma')}

    def renamed(found: re.Match[str]) -> str:
        index = int(found[1])
        if index in attentive:
            return 'attention.'
        return f'block_{index - sum(other < index for other in attentive)}.'

    return {_layers(re.sub(r'^blocks\.(\d+)\.0\.', renamed, name)): x for name, x in state.items()}


def _layers(name: str) -> str:
    name = (
        name.replace('conv1x1_attn', 'out').replace('conv1x1_', '').replace('conv2d0', 'shortcut')
    )
    return re.sub(
        r'^(block_\d+)\.(conv2d|bn)(\d)',
        lambda x: f'{x[1]}.{dict(conv2d="conv", bn="norm")[x[2]]}_{int(x[3]) - 1}',
        name,
    )
