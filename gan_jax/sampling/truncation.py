"""Truncation after training: of the latents, or of StyleGAN's w towards its average.

Both trade variety for quality: "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(Brock et al. 2018, arXiv 1809.11096, section 3.1) and "A Style-Based Generator Architecture for
Generative Adversarial Networks" (Karras et al. 2018, arXiv 1812.04948, appendix B).
"""

import flax.linen as nn

from gan_jax.latents import Latent
from gan_jax.runtime.errors import UserError


def of_latent(threshold: float | None, latent: Latent) -> Latent:
    """The distribution with every number within ± threshold; None leaves it as it is.

    Raises:
        UserError: it has no tails to cut off.
    """
    if threshold is None:
        return latent
    if latent.within is None:
        raise UserError(
            f'truncation is {threshold:g}, and the latents of this run have no tails to cut off: '
            'leave it out'
        )
    return latent.within(threshold)


def of_network(psi: float | None, network: nn.Module, layers: int | None = None) -> nn.Module:
    """The generator whose w go the share psi of their way from the average; None: as it is.

    Args:
        psi: from 0 to 1.
        network: StyleGAN's, or one with its attributes `truncation` and `truncated`.
        layers: the first ones, so many, whose w are truncated; None: as many as without psi.

    Raises:
        UserError: it has no average w, or no layers that have a w each; layers without psi.
    """
    if psi is None and layers is not None:
        raise UserError(f'psi_layers is {layers}, and there is no psi for them: give both')
    if psi is None:
        return network
    if not hasattr(network, 'truncation'):
        raise UserError(
            f'psi is {psi:g}, and the generator of this run has no average w to go towards: '
            'leave it out'
        )
    if layers is None:
        return network.clone(truncation=psi)
    if not hasattr(network, 'truncated'):
        raise UserError(
            f'psi_layers is {layers}, and the layers of this generator have no w of their own: '
            'leave it out'
        )
    return network.clone(truncation=psi, truncated=layers)


def untruncated(network: nn.Module) -> nn.Module:
    """The generator whose w stay as they are, whatever its config cuts off in evaluation."""
    return network.clone(truncation=1.0) if hasattr(network, 'truncation') else network
