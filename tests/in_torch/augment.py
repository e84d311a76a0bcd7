"""The augmentations `translation` and `flip`, and chains of them; `gan_jax.augment` in PyTorch.

Their draws are fresh for each image; gradients flow through the images.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_jax.augment.policy import PART


def policy(text: str, strength: float) -> Callable[[Tensor], Tensor]:
    """images [B, C, H, W] -> the same under a policy, of which `supported` has no complaint.

    Args:
        text: such as 'flip|translation(0.125)'; '' is the identity.
        strength: of the ops that have no number of their own.
    """
    ops = []
    for word in filter(None, text.split('|')):
        name, number = PART.fullmatch(word.strip()).groups()
        ops.append((OPS[name], strength if number is None else float(number)))

    def apply(images: Tensor) -> Tensor:
        for op, amount in ops:
            images = op(images, amount)
        return images

    return apply


def translation(images: Tensor, strength: float) -> Tensor:
    """A shift along each axis by its own α ~ U(-λ, λ) of the side, padded by reflection."""
    draws = torch.rand(2, len(images), device=images.device)
    return moved(images, *(strength * (2 * draws - 1)))


def moved(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images [B, C, H, W] moved by shares [B] of their sides, rounded to whole pixels."""
    height, width = images.shape[2:]
    each = torch.arange(len(images), device=images.device)[:, None, None]
    rows, columns = _translated(down, height), _translated(right, width)
    pixels = images.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]]
    return pixels.permute(0, 3, 1, 2)


def flip(images: Tensor, strength: float) -> Tensor:
    """Left and right exchanged with probability 1/2; `strength` is not read."""
    chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(chosen, images.flip(3), images)


OPS = {'translation': translation, 'flip': flip}


def _translated(amount: Tensor, size: int) -> Tensor:
    """The pixels read after a translation by `amount` [B] of the side: [B, size]."""
    shift = torch.round(amount * size).long()
    period = max(2 * (size - 1), 1)
    place = (torch.arange(size, device=amount.device) - shift[:, None]) % period
    return torch.minimum(place, period - place)
