"""A generator as one program in StableHLO, weights included, that JAX alone runs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax.errors import InvalidRngError
from jax import export

from gan_jax.runtime.errors import UserError, sentence
from gan_jax.sampling.generator import Generator, make_of_latents

PLATFORMS = ('cpu', 'cuda', 'tpu')
FIXED = 16  # images of a call, where image n has the noise of place n


class Program(NamedTuple):
    """A serialised program: (z float32 [N, Z], label int32 [N]) -> images uint8 [N, H, W, C].

    Attributes:
        content: what `jax.export.deserialize` reads.
        batch: N; None where any number will do.
    """

    content: bytes
    batch: int | None


def lowered(generator: Generator, platforms: Sequence[str] = PLATFORMS) -> Program:
    """The program from latents and classes to the images of `generator.generate(z, label)`.

    The truncation of w is the config's.

    Args:
        generator: from a run or an exported folder; compiled nowhere.
        platforms: that the program is to run on.

    Raises:
        UserError: BatchNorm takes the statistics of a batch, or the network cannot be lowered.
    """
    if generator.batch_norm == 'batch':
        raise UserError(
            "the program of one image cannot take BatchNorm's statistics of a batch: export with "
            "--batch_norm=moving or 'standing(16)', or leave out --formats=stablehlo"
        )
    weights = generator.settled, generator.decoder.variables
    of_latents = make_of_latents(generator.network, generator.decoder)

    def together(z, label):
        return of_latents(weights, z, label)

    def each(z, label):
        # The network sees one image at a time: it may not compute with an unknown number of them.
        return jax.vmap(lambda z, label: together(z[None], label[None])[0])(z, label)

    try:
        if draws_noise(generator):
            return Program(_exported(generator, together, FIXED, platforms), FIXED)
        (size,) = export.symbolic_shape('n')
        return Program(_exported(generator, each, size, platforms), None)
    except Exception as error:  # it may be anybody's code
        raise UserError(
            f'the network cannot be lowered to StableHLO ({sentence(error)}): leave out '
            '--formats=stablehlo'
        ) from error


def draws_noise(generator: Generator) -> bool:
    """True if a network draws random numbers in evaluation, whose rows an image's place chooses."""
    z, label = jnp.zeros((1, generator.latent_dim)), jnp.zeros(1, jnp.int32)
    draw = functools.partial(generator.network.apply, train=False)
    try:
        jax.eval_shape(draw, generator.variables, z, label)
    except InvalidRngError:
        return True
    return False


def _exported(
    generator: Generator, program: Callable[..., Any], size: Any, platforms: Sequence[str]
) -> bytes:
    z = jax.ShapeDtypeStruct((size, generator.latent_dim), jnp.float32)
    label = jax.ShapeDtypeStruct((size,), jnp.int32)
    return bytes(export.export(jax.jit(program), platforms=platforms)(z, label).serialize())
