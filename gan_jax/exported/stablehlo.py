"""A generator as one program in StableHLO, weights included, that JAX alone runs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from gan_jax.runtime.errors import UserError, sentence
from gan_jax.sampling.generator import Generator, make_of_latents

PLATFORMS = ('cpu', 'cuda', 'tpu')
FIXED = 16  # images of a call, where the network is not traced for any number of them


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
    program = jax.jit(lambda z, label: of_latents(weights, z, label))

    def lower(size: Any) -> bytes:
        z = jax.ShapeDtypeStruct((size, generator.latent_dim), jnp.float32)
        label = jax.ShapeDtypeStruct((size,), jnp.int32)
        return bytes(export.export(program, platforms=platforms)(z, label).serialize())

    try:
        return Program(lower(export.symbolic_shape('n')[0]), None)
    except Exception:  # a network may compute with the number of images
        pass
    try:
        return Program(lower(FIXED), FIXED)
    except Exception as error:  # it may be anybody's code
        raise UserError(
            f'the network cannot be lowered to StableHLO ({sentence(error)}): leave out '
            '--formats=stablehlo'
        ) from error
