"""A placebo for contrastive heads: the same loss on a projection that nobody trains."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import VIEWS, nt_xent

SEED = 0


def random_projection(temperature: Scale = 0.1, *, size: Units = 128) -> Term:
    """Cntr on a fixed random projection of D's features, with Cntr's weight 0.1.

    L = NT-Xent of two augmented views of the reals and of the fakes, as in `contrastive.cntr`, with
    a matrix of normal numbers in place of the trained head. It is the same matrix in every run, and
    keeps angles up to an error of about 1 / sqrt(size) (Johnson & Lindenstrauss 1984). The gain of
    Cntr over this term is what its head learns. This project's own.
    Parts: 'real', 'fake'.

    Args:
        temperature: of the softmax, > 0.
        size: columns of the matrix.
    """

    def d(out, state, key):
        matrix = projector(out['real_1']['features'], size)
        h = {
            name: jnp.matmul(out[name]['features'], matrix, precision=Precision.HIGHEST)
            for name in VIEWS
        }
        real = nt_xent(h['real_1'], h['real_2'], temperature)
        fake = nt_xent(h['fake_1'], h['fake_2'], temperature)
        return {'real': real, 'fake': fake}, state, {}

    return Term(d=Objective(VIEWS, d))


def projector(features: jax.Array, size: int) -> jax.Array:
    """The matrix [F, size] for features [N, F], of their type: normal, of variance 1 / size."""
    # A constant of the program. This generator's stream never changes (NumPy's NEP 19).
    rng = np.random.RandomState(SEED)
    matrix = rng.standard_normal((features.shape[1], size)) / np.sqrt(size)
    return jnp.asarray(matrix, features.dtype)
