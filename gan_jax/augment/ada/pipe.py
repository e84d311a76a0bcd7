"""ADA's augmentation pipe as ops: `ada_bg`, `ada_bgc`, `ada_bgcfnc`, and R3GAN's `ada_r3gan`.

`strength` is the pipe's p in [0, 1]: each transformation acts on each image with probability p,
independently of the others. Even at p = 0.2, `ada_bgc` leaves only one image in eleven unchanged.
Amounts do not depend on p. ADA's images lie in [-1, 1] and are not clipped. Ours are not clipped
either, so results may leave [0, 1].

Source: Karras et al. 2020 (2006.06676), appendix B, and its official code.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from gan_jax.augment import draws, operation
from gan_jax.augment.ada import bands, chance, colour, corruption, geometry
from gan_jax.keys import named

# (key, images in [-1, 1], p) -> (images, bool [B]: the images that it may have changed)
Stage = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]

ALL = ('geometry', 'colour', 'bands', 'corruption')  # of ADA's own pipe


@operation.op(operation.CLOSED, codes=True)
def ada_bg(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """ADA's pixel blitting and general geometry, 7 of its 18 transformations.

    Flip, quarter turn, shift by whole pixels; scale, turn (before and after a stretch), stretch,
    shift.
    """
    return _augmented(key, images, strength, {'geometry': 1})


@operation.op(operation.CLOSED)
def ada_bgc(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """`ada_bg`, then brightness, contrast, luma flip, hue and saturation; ADA's default.

    Raises:
        ValueError: the images have neither 3 channels nor 1.
    """
    return _augmented(key, images, strength, {'geometry': 1, 'colour': 1})


@operation.op(operation.CLOSED)
def ada_bgcfnc(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """`ada_bgc`, then a filter of four bands, noise and cutout: all 18. Raises as `ada_bgc`."""
    return _augmented(key, images, strength, dict.fromkeys(ALL, 1))


@operation.op(operation.CLOSED)
def ada_r3gan(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """`ada_bgc` with half the chance for colours, then cutout. Raises as `ada_bgc`.

    The choice of R3GAN (Huang et al. 2025, arXiv 2501.05441): no filter and no noise.
    """
    return _augmented(key, images, strength, {'geometry': 1, 'colour': 0.5, 'cutout': 1})


def _augmented(
    key: jax.Array, images: jax.Array, probability: jax.Array, stages: Mapping[str, float]
) -> jax.Array:
    """Images [B, H, W, C] in [0, 1] through the stages; those left alone keep their bits.

    `stages` has the chance of each in units of `probability`.
    """
    changed = 2 * images - 1
    touched = jnp.zeros(len(images), bool)
    for stage, share in stages.items():
        changed, now = STAGES[stage](named(key, stage), changed, share * probability)
        touched |= now
    return jnp.where(touched[:, None, None, None], (changed + 1) / 2, images)


def _drawn(group, key, images, probability):
    """The parameters of `geometry` or `colour`."""
    return group.parameters(
        draws.uniform(named(key, 'uniforms'), images, group.UNIFORMS),
        draws.gaussian(named(key, 'normals'), images, group.NORMALS),
        draws.uniform(named(key, 'gates'), images, group.GATES),
        probability,
    )


def _move(key, images, probability):
    drawn = _drawn(geometry, key, images, probability)
    matrix = geometry.matrix(drawn, *images.shape[1:3])
    return geometry.warped(images, matrix), chance.touched(drawn, geometry.NEUTRAL)


def _recolour(key, images, probability):
    drawn = _drawn(colour, key, images, probability)
    recoloured = colour.recoloured(images, colour.matrix(drawn))
    return recoloured, chance.touched(drawn, colour.NEUTRAL)


def _filter(key, images, probability):
    drawn = bands.parameters(
        draws.gaussian(named(key, 'normals'), images, bands.NORMALS),
        draws.uniform(named(key, 'gates'), images, bands.GATES),
        probability,
    )
    filtered = bands.filtered(images, bands.gains(drawn))
    return filtered, chance.touched(drawn, bands.NEUTRAL)


def _corrupt(key, images, probability):
    (normal,) = draws.gaussian(named(key, 'normals'), images, 1)
    gates = draws.uniform(named(key, 'gates'), images, corruption.GATES)
    drawn = corruption.parameters(normal, gates, probability)
    noise = draws.normal(named(key, 'noise'), images)
    images = corruption.noisy(images, drawn.deviation, noise)
    centre = draws.uniform(named(key, 'centres'), images, 2)
    images = corruption.cut(images, drawn.size, centre)
    return images, chance.touched(drawn, corruption.NEUTRAL)


def _cut(key, images, probability):
    gates = draws.uniform(named(key, 'gates'), images, corruption.GATES)
    drawn = corruption.parameters(jnp.zeros(len(images), images.dtype), gates, probability)
    centre = draws.uniform(named(key, 'centres'), images, 2)
    return corruption.cut(images, drawn.size, centre), drawn.size != 0


STAGES: dict[str, Stage] = {
    'geometry': _move,
    'colour': _recolour,
    'bands': _filter,
    'corruption': _corrupt,
    'cutout': _cut,
}
