"""Path length regularisation: equal steps in the latents change images by equal amounts."""

from typing import Annotated

import jax
import jax.numpy as jnp

from gan_jax.keys import named
from gan_jax.runtime.ranges import Integer, Share
from gan_jax.terms import Objective, Term

Rows = Annotated[int, Integer(1, 64)]


def path_length(decay: Share = 0.99, *, shrink: Rows = 2) -> Term:
    """StyleGAN2's path length regularisation (Karras et al. 2019, arXiv 1912.04958, eq. 4).

    L_G = E (|J^T y| - a)^2, weight 2. J is the Jacobian of the image, in [-1, 1] as in the paper,
    in the latents w; y ~ N(0, 1) / sqrt(H W) for each value of the image, so J^T y is the gradient
    of sum(G(w) y). As in the published code, a is the moving average of the lengths with the
    lengths of this update in it. This update's a has a gradient; the stored one has none. w is the
    entry 'w' of the generator's record, [B, W] or [B, layers, W], and images are made of it by the
    generator's method `synthesize`. The squared length is the mean over the layers. A generator
    without 'w' is measured in z. The published code has the term in every fourth step, `every` = 4.
    With BatchNorm in G the gradient of one image in its latents includes its effect on the others.
    For the generator only. Part: 'length'; metric 'average', the stored a.

    Args:
        decay: of a, for one generator update; it starts at 0.
        shrink: every `shrink`-th image is measured.
    """

    def g(out, state, key):
        fake, players = out['fake'], out['players']
        name, make = ('w', players.synthesize) if 'w' in fake else ('z', players.generate)
        latents, label = fake[name][::shrink], fake['label'][::shrink]
        lengths = image_slopes(named(key, 'image'), make, latents, label, fake['image'].shape[1:])
        average = decay * state['average'] + (1 - decay) * jnp.mean(lengths)
        stored = jax.lax.stop_gradient(average)
        part = jnp.mean((lengths - average) ** 2)
        return {'length': part}, {'average': stored}, {'average': stored}

    return Term(
        g=Objective({}, g, players=True),
        init=lambda: {'average': jnp.float32(0)},
    )


def image_slopes(key, make, latents, label, shape):
    """|J^T y| of each image, [B]; see `path_length`.

    A length below 1e-6 is taken as 1e-6, where its gradient is 0 and not infinite.

    Args:
        key: of y.
        make: (latents, label) -> the record of images in [0, 1].
        latents: [B, ..., W]; squares are summed over W and averaged over the axes between.
        label: [B].
        shape: of an image, [H, W, C].
    """
    noise = jax.random.normal(key, (len(latents), *shape), latents.dtype)
    noise /= (shape[0] * shape[1]) ** 0.5

    def projected(latents):
        return jnp.sum(2 * make(latents, label)['image'] * noise)  # 2: of images in [-1, 1]

    slopes = jax.grad(projected)(latents)
    square = jnp.sum(slopes**2, axis=-1).reshape(len(latents), -1).mean(axis=1)
    return jnp.sqrt(jnp.maximum(square, 1e-12))
