"""The published networks, imported from a checkout that the user has; nothing of them is kept here.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch
    git clone https://github.com/brownvc/R3GAN
    git clone https://github.com/IFeelBloated/R3GAN2
    git clone https://github.com/NVlabs/stylegan3
    git clone https://github.com/POSTECH-CVLab/PyTorch-StudioGAN
    git clone https://github.com/milmor/LadaGAN

They run on a CPU as they are, but R3GAN2's in half precision, see `running`, StudioGAN's as
`_studiogan` says, and LadaGAN's discriminator as `network` says.
"""

import contextlib
import importlib
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch

# Not of `tests`: torch-fidelity installs a package of that name.
from oracle.published_cases import DEEP, LADAGAN, R3GAN, R3GAN2, SAGAN, STYLEGAN2, STYLEGAN3
from packaging import version

EMBEDDING = 64  # numbers of a class in R3GAN's generator


def import_from(checkout: Path) -> tuple[str, ...]:
    """Lets Python import the checkout's modules; one checkout a process, as they share names.

    Returns:
        The names of its networks, as in `NETWORKS`.
    """
    files = [one.file for one in NETWORKS.values() if (checkout / one.file).is_file()]
    if not files:
        sys.exit(
            f'--reference={checkout} is no checkout of stylegan2-ada-pytorch, R3GAN, R3GAN2, '
            'stylegan3, PyTorch-StudioGAN or LadaGAN: give one of these'
        )
    found = tuple(code for code, one in NETWORKS.items() if one.file == files[0])
    code = checkout / {DEEP: 'src', LADAGAN: 'pytorch'}.get(found[0], '')
    sys.path.insert(0, str(code.resolve()))
    # Some compare versions with a module that setuptools has no more.
    stand_in = types.ModuleType('pkg_resources')
    stand_in.parse_version = version.parse
    sys.modules.setdefault('pkg_resources', stand_in)
    return found


def network(
    code: str, player: str, settings: Mapping[str, Any], shape: tuple[int, ...]
) -> torch.nn.Module:
    """Their network of a config of ours, in training and float32.

    Args:
        code: of `import_from`.
        player: 'g' or 'd'.
        settings: the blocks 'generator', 'discriminator', 'logit' and 'latent'.
        shape: of an image, (H, W, C).
    """
    kind = {'g': 'Generator', 'd': 'Discriminator'}[player]
    _, module, make = NETWORKS[code]
    options = make(player, settings, shape)
    net = getattr(importlib.import_module(module), kind)(**options)
    for layer in net.modules():
        if code == LADAGAN and isinstance(layer, torch.nn.Conv2d) and layer.stride == (2, 2):
            # As in its authors' TensorFlow: rows and columns of zeros at the far sides alone.
            layer.padding = (0, 0)
            layer.register_forward_pre_hook(
                lambda _, x: torch.nn.functional.pad(x[0], (0, 1, 0, 1))
            )
        if isinstance(layer, torch.nn.BatchNorm2d):
            # Ours: StudioGAN's is 1e-4, LadaGAN's 1e-5, but 1e-3 in its authors' TensorFlow.
            layer.eps = 1e-3 if code == LADAGAN else 1e-5
        if isinstance(layer, torch.nn.LayerNorm):
            layer.eps = 1e-6  # likewise, for 1e-5 in LadaGAN's discriminator
    return net.train()


@contextlib.contextmanager
def running(code: str, noise: list[np.ndarray]) -> Iterator[None]:
    """Within, R3GAN2 runs in float32, with maps of noise that are given in turn.

    Its half precision and its draws are no options: bfloat16 stands for float32, and
    `torch.randn` gives the maps, the same for all images.
    """
    if code != R3GAN2:
        yield
        return
    maps = iter(noise)

    def randn(shape: list[int], **options: Any) -> torch.Tensor:
        return torch.from_numpy(next(maps))[None, None].expand(shape)

    with mock.patch.multiple(torch, randn=randn, bfloat16=torch.float32):
        yield


def _both(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """The size of images and the number of classes, of training networks."""
    block = {'g': 'generator', 'd': 'logit'}[player]
    return dict(c_dim=settings[block].get('num_classes', 0), img_resolution=shape[0])


def _stylegan2(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    block = settings[{'g': 'generator', 'd': 'discriminator'}[player]]
    maps = dict(channel_base=block['base'], channel_max=block['most'])
    both = _both(player, settings, shape) | dict(img_channels=shape[2])
    if player == 'd':
        epilogue = dict(mbstd_group_size=block['group'])
        return dict(**both, **maps, architecture=block['architecture'], epilogue_kwargs=epilogue)
    return dict(
        **both,
        z_dim=settings['latent']['dim'],
        w_dim=block.get('units', 512),
        mapping_kwargs=dict(num_layers=block['layers']),
        synthesis_kwargs=dict(**maps, architecture=block.get('architecture', 'skip')),
    )


def _stylegan3(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    block = settings['generator']
    return dict(
        **_both(player, settings, shape),
        img_channels=shape[2],
        z_dim=settings['latent']['dim'],
        w_dim=block['units'],
        mapping_kwargs=dict(num_layers=block['layers']),
        channel_base=block['base'],
        channel_max=block['most'],
        num_layers=block['depth'],
    )


def _r3gan(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    block = settings[{'g': 'generator', 'd': 'discriminator'}[player]]
    widths = block['widths'] if player == 'g' else block['widths'][::-1]
    options = dict(
        **_both(player, settings, shape),
        WidthPerStage=widths,
        CardinalityPerStage=[2 * width // block['group_size'] for width in widths],
        BlocksPerStage=[2] * len(widths),
        ExpansionFactor=2,
        ConditionEmbeddingDimension=EMBEDDING if player == 'g' else widths[-1],
        FP16Stages=[],
    )
    if player == 'd':
        return options
    options |= dict(NoiseDimension=settings['latent']['dim'])
    if not block.get('num_classes', 0):
        options |= dict(ConditionEmbeddingDimension=0)  # else room for it in the first layer
    return options


def _r3gan2(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    block, classes = settings['generator'], settings['generator']['num_classes']
    sides = [shape[0] >> i for i, _ in enumerate(block['widths'])][::-1]
    kinds = [['Attention', 'FFN'] if side in block['attention'] else ['FFN'] for side in sides]
    stages = [*zip(block['widths'], kinds, strict=True)][:: 1 if player == 'g' else -1]
    embedding = settings['latent']['dim'] if player == 'g' else block['widths'][0]
    options = dict(
        WidthPerStage=[width for width, _ in stages],
        BlocksPerStage=[block['blocks'] * kind for _, kind in stages],
        MLPWidthRatio=2,
        FFNWidthRatio=2,
        ChannelsPerConvolutionGroup=block['group_size'],
        AttentionWidthRatio=1,
        ChannelsPerAttentionHead=block['head_size'],
        ModulationDimension=None,
        NumberOfClasses=classes or None,
        ClassEmbeddingDimension=embedding if classes else 0,
    )
    if player == 'd':
        return dict(InputChannels=shape[2], **options)
    return dict(NoiseDimension=settings['latent']['dim'], OutputChannels=shape[2], **options)


def _studiogan(player: str, settings: Mapping[str, Any], *, deep: bool) -> dict[str, Any]:
    """Theirs with two changes, beside BatchNorm's epsilon.

    ReLUs make a new map: theirs work in place, and then a discriminator's shortcut passes a
    rectified map. SAGAN's tables of classes have no spectral normalisation.
    """
    modules = _studiogan_layers(normalised_tables=deep)
    common = dict(
        apply_attn=True,
        num_classes=settings['generator']['num_classes'],
        mixed_precision=False,
        MODULES=modules,
        MODEL=types.SimpleNamespace(info_type='N/A', g_info_injection='N/A'),
    )
    depth = 2 if deep else 1
    if player == 'd':
        pair = dict(d_cond_mtd='PD', aux_cls_type='W/O', d_embed_dim=None, normalize_d_embed=False)
        return dict(attn_d_loc=[1], apply_d_sn=True, d_init='N02', d_depth=depth, **pair, **common)
    latent = dict(z_dim=settings['latent']['dim'], g_shared_dim=settings['generator']['shared'])
    return dict(**latent, g_cond_mtd='cBN', g_init='N02', g_depth=depth, **common)


def _studiogan_layers(*, normalised_tables: bool) -> types.SimpleNamespace:
    # Of their helpers the networks take one, and the rest imports much that is not needed.
    helpers = types.ModuleType('utils.misc')
    helpers.dummy_context_mgr = contextlib.nullcontext
    importlib.import_module('utils').misc = sys.modules.setdefault('utils.misc', helpers)
    ops, relu = importlib.import_module('utils.ops'), torch.nn.ReLU()
    tables = types.SimpleNamespace(g_linear=ops.snlinear if normalised_tables else ops.linear)
    return types.SimpleNamespace(
        g_conv2d=ops.snconv2d,
        g_linear=ops.snlinear,
        g_bn=lambda inputs, channels, _: ops.ConditionalBatchNorm2d(inputs, channels, tables),
        g_act_fn=relu,
        d_conv2d=ops.snconv2d,
        d_linear=ops.snlinear,
        d_embedding=ops.sn_embedding,
        d_act_fn=relu,
    )


def _deep(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    block, side = settings['generator'], shape[0]
    unit = block['widths'][-1] // (4 if side == 32 else 1)
    place = {'g': dict(attn_g_loc=[(block['attention'] // 4).bit_length() - 1]), 'd': {}}[player]
    sizes = {'img_size': side, f'{player}_conv_dim': unit}
    return dict(**sizes, **place, **_studiogan(player, settings, deep=True))


def _sagan(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    side = shape[0]
    place = {'g': dict(attn_g_loc=[(side // 8).bit_length() - 1]), 'd': {}}[player]
    sizes = {'img_size': side, f'{player}_conv_dim': settings['generator']['channels']}
    return dict(**sizes, **place, **_studiogan(player, settings, deep=False))


def _ladagan(player: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    block = settings[{'g': 'generator', 'd': 'discriminator'}[player]]
    if player == 'd':
        widths = dict(enc_dim=block['widths'], out_dim=block['out'])
        return dict(**widths, heads=block['heads'], mlp_dim=block['hidden'])
    return dict(
        img_size=shape[0],
        noise_dim=settings['latent']['dim'],
        dim=block['widths'],
        heads=[block['heads']] * 3,
        mlp_dim=[block['hidden']] * 3,
    )


class Network(NamedTuple):
    """A network of a checkout.

    Attributes:
        file: by which the checkout is known.
        module: that has its `Generator` and `Discriminator`.
        options: (player, settings, shape of an image) -> keywords of these.
    """

    file: str
    module: str
    options: Callable[[str, Mapping[str, Any], tuple[int, ...]], dict[str, Any]]


# The first whose file is there tells the checkout: R3GAN has a file of StyleGAN2's, too.
NETWORKS = {
    R3GAN2: Network('R3GAN/RoPE.py', 'R3GAN.Networks', _r3gan2),
    R3GAN: Network('R3GAN/Networks.py', 'training.networks', _r3gan),
    STYLEGAN3: Network('training/networks_stylegan3.py', 'training.networks_stylegan3', _stylegan3),
    STYLEGAN2: Network('training/networks.py', 'training.networks', _stylegan2),
    DEEP: Network('src/models/big_resnet_deep_legacy.py', 'models.big_resnet_deep_legacy', _deep),
    SAGAN: Network('src/models/big_resnet_deep_legacy.py', 'models.resnet', _sagan),
    LADAGAN: Network('pytorch/model.py', 'model', _ladagan),
}
