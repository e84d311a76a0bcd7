"""Contract tests of parts, for a fork to call on its own term, op, policy or network.

Each function raises an AssertionError of one sentence that says which promise the part breaks:

    from gan_jax.testing import check_term
    from my_fork.terms import mine

    def test_my_term():
        check_term(mine(0.3))

Nothing in gan_jax imports this package, and it needs no pytest.
"""

from gan_jax.testing.latents import check_latent
from gan_jax.testing.networks import check_discriminator, check_generator, check_logit
from gan_jax.testing.ops import check_op
from gan_jax.testing.policies import check_policy
from gan_jax.testing.terms import check_term

__all__ = [
    'check_discriminator',
    'check_generator',
    'check_latent',
    'check_logit',
    'check_op',
    'check_policy',
    'check_term',
]
