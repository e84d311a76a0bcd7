"""IC-GAN's logit: the formula, and a trunk of this package."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.critic import Critic
from gan_jax.models.instances import InstanceLogit
from gan_jax.models.sndcgan import Trunk
from tests import small


def variables_of(logit, features, label, h):
    shapes = jax.eval_shape(lambda: logit.init(jax.random.key(0), features, label, h=h, train=True))
    return small.numbers(shapes, np.random.default_rng(1), np.float32)


def normed(kernel):
    """A matrix over its largest singular value."""
    return kernel / np.linalg.svd(kernel, compute_uv=False)[0]


@pytest.mark.parametrize('classes', [0, 3])
def test_it_is_the_logit_plus_the_projection_of_the_instance(classes):
    """psi(phi) + <V y, phi> + <W h, phi>, each matrix over its singular value."""
    rng = np.random.default_rng(0)
    features, h = rng.standard_normal((4, 6)), rng.standard_normal((4, 5))
    features, h, label = features.astype('f4'), h.astype('f4'), np.array([0, 1, 2, 0])
    logit = InstanceLogit(classes)
    variables = variables_of(logit, features, label, h)

    @small.jit
    def step(variables):
        out, after = logit.apply(
            variables, features, label, h=h, train=True, mutable=['batch_stats']
        )
        return out['logit'], {**variables, **after}

    for _ in range(100):  # until the power iteration has arrived
        found, variables = step(variables)
    params = variables['params']
    own = params['logit']
    psi = features @ normed(own['dense']['kernel'])[:, 0] + own['dense']['bias']
    if classes:
        psi = psi + (normed(own['classes']['kernel'])[label] * features).sum(1)
    expected = psi + ((h @ normed(params['instances']['kernel'])) * features).sum(1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_it_goes_with_a_trunk_of_this_package():
    critic = Critic(Trunk(0.05), {}, InstanceLogit())
    image, label, h = jnp.zeros((2, 16, 16, 1)), jnp.zeros(2, jnp.int32), jnp.zeros((2, 5))
    shapes = jax.eval_shape(
        lambda: critic.init_with_output(jax.random.key(0), image, label, h=h, train=True)
    )
    assert critic.reads == ('h',)
    assert shapes[0]['logit'].shape == (2,)
    assert shapes[1]['params']['logit']['instances']['kernel'].shape == (5, 2 * 2 * 26)
