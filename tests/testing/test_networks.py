"""Each promise of a network, broken by a network that keeps the others up to it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from gan_jax.models.critic import Logit, ProjectionLogit
from gan_jax.testing import check_discriminator, check_generator, check_logit

SHAPE = (8, 8, 2)


class Generator(nn.Module):
    """A generator of one layer, with faults by name."""

    fault: str = ''
    num_classes: int = 0
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(128, dtype=None if self.fault == 'float32' else self.dtype)(z)
        x = nn.BatchNorm(not train, momentum=0.9)(x)
        if self.fault == 'batch':
            x = x - x.mean(0, keepdims=True)
        if self.fault == 'collections' and not self.is_initializing():
            self.variable('batch_stats', 'more', jnp.zeros, ())
        if self.fault == 'statistics':
            count = self.variable('batch_stats', 'count', jnp.zeros, ())
            count.value += 1.0
        if self.fault == 'still':
            self.variable('batch_stats', 'count', jnp.zeros, ())
        if self.num_classes and self.fault != 'label':
            x = x + nn.Embed(self.num_classes, 128)(label)
        if self.fault == "others' labels":
            x = x + label.mean(keepdims=True)[:, None]
        if self.fault == 'unused':
            self.param('unused', nn.initializers.ones, (3,))
        if self.fault == 'logarithm':
            x = jnp.log(x)
        if self.fault == 'infinite':
            x = x + 0 * jnp.sqrt(x - x)
        if self.fault == 'half':
            return nn.sigmoid(x).reshape(-1, *SHAPE).astype(jnp.bfloat16)
        x = nn.sigmoid(x) if self.fault != 'range' else x
        x = x[:, :64] if self.fault == 'shape' else x
        if self.fault == 'returns':
            return x.reshape(-1, *SHAPE).astype(self.dtype or jnp.float32)
        return x.reshape(len(z), 8, 8, -1).astype(jnp.float32)


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ('shape', r'the generator returns float32 \[4, 8, 8, 1\], not float32 \[4, 8, 8, 2\]'),
        ('half', 'the generator returns bfloat16'),
        ('logarithm', 'the generator returns numbers that are not finite'),
        ('range', r'the images of the generator leave \[0, 1\]'),
        ('label', 'the generator does not depend on the label'),
        ("others' labels", "the generator depends on others' labels"),
        ('batch', 'the generator looks across the batch in evaluation'),
        ('collections', 'the generator keeps other collections in training than it starts'),
        ('statistics', 'the generator moves its statistics in evaluation'),
        ('still', r"the generator does not move \['batch_stats'\]\['count'\] in training"),
        ('float32', 'dtype=bfloat16 computes nothing in bfloat16'),
        ('returns', 'dtype=bfloat16 keeps or returns bfloat16'),
        ('unused', r"nothing that the generator returns depends on \['unused'\]"),
        ('infinite', 'the gradient of the generator in .* is not finite'),
    ],
)
def test_a_generator_that_breaks_a_promise_is_found(fault, words):
    with pytest.raises(AssertionError, match=words) as error:
        check_generator(Generator(fault, num_classes=3), SHAPE, num_classes=3)
    assert '\n' not in str(error.value)


def test_a_generator_that_breaks_nothing_passes():
    check_generator(Generator(), SHAPE)
    check_generator(Generator(num_classes=3), SHAPE, latent_dim=5, num_classes=3)


class Recorded(nn.Module):
    """The generator with noise for each pixel, within a record."""

    fault: str = ''
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, z, label, *, train):
        image = Generator(self.fault, dtype=self.dtype)(z, label, train=train)
        noise = jax.random.normal(self.make_rng('noise'), image.shape)
        return {'image': jnp.clip(image + 0.1 * noise, 0, 1), 'w': z}


def test_a_generator_with_noise_that_returns_a_record_is_tried_by_its_image():
    check_generator(Recorded(), SHAPE)
    with pytest.raises(AssertionError, match='the generator looks across the batch'):
        check_generator(Recorded('batch'), SHAPE)


class Trunk(nn.Module):
    """A trunk of one layer, with faults by name."""

    fault: str = ''
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, image, *, train):
        x = image.reshape(len(image), -1)
        x = nn.Dense(6, dtype=self.dtype)(0 * x + 1 if self.fault == 'blind' else x)
        x = x.astype(jnp.float32)
        if self.fault == 'batch' or (self.fault == 'batch in training' and train):
            x = x - x.mean(0, keepdims=True)
        if self.fault == 'penalty':
            return x + _without_second(x)
        return x[:, :, None] if self.fault == 'rank' else jnp.tanh(x)


@jax.custom_jvp
def _without_second(x):
    """sin x, whose derivative has one of NaN."""
    return jnp.sin(x)


@_without_second.defjvp
def _slope(primals, tangents):
    (x,), (t,) = primals, tangents
    return jnp.sin(x), (jnp.cos(x) + 0 * jnp.sqrt(jnp.abs(x - x))) * t


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ('rank', r'returns float32 \[4, 6, 1\], not float32 \[4, 1\]'),
        ('blind', 'the discriminator gives other inputs the same outputs'),
        ('batch', 'the discriminator looks across the batch in evaluation'),
        ('batch in training', 'the discriminator looks across the batch in training'),
        ('penalty', 'the gradient of a gradient penalty of the discriminator is not finite'),
    ],
)
def test_a_discriminator_that_breaks_a_promise_is_found(fault, words):
    with pytest.raises(AssertionError, match=words):
        check_discriminator(Trunk(fault), SHAPE)


def test_a_discriminator_that_breaks_nothing_passes():
    check_discriminator(Trunk(), SHAPE)
    check_discriminator(Trunk('batch in training'), SHAPE, joint=False)


def test_a_network_without_a_dtype_is_found():
    class Fixed(nn.Module):
        @nn.compact
        def __call__(self, image, *, train):
            return jnp.tanh(nn.Dense(3)(image.reshape(len(image), -1)))

    with pytest.raises(AssertionError, match='the discriminator has no attribute dtype'):
        check_discriminator(Fixed(), SHAPE)


def test_variables_of_another_type_are_found():
    class Whole(nn.Module):
        dtype: jnp.dtype | None = None

        @nn.compact
        def __call__(self, image, *, train):
            x = image.reshape(len(image), -1)
            return nn.Dense(3, param_dtype=jnp.bfloat16)(x)

    with pytest.raises(AssertionError, match='keeps variables of bfloat16, and not of float32'):
        check_discriminator(Whole(), SHAPE)


class Labelled(nn.Module):
    """A logit, with faults by name."""

    fault: str = ''

    @nn.compact
    def __call__(self, features, label, *, train):
        x = nn.Dense(1)(features)
        if self.fault == 'label':
            x = x + nn.Embed(3, 1)(label).mean(0, keepdims=True)
        if self.fault == 'batch' and train:
            x = x - x.mean(0, keepdims=True)
        out = {'logit': x if self.fault == 'rank' else x[:, 0]}
        return {'array': out['logit'], 'name': {'score': x}}.get(self.fault, out)


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ('array', r"the logit returns no dict with a 'logit' \[N\]"),
        ('name', r"the logit returns no dict with a 'logit' \[N\]"),
        ('rank', r'the logit returns float32 \[4, 1\], not float32 \[4\]'),
        ('batch', 'the logit looks across the batch in training'),
        ('label', "the logit depends on others' labels"),
        ('', 'the logit does not depend on the label'),
    ],
)
def test_a_logit_that_breaks_a_promise_is_found(fault, words):
    with pytest.raises(AssertionError, match=words):
        check_logit(Labelled(fault), num_classes=0 if fault == 'batch' else 3)


def test_a_logit_that_breaks_nothing_passes():
    check_logit(Labelled())
    check_logit(Logit(), features=5)
    check_logit(ProjectionLogit(3), num_classes=3)
