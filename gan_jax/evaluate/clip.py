"""CLIP's ViT-B/32 for images, and OpenAI's published weights, MIT.

"Learning Transferable Visual Models From Natural Language Supervision" (Radford et al. 2021, arXiv
2103.00020). "The Role of ImageNet Classes in Fréchet Inception Distance" (Kynkäänniemi et al. 2022,
arXiv 2203.06026) measures Fréchet distances in its projected features, not normalised, and so does
clean-fid. Half of the published numbers are float16; ours are computed with in float32.
"""

from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.archives.table import File
from gan_jax.evaluate import published, torchfile, vit

NAME = 'clip_vitb32'
SIDE = 224  # of the images
WIDTH = 512  # of the projected features
NET = vit.Net(768, 12, 12, 32, epsilon=1e-5, quick=True)
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of images in [0, 1]
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
SHA256 = '40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af'
FILE = File(
    'ViT-B-32.pt',
    353_976_522,
    SHA256,
    f'https://openaipublic.azureedge.net/clip/models/{SHA256}/ViT-B-32.pt',
)


def weights() -> published.Published:
    """The published weights."""
    return published.Published(NAME, f'scores of @{NAME}', FILE, 'GAN_JAX_CLIP_VITB32', load)


def load(path: Path, *, net: vit.Net = NET, side: int = SIDE, out: int = WIDTH) -> dict[str, Any]:
    """The variables for `vit.class_features`.

    Args:
        path: of the published TorchScript archive; a state dict with the same names is read too.
        net: the network.
        side: of the images, in pixels.
        out: features after the projection.

    Raises:
        UserError: no such file (66), or it does not hold these tensors (65).
    """
    tensors, width, patch = torchfile.read_tensors(path), net.width, net.patch

    def take(name: str, *shape: int) -> np.ndarray:
        return torchfile.taken(tensors, path, f'visual.{name}', shape)

    def dense(kernel: str, bias: str, source: int, target: int) -> dict[str, np.ndarray]:
        transposed = np.ascontiguousarray(take(kernel, target, source).T)
        return {'kernel': transposed, 'bias': take(bias, target)}

    def layer(name: str, source: int, target: int) -> dict[str, np.ndarray]:
        return dense(f'{name}.weight', f'{name}.bias', source, target)

    def norm(name: str) -> dict[str, np.ndarray]:
        return {'scale': take(f'{name}.weight', width), 'bias': take(f'{name}.bias', width)}

    def block(name: str) -> dict[str, Any]:
        qkv = (f'{name}.attn.in_proj_weight', f'{name}.attn.in_proj_bias')
        return {
            'norm_1': norm(f'{name}.ln_1'),
            'qkv': dense(*qkv, width, 3 * width),
            'out': layer(f'{name}.attn.out_proj', width, width),
            'norm_2': norm(f'{name}.ln_2'),
            'fc_1': layer(f'{name}.mlp.c_fc', width, 4 * width),
            'fc_2': layer(f'{name}.mlp.c_proj', 4 * width, width),
        }

    kernel = take('conv1.weight', width, 3, patch, patch)
    blocks = (f'transformer.resblocks.{i}' for i in range(net.layers))
    return {
        'patch': {'kernel': kernel.transpose(2, 3, 1, 0).reshape(-1, width)},
        'class': take('class_embedding', width),
        'positions': take('positional_embedding', 1 + (side // patch) ** 2, width),
        'norm_first': norm('ln_pre'),
        **{f'block_{i}': block(name) for i, name in enumerate(blocks)},
        'norm': norm('ln_post'),
        'project': take('proj', width, out),
    }
