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


def of_network(psi: float | None, network: nn.Module) -> nn.Module:
    """The generator whose w go the share psi of their way from the average; None: as it is.

    Raises:
        UserError: it has no average w.
    """
    if psi is None:
        return network
    if not hasattr(network, 'truncation'):
        raise UserError(
            f'psi is {psi:g}, and the generator of this run has no average w to go towards: '
            'leave it out'
        )
    return network.clone(truncation=psi)


def untruncated(network: nn.Module) -> nn.Module:
    """The generator whose w stay as they are, whatever its config cuts off in evaluation."""
    return network.clone(truncation=1.0) if hasattr(network, 'truncation') else network
