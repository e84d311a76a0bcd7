"""DINOv2's vision transformers without registers, and their published weights, Apache-2.0.

"DINOv2: Learning Robust Visual Features without Supervision" (Oquab et al. 2023, arXiv 2304.07193).
"Exposing flaws of generative model evaluation metrics" (Stein et al. 2023, arXiv 2306.04675) takes
the class token of ViT-L/14 in place of Inception's features.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.archives.table import File
from gan_jax.evaluate import published, torchfile, vit

SIDE = 224  # of the images
STORED = 37  # patches of an axis that positions are stored for
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, in [0, 1]
NETS = {
    'dinov2_vits14': vit.Net(384, 12, 6, 14),
    'dinov2_vitb14': vit.Net(768, 12, 12, 14),
    'dinov2_vitl14': vit.Net(1024, 24, 16, 14),
}
SIZES = {
    'dinov2_vits14': (
        88_283_115,
        'b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9',
    ),
    'dinov2_vitb14': (
        346_378_731,
        '0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73',
    ),
    'dinov2_vitl14': (
        1_217_586_395,
        'd5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428',
    ),
}


def weights(name: str) -> published.Published:
    """The published weights of a network of NETS."""
    file = f'{name}_pretrain.pth'
    url = f'https://dl.fbaipublicfiles.com/dinov2/{name}/{file}'
    return published.Published(
        name,
        f'scores of @{name}',
        File(file, *SIZES[name], url),
        f'GAN_JAX_{name.upper()}',
        functools.partial(load, net=NETS[name]),
    )


def load(path: Path, *, net: vit.Net, stored: int = STORED, side: int = SIDE) -> dict[str, Any]:
    """The variables for `vit.class_features`, with positions for images of side `side`.

    Args:
        path: of the published file.
        net: the network.
        stored: patches of an axis that the file has positions for.
        side: of the images, in pixels.

    Raises:
        UserError: no such file (66), or it does not hold these tensors (65).
    """
    tensors, width, patch = torchfile.read_tensors(path), net.width, net.patch

    def take(name: str, *shape: int) -> np.ndarray:
        return torchfile.taken(tensors, path, name, shape)

    def dense(name: str, source: int, target: int) -> dict[str, np.ndarray]:
        kernel = np.ascontiguousarray(take(f'{name}.weight', target, source).T)
        return {'kernel': kernel, 'bias': take(f'{name}.bias', target)}

    def norm(name: str) -> dict[str, np.ndarray]:
        return {'scale': take(f'{name}.weight', width), 'bias': take(f'{name}.bias', width)}

    def block(name: str) -> dict[str, Any]:
        return {
            'norm_1': norm(f'{name}.norm1'),
            'qkv': dense(f'{name}.attn.qkv', width, 3 * width),
            'out': dense(f'{name}.attn.proj', width, width),
            'scale_1': take(f'{name}.ls1.gamma', width),
            'norm_2': norm(f'{name}.norm2'),
            'fc_1': dense(f'{name}.mlp.fc1', width, 4 * width),
            'fc_2': dense(f'{name}.mlp.fc2', 4 * width, width),
            'scale_2': take(f'{name}.ls2.gamma', width),
        }

    kernel = take('patch_embed.proj.weight', width, 3, patch, patch)
    positions = take('pos_embed', 1, 1 + stored**2, width)[0]
    resized = vit.resized_positions(positions[1:], side // patch)
    return {
        'patch': {
            'kernel': kernel.transpose(2, 3, 1, 0).reshape(-1, width),
            'bias': take('patch_embed.proj.bias', width),
        },
        'class': take('cls_token', 1, 1, width)[0, 0],
        'positions': np.concatenate([positions[:1], resized]),
        **{f'block_{i}': block(f'blocks.{i}') for i in range(net.layers)},
        'norm': norm('norm'),
    }
