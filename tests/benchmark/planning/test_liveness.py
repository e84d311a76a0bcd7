"""What is alive at once, counted in functions whose values can be counted on fingers."""

import functools

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from gan_jax.benchmark.flops import trace
from gan_jax.benchmark.planning.liveness import peak_bytes

X = jax.ShapeDtypeStruct((1000,), jnp.float32)
ONE = 4000  # bytes of X


def vectors(function, *arguments):
    """How many values like X are alive at once; a few scalars more are not seen."""
    return round(peak_bytes(trace(function, *arguments)) / ONE, 1)


def test_a_value_lives_until_it_is_read_for_the_last_time():
    assert vectors(lambda x: jnp.sin(jnp.sin(jnp.sin(x))), X) == 2  # what comes in, what goes out

    def first_is_read_last(x):
        y = jnp.sin(x)
        return jnp.sin(jnp.sin(y)) + y

    assert vectors(first_is_read_last, X) == 3


def test_arguments_live_from_the_start_and_results_to_the_end():
    assert vectors(lambda x, late: jnp.sin(jnp.sin(x)) + late, X, X) == 3

    def both(x):
        y = jnp.sin(x)
        return y, jnp.sin(jnp.sin(y))

    assert vectors(both, X) == 3


def test_values_count_with_their_own_type():
    half = jax.ShapeDtypeStruct(X.shape, jnp.bfloat16)
    assert peak_bytes(trace(lambda x: jnp.sin(jnp.sin(x)), half)) == ONE


def deep(x, layer=jnp.sin, depth=12):
    for _ in range(depth):
        x = layer(x)
    return x.sum()


def test_a_gradient_keeps_one_value_a_layer_and_rematerialisation_fewer():
    kept = vectors(jax.grad(deep), X)
    assert 12 <= kept <= 14

    def four(x):
        return jnp.sin(jnp.sin(jnp.sin(jnp.sin(x))))

    thrifty = functools.partial(deep, layer=jax.checkpoint(four), depth=3)
    assert 3 <= vectors(jax.grad(thrifty), X) <= 9


def test_a_loop_needs_what_one_turn_needs():
    def turns(x):
        return lax.scan(lambda carry, _: (jnp.sin(jnp.sin(carry)), None), x, length=70)[0]

    assert vectors(turns, X) == 1 + 2  # x is the caller's


def parts(count):
    """A function in which `count` values beside its argument live at once."""

    def run(x):
        made = [x + i for i in range(count)]
        return sum(made[1:], made[0])

    return run


def test_of_several_platforms_it_is_the_form_for_none():
    def both(x):
        return lax.platform_dependent(x, cpu=parts(9), default=parts(2))

    assert vectors(both, X) == vectors(jax.jit(parts(2)), X) < vectors(jax.jit(parts(9)), X)


@pytest.mark.parametrize('branches', [(1, 6), (6, 1)])
def test_of_branches_it_is_the_one_that_needs_most(branches):
    def either(which, x):
        return lax.cond(which, *map(parts, branches), x)

    which = jax.ShapeDtypeStruct((), jnp.bool_)
    assert vectors(either, which, X) == vectors(jax.jit(parts(6)), X)
