"""Gates and chances by hand."""

import jax.numpy as jnp
import numpy as np

from gan_jax.augment.ada import chance


def test_a_parameter_is_drawn_below_its_chance_only():
    gates = jnp.float32([[0, 0.4, 0.5], [0.6, 0.3, 0.9]])
    drawn = [jnp.float32([1, 2, 3]), jnp.float32([[4, 5], [6, 7], [8, 9]])]
    first, second = chance.chosen(gates, [jnp.float32(0.5), jnp.float32(0.7)], drawn, [0, 1])
    np.testing.assert_array_equal(first, [1, 2, 0])
    np.testing.assert_array_equal(second, [[4, 5], [6, 7], [1, 1]])


def test_no_gate_opens_at_0_and_each_at_1():
    gates, drawn = jnp.float32([[0, 1 - 2**-24]]), [jnp.float32([7, 7])]
    for probability, expected in ((0, [1, 1]), (1, [7, 7])):
        (found,) = chance.chosen(gates, [jnp.float32(probability)], drawn, [1])
        np.testing.assert_array_equal(found, expected)


def test_an_image_is_touched_by_any_parameter():
    parameters = [jnp.float32([1, 1, 2]), jnp.float32([[0, 0], [0, 3], [0, 0]])]
    np.testing.assert_array_equal(chance.touched(parameters, [1, 0]), [False, True, True])
