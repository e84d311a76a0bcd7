"""Every generator of the package: image i is the same in any portion and on any number of devices.

`tests.sampling.test_generate` has the rest of what sampling promises, with one generator.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.sampling.generate import BATCH, make_generate
from tests import small
from tests.models.generators import GENERATORS

LATENT = 12  # divides into the parts that BigGAN takes
COUNT = BATCH + 7


# In bfloat16 too.
HALF = ('stylegan2', 'stylegan2 with classes', 'r3gan', 'r3gan with classes', 'r3gan2')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'dtype'),
    [*((name, None) for name in GENERATORS), *((name, jnp.bfloat16) for name in HALF)],
)
def test_an_image_depends_on_its_number_alone(name, dtype, request):
    generator, classes, _ = GENERATORS[name]
    if dtype:
        request.getfixturevalue('mixed_types')
        generator = generator.clone(dtype=dtype)
    z, label = jnp.zeros((2, LATENT)), jnp.zeros(2, jnp.int32)
    shapes = jax.eval_shape(lambda: generator.init(jax.random.key(0), z, label, train=True))
    variables = small.numbers(shapes, np.random.default_rng(0), np.float32)

    def images(devices, *portions):
        generate = make_generate(
            generator,
            latent_dim=LATENT,
            class_counts=(1,) * max(classes, 1),
            devices=jax.devices()[:devices],
        )
        found = [one for part in portions for one in generate(variables, 3, part)]
        return np.concatenate(found)

    whole = images(1, range(COUNT))
    assert len(np.unique(whole.reshape(COUNT, -1), axis=0)) > 1
    np.testing.assert_array_equal(
        images(1, [BATCH + 3, 2], range(5, 9)), whole[[103, 2, *range(5, 9)]]
    )
    np.testing.assert_array_equal(images(4, range(COUNT)), whole)
