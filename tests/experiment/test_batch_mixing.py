"""Which functions of a batch keep its images apart: against what a changed image changes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.experiment.batch_mixing import mixing_primitive
from gan_jax.models.critic import Critic, Logit, ProjectionLogit
from gan_jax.models.grouped import convolve_groups
from gan_jax.terms.contrastive import cntr, contrad
from gan_jax.terms.rotation import rotation
from tests.test_critique import TRUNKS

N = 6
TABLE = np.arange(1.0, 13.0, dtype=np.float32)[:, None] * np.ones(5, np.float32)
ORDER = np.array([2, 0, 1])


def looped(x):
    return jax.lax.fori_loop(0, 3, lambda i, y: y * 2 + x, x)


def until(x):
    return jax.lax.while_loop(lambda y: jnp.sum(y) < 900, lambda y: y + 1, x)


def chosen(x):
    return jax.lax.cond(jnp.sum(x) > 90, jnp.sin, jnp.cos, x)


def scanned(x):
    """Along the places of every image."""
    carry, ys = jax.lax.scan(lambda c, y: (c + y, c * y), x[:, 0], x.swapaxes(0, 1))
    return ys.swapaxes(0, 1) + carry[:, None]


def joined(x):
    """As heads do that look at two things at once."""
    both = jnp.stack([x, jnp.sin(x)], axis=1).reshape(2 * N, 4, 5)
    return jnp.tanh(both @ TABLE[:5]).reshape(N, 2, 4, 5)[:, 1]


def kernels(x):
    out = jax.lax.conv_general_dilated(
        x[..., None],
        jnp.ones((2, 2, 1, 3)),
        (1, 1),
        'SAME',
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    )
    return nn.max_pool(out, (2, 2))


def grouped(x):
    """Of two channels, each in a group of its own: a reshape that also transposes."""
    both = jnp.stack([x, jnp.sin(x)], axis=3)
    return convolve_groups(both, jnp.ones((3, 3, 1, 4)))


# Of x [6, 4, 5], with random numbers in (0, 1).
APART = {
    'value by value': lambda x: jnp.where(x > 0.5, jnp.exp(x), 2.0 / x),
    'its own mean': lambda x: x / jnp.mean(x, axis=(1, 2), keepdims=True),
    'flat': lambda x: x.reshape(N, -1) @ jnp.ones((20, 3)),
    'with its places': lambda x: (x.reshape(N * 4, 5) @ jnp.ones((5, 2))).reshape(N, 4, 2),
    'turned': lambda x: jnp.einsum('nab,nac->bcn', x, x).transpose(2, 0, 1),
    'sorted': lambda x: jnp.sort(x, axis=1),
    'added up': lambda x: jnp.cumsum(x, axis=2)[:, ::-1],
    'the highest': lambda x: jax.lax.top_k(x, 2)[0],
    'parts': lambda x: jnp.concatenate(jnp.split(x, 2, axis=1), axis=2),
    'padded': lambda x: jnp.pad(x, ((0, 0), (1, 1), (0, 2))),
    'places': lambda x: x[:, ORDER],
    'a table': lambda x: jnp.asarray(TABLE)[jnp.int32(x[:, 0, 0] * 10)],
    'a loop': looped,
    'a scan': scanned,
    'a head': joined,
    'kernels': kernels,
    'groups of channels': grouped,
    'mapped': jax.vmap(lambda x: x @ x.T),
    'a jit': jax.jit(lambda x: jnp.maximum(x, 0.5)),
    'a checkpoint': jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))),
    'a custom gradient': lambda x: jax.nn.relu(x) + nn.softmax(x),
}
ACROSS = {
    'the mean': lambda x: x - jnp.mean(x, axis=0, keepdims=True),
    'the spread of groups': lambda x: x + jnp.std(x.reshape(2, 3, 4, 5), axis=1).repeat(3, axis=0),
    'the others': lambda x: x.reshape(N, -1) @ x.reshape(N, -1).T,
    'the order': lambda x: jnp.sort(x, axis=0),
    'turned round': lambda x: x[::-1],
    'the next': lambda x: jnp.roll(x, 1, axis=0),
    'one before': lambda x: jnp.cumsum(x, axis=0),
    'the first': lambda x: x + x[:1],
    'a maximum': lambda x: x * jnp.max(x),
    'as channels': lambda x: x.transpose(1, 2, 0) @ jnp.ones((N, N)),
    'a table of itself': lambda x: x[jnp.int32(x[:, 0, 0] / 2)],
    'an end of the loop': until,
    'a choice': chosen,
    'groups of two': lambda x: jnp.tanh(x.reshape(3, 2, 4, 5).sum(1)).repeat(2, axis=0),
}


def moved(function):
    """Whether the outputs of other images change with the first one; images lead the output."""
    x = np.random.default_rng(0).random((N, 4, 5), np.float32)
    other = np.concatenate([x[:1] * 50, x[1:]])
    a, b = (np.asarray(function(jnp.asarray(v))) for v in (x, other))
    return not np.allclose(a[1:N], b[1:N])


def found(function):
    return mixing_primitive(
        lambda _, x: function(x), N, (), jax.ShapeDtypeStruct((N, 4, 5), jnp.float32)
    )


@pytest.mark.parametrize('name', APART)
def test_images_that_stay_apart(name):
    assert not moved(APART[name])
    assert found(APART[name]) is None


@pytest.mark.parametrize('name', ACROSS)
def test_images_that_meet(name):
    assert moved(ACROSS[name])
    assert found(ACROSS[name]) is not None


def test_what_reaches_no_output_does_not_count():
    assert found(lambda x: (x + 0 * x, jnp.mean(x))[0]) is None


def test_of_the_weights_anything_may_be_made():
    weights = jax.ShapeDtypeStruct((N, N), jnp.float32)
    image = jax.ShapeDtypeStruct((N, N), jnp.float32)
    assert mixing_primitive(lambda w, x: x @ w / jnp.linalg.norm(w), N, weights, image) is None


def look(critic, shape, count=12):
    """`mixing` of a discriminator in training."""
    image = jax.ShapeDtypeStruct((count, *shape), jnp.float32)
    label = jax.ShapeDtypeStruct((count,), jnp.int32)
    shapes = jax.eval_shape(
        lambda x, y: critic.init(jax.random.key(0), x, y, train=True), image, label
    )

    def outputs(variables, *batch):
        return critic.apply(variables, *batch, train=True, mutable=['batch_stats'])[0]

    return mixing_primitive(outputs, count, shapes, image, label)


@pytest.mark.parametrize('logit', [Logit(), ProjectionLogit(3)])
@pytest.mark.parametrize(('trunk', 'shape', '_'), TRUNKS)
def test_the_packages_discriminators_and_heads_keep_images_apart(trunk, shape, _, logit):
    heads = {
        term.head.name or str(i): term.head
        for i, term in enumerate((cntr(), contrad(), rotation()))
    }
    assert look(Critic(trunk, heads, logit), shape) is None
