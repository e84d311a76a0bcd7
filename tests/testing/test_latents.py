"""Each promise of a distribution of latents, broken."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.latents import Latent, normal
from gan_jax.testing import check_latent

COUNTED = itertools.count()


def drawn(change):
    """A distribution whose normal draws [size, dim] are changed."""
    return Latent(lambda key, size, dim: change(jax.random.normal(key, (size, dim))))


def integers(key, size, dim):
    return jax.random.randint(key, (size, dim), 0, 9)


BROKEN = {
    r'config.latent: what it draws is an array \[16, .*\] where an array \[': drawn(jnp.transpose),
    'it draws int32 where float32 is wanted': Latent(integers),
    'what it draws is not finite': drawn(lambda z: jnp.log(z)),
    'it draws other latents with an equal key': drawn(lambda z: z + next(COUNTED)),
    'it draws equal latents with two keys': drawn(
        lambda z: 0 * z + jnp.arange(z.size, dtype=z.dtype).reshape(z.shape)
    ),
    'it draws one latent again and again': drawn(
        lambda z: 0 * z + z[:1, :1] ** 0 * jnp.mean(z[:1])
    ),
    r'within\(0.5\) draws a number of': normal()._replace(within=lambda threshold: normal()),
}


def conditioned(bits=lambda bits, rows: rows, h=lambda rows: np.zeros((*rows.shape, 3), 'f4')):
    """A distribution whose last 3 numbers are a condition, with its reals."""
    return Latent(
        normal().draw,
        gives=lambda z: {'h': z[:, -3:]},
        reals=lambda found, rows: (bits(found, rows), {'h': h(rows)}),
    )


BROKEN |= {
    'config.latent: it is made of the training images, which are not given': Latent(),
    r"config.latent: what it gives\['h'\] is an array \[16, 6\] where": Latent(
        normal().draw, gives=lambda z: {'h': z.T}
    ),
    "what it gives for 'h' is not finite": Latent(
        normal().draw, gives=lambda z: {'h': jnp.log(z - 9)}
    ),
    r"it gives 'h' float32 \[6, 3\], and its reals nothing": conditioned()._replace(reals=None),
    r"and its reals 'h' int32 \[6, 3\]": conditioned(h=lambda rows: np.zeros((2, 6, 3), 'i4')),
    r"and its reals 'h' float32 \[6, 2\]": conditioned(h=lambda rows: np.zeros((2, 6, 2), 'f4')),
    'its reals are others with equal bits': conditioned(
        lambda bits, rows: (rows + next(COUNTED)) % 64
    ),
    'config.latent: the rows of its reals are no integers from 0 to 63': conditioned(
        lambda bits, rows: rows + 64
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize('words', BROKEN)
def test_a_distribution_that_breaks_a_promise_is_found(words):
    with pytest.raises(AssertionError, match=words) as error:
        check_latent(BROKEN[words])
    assert '\n' not in str(error.value)


@pytest.mark.slow
def test_a_distribution_may_read_data_that_its_factory_keeps():
    """Latents about the features of real images, as IC-GAN's conditions are drawn."""
    features = jnp.asarray(np.random.default_rng(0).standard_normal((50, 4)), jnp.float32)

    def instances() -> Latent:
        def draw(key, size, dim):
            row = jax.random.randint(jax.random.fold_in(key, 0), (size,), 0, len(features))
            noise = jax.random.normal(jax.random.fold_in(key, 1), (size, dim - 4))
            return jnp.concatenate([noise, features[row]], axis=1)

        return Latent(draw)

    check_latent(instances(), dim=9)


def test_a_condition_that_reals_share_keeps_every_promise():
    check_latent(conditioned(lambda bits, rows: bits.random_raw(12).reshape(2, 6) % 64))
