"""The published networks, imported from a checkout that the user has; nothing of them is kept here.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch
    git clone https://github.com/brownvc/R3GAN

They run on a CPU as they are.
"""

import importlib
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from packaging import version

STYLEGAN2, R3GAN = 'stylegan2', 'r3gan'
EMBEDDING = 64  # numbers of a class in R3GAN's generator


def import_from(checkout: Path) -> str:
    """Lets Python import the checkout's modules; one checkout a process, as they share names.

    Returns:
        'stylegan2' or 'r3gan'.
    """
    if not (checkout / 'training' / 'networks.py').is_file():
        sys.exit(f'--reference={checkout} is no checkout of stylegan2-ada-pytorch or R3GAN')
    sys.path.insert(0, str(checkout.resolve()))
    # R3GAN's code compares versions with a module that setuptools has no more.
    stand_in = types.ModuleType('pkg_resources')
    stand_in.parse_version = version.parse
    sys.modules.setdefault('pkg_resources', stand_in)
    return R3GAN if (checkout / 'R3GAN').is_dir() else STYLEGAN2


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
    options = {STYLEGAN2: _stylegan2, R3GAN: _r3gan}[code](player, settings)
    blocks = {'g': 'generator', 'd': 'logit'}
    options |= dict(c_dim=settings[blocks[player]].get('num_classes', 0), img_resolution=shape[0])
    if code == STYLEGAN2:
        options |= dict(img_channels=shape[2])
    return getattr(importlib.import_module('training.networks'), kind)(**options).train()


def _stylegan2(player: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    block = settings[{'g': 'generator', 'd': 'discriminator'}[player]]
    maps = dict(channel_base=block['base'], channel_max=block['most'])
    if player == 'd':
        epilogue = dict(mbstd_group_size=block['group'])
        return dict(**maps, architecture=block['architecture'], epilogue_kwargs=epilogue)
    return dict(
        z_dim=settings['latent']['dim'],
        w_dim=block.get('units', 512),
        mapping_kwargs=dict(num_layers=block['layers']),
        synthesis_kwargs=dict(**maps, architecture=block.get('architecture', 'skip')),
    )


def _r3gan(player: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    block = settings[{'g': 'generator', 'd': 'discriminator'}[player]]
    widths = block['widths'] if player == 'g' else block['widths'][::-1]
    options = dict(
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
