"""The images that views are made of: a batch of reals, and what the generator makes of latents."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax import labels, views
from gan_jax.gan import GAN
from gan_jax.keys import named
from gan_jax.latents import draw_latents, entries_of
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.state import Hyper, Net
from gan_jax.synthesis import synthesize
from gan_jax.views import Record

Sources = Mapping[str, Record]  # 'real', 'fake' or the name of a further latent -> images


def real_images(gan: GAN, batch: Record, key: jax.Array, hyper: Hyper) -> Record:
    """The real images of an update, in [0, 1] and augmented by `augment.real`.

    Args:
        gan: networks and static options.
        batch: {'image': uint8 [B, H, W, C], or float16 of codes, which are as the networks see
            them; 'label': int32 [B], 'index': int32 [B], the rows of the data set}; what else it
            holds is kept.
        key: of the augmentation.
        hyper: strengths and probabilities of policies.
    """
    images = batch['image'].astype(float)  # JAX's float: 32 bits unless x64 is on
    if not jnp.issubdtype(batch['image'].dtype, jnp.floating):
        images = images / 255
    images = augmented(gan.augment.real, named(key, 'real'), images, hyper)
    return {**batch, 'image': images}


def generated_images(
    gan: GAN,
    latents: Mapping[str, Callable],
    net: Net,
    key: jax.Array,
    real: Record,
    constrain_batch: Callable[[Any], Any] = lambda tree: tree,
) -> tuple[Sources, Mapping[str, Any]]:
    """The generated images of an update, and the generator's collections after 'fake'.

    Args:
        gan: networks and static options.
        latents: further latents, name -> (key, z) -> z'.
        net: the generator.
        key: of the update.
        real: the real images of the update, from `real_images`.
        constrain_batch: shards the leading axis of every array of a tree over the devices.

    Returns:
        {'fake' or the name of a further latent: record}, and G's collections.

    Raises:
        PartError: a latent has another shape than z, or as `synthesis.synthesize`.
    """
    size = len(real['image'])
    z = constrain_batch(draw_latents(gan.latent, named(key, 'z'), size, gan.latent_dim))
    label = real['label']
    if not gan.paired_labels:
        label = constrain_batch(labels.drawn(named(key, 'label'), gan.class_counts, size))
    drawn = {'fake': z}
    for name, move in latents.items():
        with of_part(f"the latents '{name}' of a term"):
            drawn[name] = move(named(key, 'latent', name), z)
            shapes.array('what they return', drawn[name], z.shape)
    # One call per latent: BatchNorm must not mix them. Only 'fake' updates its statistics.
    sources, after = {}, {}
    for name, own in drawn.items():
        record, after[name] = synthesize(
            gan.generator,
            net.variables,
            own,
            label,
            named(key, 'rngs', name),
            train=True,
            shape=real['image'].shape[1:],
        )
        sources[name] = {**record, **entries_of(gan.latent, own)}
    return sources, after['fake']


def augmented(policy: str, key: jax.Array, images: jax.Array, hyper: Hyper) -> jax.Array:
    """Images [B, H, W, C] augmented by a policy with its strength and probability."""
    apply = views.policy_of(policy, hyper.probability)
    return apply(key, images, views.strength_of(policy, hyper.strength))
