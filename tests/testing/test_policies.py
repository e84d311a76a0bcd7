"""Each promise of a policy, broken by an op in it."""

import jax
import jax.numpy as jnp
import pytest

from gan_jax.augment import policy
from gan_jax.augment.operation import CLOSED, op
from gan_jax.testing import check_policy


def widened(key, images, strength):
    return jnp.concatenate([images, images])


def stilled(key, images, strength):
    return images * (1 - strength)


def hidden(key, images, strength):
    return jax.lax.stop_gradient(drawn(key, images, strength))


def drawn(key, images, strength):
    return images * (1 - strength * jax.random.uniform(key, (len(images), 1, 1, 1), images.dtype))


def rooted(key, images, strength):
    return drawn(key, images, strength) + 0 * jnp.sqrt(images - images)


def broken(key, images, strength):
    raise ValueError('no such table')


@pytest.fixture
def mine(monkeypatch):
    """A policy of one op of that name."""

    def named(function):
        monkeypatch.setitem(policy.OPS, 'mine', op(CLOSED)(function))

    return named


@pytest.mark.parametrize(
    ('function', 'words'),
    [
        (widened, r"the policy 'mine' makes float32 \[32, 9, 12, 3\]"),
        (stilled, "the policy 'mine' gives one result for two keys"),
        (hidden, "the policy 'mine' lets no gradient through"),
        (rooted, "the gradient of the policy 'mine' is not finite"),
        (broken, "the policy 'mine' fails: the augmentation 'mine': no such table"),
    ],
)
def test_an_op_that_breaks_a_promise_is_found(function, words, mine):
    mine(function)
    with pytest.raises(AssertionError, match=words) as error:
        check_policy('mine')
    assert '\n' not in str(error.value)


def test_what_breaks_nothing_passes(mine):
    mine(drawn)
    check_policy('flip|mine')


def test_another_result_whenever_it_is_traced_is_found(mine):
    calls = iter(range(100))
    mine(lambda key, x, strength: drawn(jax.random.fold_in(key, next(calls)), x, strength))
    with pytest.raises(AssertionError, match=r"the policy 'mine' differs under jax\.jit"):
        check_policy('mine')


def test_two_results_for_one_key_and_a_trace_for_each_strength_are_found(mine, monkeypatch):
    calls = iter(range(100))
    mine(lambda key, x, strength: drawn(jax.random.fold_in(key, next(calls)), x, strength))
    monkeypatch.setattr('gan_jax.testing.small.jit', lambda function: function)
    with pytest.raises(AssertionError, match="the policy 'mine' gives two results for one key"):
        check_policy('mine')
    mine(drawn)
    with pytest.raises(AssertionError, match="the policy 'mine' is traced again"):
        check_policy('mine')


def test_a_text_that_is_no_policy_is_told_as_a_run_tells_it():
    with pytest.raises(AssertionError, match="unknown augmentation 'flop'.*did you mean 'flip'"):
        check_policy('flop')
    with pytest.raises(AssertionError, match='takes a strength in'):
        check_policy('cutout', strength=2.0)
    with pytest.raises(AssertionError, match='takes a probability in'):
        check_policy('p(cutout)', probability=2.0)
    with pytest.raises(AssertionError, match='is code of tests'):
        check_policy('tests.testing.test_policies.drawn', allow=())
