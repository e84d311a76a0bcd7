"""Forced weight normalisation: weights that are used normalised are also stored so."""

from gan_jax.models.r3gan2.magnitude import force_norms
from gan_jax.terms import Term


def forced_norm() -> Term:
    """Stores the kernels of layers that preserve magnitudes normalised, after every update.

    W <- W / (1e-4 + |W| / √n) with the norm over the n weights of each output, and before it a
    centred kernel loses their mean: section 2.3 of Karras et al. 2023, arXiv 2312.02696, as R3GAN2
    does for both players. A gradient that is orthogonal to W only lengthens it, and steps of a long
    W turn it less and less; so the learning rate alone says how fast kernels turn. Parameters of
    other layers than `gan_jax.models.r3gan2.magnitude` has stay, and so do the first weights until
    the first update. The term adds nothing to a loss, so its weight has no effect but that 0
    takes it out.
    """
    return Term(project={'d': force_norms, 'g': force_norms})
