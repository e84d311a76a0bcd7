"""Discriminators without spectral normalisation: the same layers, of kernels as they are."""

import jax
import numpy as np
import pytest

from gan_jax.models import biggan, biggan_deep, resnet, sndcgan
from gan_jax.models.critic import Logit, ProjectionLogit
from tests import small
from tests.singular import normalised

pytestmark = pytest.mark.usefixtures('quick')

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 32, 32, 3), np.float32)
FEATURES = RNG.standard_normal((3, 5)).astype('float32'), np.array([0, 2, 1])


def divided(params, stats):
    """The parameters with every kernel over its largest singular value, if it has a vector."""
    found = dict(params)
    for name, node in params.items():
        if not isinstance(node, dict):
            continue
        if 'kernel' in node:
            kernel = normalised({'params': params, 'batch_stats': stats}, name)
            found[name] = {**node, 'kernel': kernel}
        else:
            found[name] = divided(node, stats.get(name, {}))
    return found


@pytest.mark.parametrize(
    ('module', 'inputs'),
    [
        (sndcgan.Trunk(width=0.05), (IMAGES,)),
        (resnet.Trunk(width=0.05), (IMAGES,)),
        pytest.param(biggan.Trunk(channels=4), (IMAGES,), marks=pytest.mark.slow),
        pytest.param(biggan_deep.Trunk((8, 4)), (IMAGES[:, :8, :8],), marks=pytest.mark.slow),
        (Logit(), FEATURES),
        (ProjectionLogit(3), FEATURES),
    ],
    ids=lambda x: f'{type(x).__module__.rpartition(".")[2]}.{type(x).__name__}',
)
def test_is_the_normalised_network_on_divided_kernels(module, inputs):
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs, train=True))
    variables = small.numbers(shapes, np.random.default_rng(1), 'float32')
    plain = module.clone(normalised=False)
    bare = jax.eval_shape(lambda: plain.init(jax.random.key(0), *inputs, train=True))
    assert jax.tree.map(lambda x: x.shape, bare) == {
        'params': jax.tree.map(lambda x: x.shape, shapes['params'])
    }
    params = divided(variables['params'], variables['batch_stats'])
    one = small.jit(lambda v: module.apply(v, *inputs, train=False))(variables)
    other, as_drawn = (
        small.jit(lambda v: plain.apply(v, *inputs, train=True))({'params': given})
        for given in (params, variables['params'])
    )
    assert small.distance(one, other) < 1e-4
    assert small.distance(one, as_drawn) > 1e-2
