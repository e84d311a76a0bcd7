"""Orthogonal regularisation: the outputs of a layer are to have different weights."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gan_jax.terms import Objective, Term


def orthogonal(*, skip: Sequence[str] = ('classes',)) -> Term:
    """BigGAN's orthogonal regularisation (Brock et al. 2018, arXiv 1809.11096, section 3.1).

    For both players. L = sum over the kernels of |W^T W o (1 - I)|_F^2, where W is the kernel as a
    matrix with a column for each output: the columns are to be orthogonal, of any length. The
    paper's weight is 1e-4, for G. BigGAN-PyTorch's code has it for both players; it adds half of
    this gradient at the same number, and skips the table of classes that G's layers share. Kernels
    are taken as they are stored, before spectral normalisation; the heads of terms have theirs too.
    Parts: 'dis' for the discriminator, 'gen' for the generator.

    Args:
        skip: names of layers whose kernels are left alone; 'classes' are the tables of this
            package's networks with a row for each class.
    """

    def d(out, state, key):
        return {'dis': coherence(out['players'].d_params, skip)}, state, {}

    def g(out, state, key):
        return {'gen': coherence(out['players'].g_params, skip)}, state, {}

    return Term(d=Objective({}, d, players=True), g=Objective({}, g, players=True))


def coherence(params, skip=()):
    """The sum over all kernels of the squares of the inner products of different columns, [].

    Args:
        params: a tree of parameters; kernels are the arrays [..., outputs] by the name 'kernel'.
        skip: names on the way to a kernel that leave it out.
    """
    total = jnp.float32(0)
    for path, kernel in jax.tree_util.tree_leaves_with_path(params):
        names = [part.key for part in path]
        if names[-1] == 'kernel' and not {*names} & {*skip}:
            columns = kernel.reshape(-1, kernel.shape[-1])
            products = columns.T @ columns  # [outputs, outputs]
            total += jnp.sum((products * (1 - jnp.eye(len(products), dtype=kernel.dtype))) ** 2)
    return total
