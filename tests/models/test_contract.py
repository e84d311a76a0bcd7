"""The contracts of networks, for every network of the package."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.keys import streams
from gan_jax.models import (
    bigan,
    biggan,
    biggan_deep,
    dcgan,
    instances,
    ladagan,
    progan,
    projected,
    r3gan,
    resnet,
    sndcgan,
    wgan_gp,
)
from gan_jax.models.cgan import ConcatLogit
from gan_jax.models.critic import Logit, ProjectionLogit
from gan_jax.models.patches import PatchLogit
from gan_jax.models.r3gan2 import discriminator as r3gan2_d
from gan_jax.models.san import SanClassLogit, SanLogit
from gan_jax.models.stylegan2 import discriminator as stylegan2_d
from gan_jax.testing import check_discriminator, check_generator, check_logit
from tests import small
from tests.models import pooled
from tests.models.generators import GENERATORS, PARAMETERS, R3GAN2

SHAPE = (32, 32, 3)


@pytest.mark.slow
@pytest.mark.parametrize(('generator', 'classes'), PARAMETERS)
def test_a_generator_keeps_every_promise(generator, classes):
    check_generator(generator, generator.shape, num_classes=classes)


@pytest.mark.usefixtures('mixed_types')
@pytest.mark.parametrize('name', GENERATORS)
def test_in_half_precision_a_generator_s_image_is_float32(name):
    network = GENERATORS[name].network.clone(dtype=jnp.bfloat16)
    z, label = jnp.zeros((2, 12)), jnp.zeros(2, jnp.int32)
    rngs = {'params': jax.random.key(0), **streams(jax.random.key(1))}
    made, variables = jax.eval_shape(lambda: network.init_with_output(rngs, z, label, train=True))
    image = made['image'] if isinstance(made, dict) else made
    assert (image.dtype, image.shape) == (jnp.float32, (2, *network.shape))
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', [name for name, case in GENERATORS.items() if hasattr(case.network, 'clipped')]
)
def test_a_generator_that_may_be_unbounded_is_so_when_asked(name):
    network, *_ = GENERATORS[name]
    z, label = 100 * jnp.ones((2, 12)), jnp.zeros(2, jnp.int32)
    rngs = {'params': jax.random.key(0), **streams(jax.random.key(1))}
    shapes = jax.eval_shape(lambda: network.init(rngs, z, label, train=True))
    variables = small.numbers(shapes, np.random.default_rng(0), np.float32)
    variables = jax.tree_util.tree_map_with_path(
        lambda path, x: 1e4 * x if 'image' in str(path) else x, variables
    )
    for clipped in (True, False):
        made, key = network.clone(clipped=clipped), streams(jax.random.key(1))
        found = jax.jit(partial(made.apply, train=False, rngs=key))(variables, z, label)
        image = found['image'] if isinstance(found, dict) else found
        assert (image.min() >= 0 and image.max() <= 1) == clipped


@pytest.mark.slow
@pytest.mark.parametrize(
    ('trunk', 'shape'),
    [
        (sndcgan.Trunk(width=0.1), (16, 16, 3)),
        pytest.param(resnet.Trunk(width=0.05), SHAPE, marks=pytest.mark.slow),
        pytest.param(biggan.Trunk(channels=4), SHAPE, marks=pytest.mark.slow),
        pytest.param(*(biggan_deep.Trunk((8, 4), attention=4), (8, 8, 1)), marks=pytest.mark.slow),
        (r3gan.Trunk((6, 4), 4), (8, 8, 1)),
        (wgan_gp.Trunk(width=0.03), (16, 16, 1)),
        (wgan_gp.Trunk(width=0.03, layer_norm=True), (16, 16, 1)),
        pytest.param(r3gan2_d.Trunk((4,), **R3GAN2), (8, 8, 3), marks=pytest.mark.slow),
    ],
    ids=[
        *('sndcgan', 'resnet', 'biggan', 'biggan_deep', 'r3gan', 'wgan_gp', 'wgan_gp with norms'),
        'r3gan2',
    ],
)
def test_a_discriminator_keeps_every_promise(trunk, shape):
    check_discriminator(trunk, shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    'group', [0, pytest.param(2, marks=pytest.mark.slow)], ids=['apart', 'in groups']
)
def test_stylegan2_s_discriminator_keeps_every_promise(group):
    trunk = stylegan2_d.Trunk(base=32, most=4, group=group)
    check_discriminator(trunk, (8, 8, 3), joint=not group)


@pytest.mark.slow
@pytest.mark.parametrize('normalised', [True, False])
def test_dcgan_s_discriminator_keeps_every_promise(normalised):
    trunk = dcgan.Trunk(width=0.05, normalised=normalised)
    check_discriminator(trunk, (16, 16, 1), joint=not normalised)


@pytest.mark.slow
@pytest.mark.parametrize('normalised', [True, False])
def test_a_projected_discriminator_keeps_every_promise(normalised):
    trunk = projected.Trunk(**pooled.NARROW, normalised=normalised)
    check_discriminator(trunk, (8, 8, 3), joint=not normalised)


@pytest.mark.slow
@pytest.mark.parametrize('widths', [(4,), (2, 4)])
def test_ladagan_s_discriminator_keeps_every_promise(widths):
    side, apart = 16 * len(widths), len(widths) == 1  # without and with BatchNorm
    trunk = ladagan.Trunk(widths, out=(4, 6), heads=2, hidden=6)
    check_discriminator(trunk, (side, side, 1), joint=apart)


@pytest.mark.parametrize('group', [0, pytest.param(2, marks=pytest.mark.slow)])
def test_progan_s_discriminator_keeps_every_promise(group):
    check_discriminator(progan.Trunk(base=32, most=4, group=group), (8, 8, 1), joint=not group)


@pytest.mark.parametrize('classes', [0, 3])
def test_a_logit_of_pairs_keeps_every_promise(classes):
    check_logit(bigan.PairLogit(5, classes), num_classes=classes, entries={'z': (8,)})


@pytest.mark.parametrize('classes', [0, 3])
def test_a_logit_of_instances_keeps_every_promise(classes):
    logit = instances.InstanceLogit(classes)
    check_logit(logit, num_classes=classes, entries={'h': (8,)})


@pytest.mark.parametrize(
    ('logit', 'classes'),
    [
        *[(Logit(), 0), (ProjectionLogit(3), 3), (SanLogit(), 0), (SanClassLogit(3), 3)],
        *[(stylegan2_d.Logit(), 0), (stylegan2_d.Logit(3, layers=1, rate=1.0), 3)],
        *[(r3gan.Logit(), 0), (r3gan.Logit(3), 3), (ConcatLogit(3, units=6), 3)],
        *[(r3gan2_d.Logit(), 0), (r3gan2_d.Logit(3), 3), (PatchLogit(2, 1), 0)],
        (projected.Logit(2, side=1, kernel=1), 0),
    ],
)
def test_a_logit_keeps_every_promise(logit, classes):
    check_logit(logit, num_classes=classes)
