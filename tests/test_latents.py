"""Distributions of latents: what they are, and that everything that draws draws from the run's."""

import inspect
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax import latents
from gan_jax.experiment import config
from gan_jax.experiment.build import build_latent
from gan_jax.experiment.kinds import LATENT
from gan_jax.keys import named
from gan_jax.latents import Latent, draw_by_index, draw_latents, normal, truncated, uniform
from gan_jax.models.critic import Critic
from gan_jax.players import make_losses
from gan_jax.runtime.errors import PartError, UserError
from gan_jax.sampling.generate import make_generate
from gan_jax.sampling.truncation import of_latent
from gan_jax.sources import generated_images
from gan_jax.terms import Network
from gan_jax.terms.adversarial import hinge
from gan_jax.testing import check_latent
from tests import small
from tests.shipped import CONFIG, settings

FACTORIES = [x for _, x in inspect.getmembers(latents, LATENT.fits)]


def many(latent):
    return np.asarray(draw_latents(latent, jax.random.key(0), 20_000, 5), np.float64)


def numbered(latent, indices, dim=5):
    """Latents by index."""
    index = jnp.asarray(indices)
    return small.jit(lambda index: draw_by_index(latent, jax.random.key(3), index, dim))(index)


def mine(scale: float = 2.0) -> Latent:
    """A distribution of a fork: normal, of another variance."""
    return Latent(lambda key, size, dim: scale * jax.random.normal(key, (size, dim)))


def no_latent() -> Latent:
    return 'none'


@pytest.mark.parametrize('factory', FACTORIES)
def test_what_every_distribution_promises(factory):
    check_latent(factory())


def test_there_are_three_of_them():
    assert {*FACTORIES} == {normal, uniform, truncated}


def test_normal_has_the_bits_of_before_by_batch_and_by_index():
    found = draw_latents(normal(), small.new_key(3), 6, 5)
    np.testing.assert_array_equal(found, jax.random.normal(small.new_key(3), (6, 5)))

    @small.jit
    @jax.vmap
    def alone(i):
        return jax.random.normal(jax.random.fold_in(jax.random.key(3), i), (5,))

    index = jnp.array([7, 0, 401])
    np.testing.assert_array_equal(numbered(normal(), index), alone(index))


def test_moments_and_ends():
    """By Kolmogorov and Smirnov, against SciPy's distributions."""
    cut = stats.truncnorm(-0.8, 0.8)
    for latent, expected in (
        (normal(), stats.norm()),
        (uniform(), stats.uniform(-1, 2)),
        (truncated(0.8), cut),
        (normal().within(0.8), cut),
        (truncated(0.8).within(2.0), cut),
        (truncated(2.0).within(0.8), cut),
    ):
        z = many(latent)
        assert stats.kstest(z.ravel(), expected.cdf).pvalue > 1e-3
        low, high = expected.support()
        assert low <= z.min() and z.max() <= high
        # Independent rows and columns.
        assert np.abs(np.corrcoef(z, rowvar=False) - np.eye(5)).max() < 0.03
        assert abs(np.corrcoef(z[1:, 0], z[:-1, 0])[0, 1]) < 0.03


def test_a_latent_by_index_is_one_whatever_else_is_drawn():
    for latent in (uniform(), truncated(1.5), mine()):
        some, whole = (np.asarray(numbered(latent, i)) for i in ([3, 150, 3], range(200)))
        np.testing.assert_array_equal(some, whole[[3, 150, 3]])
        assert len({row.tobytes() for row in whole}) == 200


# Who draws ----------------------------------------------------------------------------------------


def test_training_draws_from_it_also_for_the_latents_of_terms():
    gan = small.make_gan({}, latent=uniform())
    net, batch = small.first_state(gan, {}).g, small.make_batch()
    real = {'image': batch['image'][0] / np.float32(255), 'label': batch['label'][0]}
    far = {'far': lambda key, z: -z}
    sources, _ = small.jit(lambda net: generated_images(gan, far, net, jax.random.key(1), real))(
        net
    )
    key = named(small.new_key(1), 'z')
    expected = jax.random.uniform(key, (small.BATCH, small.LATENT), minval=-1, maxval=1)
    np.testing.assert_array_equal(sources['fake']['z'], expected)
    np.testing.assert_array_equal(sources['far']['z'], -expected)


def test_generated_images_get_what_their_own_latents_hold():
    latent = normal()._replace(gives=lambda z: {'h': z[:, -2:]})
    gan = small.make_gan({}, latent=latent)
    net, batch = small.first_state(gan, {}).g, small.make_batch()
    real = {'image': batch['image'][0] / np.float32(255), 'label': batch['label'][0]}
    far = {'far': lambda key, z: -z}
    sources, _ = small.jit(lambda net: generated_images(gan, far, net, jax.random.key(1), real))(
        net
    )
    for record in sources.values():
        np.testing.assert_array_equal(record['h'], record['z'][:, -2:])
    np.testing.assert_array_equal(sources['far']['h'], -sources['fake']['h'])


class Hinted(nn.Module):
    """A logit that reads 'h'."""

    reads: ClassVar[tuple[str, ...]] = ('h',)

    @nn.compact
    def __call__(self, features, label, *, h, train):
        return {'logit': nn.Dense(1)(jnp.concatenate([features, h], axis=1))[:, 0]}


def hinted(**options):
    latent = normal()._replace(gives=lambda z: {'h': z[:, -2:]})
    return small.make_gan({'game': hinge()}, **{'latent': latent, **options})


@pytest.mark.parametrize('accumulate', [1, 2])
def test_the_discriminator_reads_it_of_generated_and_real_images(accumulate):
    """D's step is another with another h of the reals, and fails without one."""
    terms = {'game': hinge()}
    gan = hinted(critic=Critic(small.Trunk(), {}, Hinted()), accumulate=accumulate)
    state, hyper = small.first_state(gan, terms), small.make_hyper({'game': 1.0})
    step, batch = small.compiled(gan, terms), small.make_batch()
    h = np.random.default_rng(0).standard_normal((1, small.BATCH, 2)).astype('f4')
    one, other = (step(state, {**batch, 'h': x}, hyper)[0].d.params for x in (h, -h))
    assert small.distance(one, other) > 1e-4
    with pytest.raises(ValueError, match="the discriminator reads 'h' .* the view of 'real' lacks"):
        step(state, batch, hyper)


def test_a_network_of_a_term_cannot_give_an_entry_that_latents_give():
    encoder = Network(nn.Dense(2), 'g', ('z',), gives={'fake': 'h'})
    terms = {'mine': hinge()._replace(networks={'own': encoder})}
    with pytest.raises(ValueError, match="terms.mine gives 'fake' the entry 'h', which is there"):
        make_losses(hinted(), terms)


class Passing(nn.Module):
    """The latent as an image."""

    def __call__(self, z, label, *, train):
        return (z.reshape(-1, 1, 1, z.shape[1]) + 1) / 2


@pytest.mark.slow
def test_sampling_and_standing_statistics_draw_from_it(monkeypatch):
    seen = []

    def settle(generator):
        def standing(variables, batches):
            seen.extend(np.asarray(z) for z, _ in batches)
            return variables

        return standing

    monkeypatch.setattr('gan_jax.sampling.generate.make_standing', settle)
    sizes = {'latent_dim': 3, 'class_counts': (1,), 'batch_norm': 'standing(2)'}
    draw = make_generate(Passing(), latent=uniform(), **sizes)
    images = np.concatenate([*draw({}, 5, range(100))])
    expected = {
        purpose: draw_by_index(uniform(), named(jax.random.key(5), purpose), jnp.arange(200), 3)
        for purpose in ('sample', 'standing')
    }
    z = expected['sample'][:100]
    np.testing.assert_array_equal(images[:, 0, 0], np.round((z + 1) / 2 * 255))
    np.testing.assert_allclose(np.concatenate(seen), expected['standing'], rtol=1e-6)


def test_truncation_cuts_the_tails_of_what_has_some():
    latent = uniform()
    assert of_latent(None, latent) is latent
    assert np.abs(many(of_latent(0.3, normal()))).max() <= 0.3
    with pytest.raises(UserError, match='truncation is 0.3, and the latents of this run have no'):
        of_latent(0.3, uniform())


# The config ---------------------------------------------------------------------------------------


def test_a_config_names_it_with_its_keywords():
    asked = settings('latent.fn=gan_jax.latents.truncated', 'latent.threshold=0.5')
    assert np.abs(many(build_latent(asked))).max() <= 0.5
    own = settings('latent.fn=tests.test_latents.mine', 'latent.scale=3.0')
    np.testing.assert_allclose(many(build_latent(own)).std(), 3, atol=0.05)


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (
            ['latent.fn=gan_jax.latents.truncated', 'latent.threshold=0'],
            'config.latent.threshold is 0: give a number from 1e-30 to 1e+30',
        ),
        (
            ['latent.fn=gan_jax.latents.truncate'],
            "config.latent.fn: 'gan_jax.latents' has no 'truncate'; did you mean 'truncated'?",
        ),
        (['latent.threshold=2.0'], "config.latent: gan_jax.latents.normal takes no 'threshold'"),
        (['latent.dimm=2'], "takes no 'dimm'; did you mean 'dim'?"),
        (['latent.labels=reals'], "config.latent.labels is 'reals': give 'data', 'uniform' or"),
        (['latent.fn=gan_jax.terms.adversarial.hinge'], 'config.latent'),
    ],
)
def test_what_is_wrong_is_told_with_its_key(flags, said):
    def read():
        overridden = config.load_config(f'{CONFIG}', [f'--config.{flag}' for flag in flags])
        return build_latent(overridden.to_dict())

    with pytest.raises((UserError, PartError)) as caught:
        read()
    assert said in str(caught.value)


def test_foreign_code_needs_a_permission():
    tree = settings('latent.fn=tests.test_latents.mine')
    assert config.faults(tree) == []
    (found,) = config.faults(tree, allow=())
    assert found.startswith("config.latent.fn: 'tests.test_latents.mine' is code of tests")
    assert config.faults(tree, allow=('tests',)) == []


def test_what_makes_no_distribution_is_refused():
    tree = settings('latent.fn=tests.test_latents.no_latent')
    with pytest.raises(PartError, match='makes a str, and not a distribution of latents'):
        build_latent(tree)
