"""Forced norms: what the rule says of every kernel after a step, and of nothing else."""

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from gan_jax.models.critic import Critic
from gan_jax.models.r3gan2.magnitude import MPDense, activate
from gan_jax.step import make_train_step
from gan_jax.terms.adversarial import relativistic
from gan_jax.terms.forced_norm import forced_norm
from tests import small

KINDS = {'centred': True, 'unit': False}


class Generator(nn.Module):
    """A centred layer, one that is not, and a factor."""

    @nn.compact
    def __call__(self, z, label, *, train):
        x = activate(MPDense(8, bias=True, name='hidden')(z))
        scale = self.param('scale', nn.initializers.ones_init(), ())
        x = MPDense(int(np.prod(small.SHAPE)), centred=False, name='image')(x, scale)
        return nn.sigmoid(x).reshape(-1, *small.SHAPE)


class Trunk(nn.Module):
    """Two layers likewise."""

    @nn.compact
    def __call__(self, image, *, train):
        x = (2 * image - 1).reshape(len(image), -1)
        return activate(MPDense(6)(activate(MPDense(8, centred=False)(x))))


def stepped(forced):
    """The states before and after a step of Adam with two updates of D."""
    terms = {'base': relativistic()} | ({'norm': forced_norm()} if forced else {})
    adam = dict.fromkeys('gd', optax.adam(1.0, 0.0, 0.9))
    critic = Critic(Trunk(), {}, small.PlainLogit())
    gan = small.make_gan(terms, generator=Generator(), critic=critic, optimizers=adam)
    state = small.first_state(gan, terms)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    after, _ = small.jit(make_train_step(gan, terms))(state, small.make_batch(d_steps=2), hyper)
    return jax.device_get((state, after))


def kernels(state):
    """(centred or not, kernel) of every layer of both players that preserves magnitudes."""
    for path, leaf in jax.tree_util.tree_leaves_with_path((state.g.params, state.d.params)):
        names = [getattr(part, 'key', None) for part in path]
        if names[-2] in KINDS:
            yield KINDS[names[-2]], leaf


def roots(kernel):
    return np.sqrt(np.mean(np.asarray(kernel, float) ** 2, axis=0))


def test_adds_to_no_loss_and_constrains_both_players():
    term = forced_norm()
    assert {*term.project} == {'d', 'g'} and term.d is term.g is term.head is None


@pytest.mark.slow
def test_after_an_update_each_kernel_has_the_norm_of_the_rule():
    first, after = stepped(forced=True)
    assert len([*kernels(after)]) == 4
    for (centred, before), (_, kernel) in zip(kernels(first), kernels(after), strict=True):
        # Ŵ = W / (1e-4 + r) has the root mean square r / (1e-4 + r), of r between 0.1 and 10.
        assert np.all((roots(kernel) > 0.9985) & (roots(kernel) < 1))
        assert np.all(np.abs(np.mean(kernel, axis=0)) < 1e-6) == centred
        assert np.abs(roots(before) - 1).max() > 0.05
    assert np.abs(after.g.params['scale'] - 1) > 1e-3  # which nothing holds
    assert np.abs(roots(after.d.params['logit']['Dense_0']['kernel']) - 1).max() > 0.05
    _, free = stepped(forced=False)
    assert all(np.abs(roots(kernel) - 1).max() > 0.05 for _, kernel in kernels(free))


def test_by_hand():
    kernel = np.array([[3.0, 1.0], [1.0, -1.0]], 'float32')
    found = forced_norm().project['g']({'a': {'unit': {'kernel': kernel}}, 'scale': kernel})
    expected = kernel / (1e-4 + np.array([5**0.5, 1], 'float32'))
    np.testing.assert_allclose(found['a']['unit']['kernel'], expected, rtol=1e-6)
    np.testing.assert_array_equal(found['scale'], kernel)
