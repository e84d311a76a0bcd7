"""One picture of a trained generator from the numbers that a page's controls give.

Everything is compiled for one picture: a control that moves costs one pass of the generator.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import labels
from gan_jax.explorer import directions, walks
from gan_jax.keys import named
from gan_jax.latents import draw_by_index
from gan_jax.sampling.generate import SAMPLE, to_uint8
from gan_jax.sampling.generator import Generator
from gan_jax.sampling.paths import shapes_of_w
from gan_jax.sampling.truncation import of_latent, untruncated
from gan_jax.synthesis import synthesize

COUNT = 8  # directions
DRAWN = 1000  # points whose spread is the unit of a direction
STANDING = 'standing(16)'  # for 'batch', since a single picture has no batch

Variables = Mapping[str, Any]


class Choice(NamedTuple):
    """The numbers that a picture is made of.

    Attributes:
        number: of the image, as in `python -m gan_jax.sample --seed=0`: its latents.
        label: its class.
        truncation: threshold of the latents in standard deviations; None leaves them.
        psi: share of the way of w from its average, from 0 to 1.
        other: number of a second image, whose w the layers from `first` on take.
        first: a layer of w, from 0 on; the number of layers mixes nothing.
        moves: for each direction the step along it, in standard deviations of the points.
        found: w [L, W] in place of the w of `number`, such as a picture's; not truncated.
    """

    number: int = 0
    label: int = 0
    truncation: float | None = None
    psi: float = 1.0
    other: int = 1
    first: int = 1 << 30
    moves: Sequence[float] = ()
    found: np.ndarray | None = None


class Explorer:
    """A generator with its directions, and all that is compiled of it.

    Attributes:
        generator: the trained generator.
        layers: that have a w of their own; 0 if the latents themselves are moved.
        psi: of its config; None where there is no average w.
        truncates: whether the latents have tails to cut off.
        network: the generator's, whose w stay as they are.
    """

    def __init__(self, generator: Generator):
        """Compiles nothing yet.

        Args:
            generator: of a run, or an exported one.
        """
        network = generator.network
        record = shapes_of_w(network, generator.latent_dim)
        w = record['w'].shape[1:] if record else ()
        self.generator = generator
        self.layers, self._units = w if len(w) == 2 else (0, 0)
        averaged = self.layers and hasattr(network, 'truncation')
        self.psi = float(network.truncation) if averaged else None
        self.truncates = generator.latent.within is not None
        self.network = untruncated(network)

    @functools.cached_property
    def variables(self) -> Variables:
        """The generator's, with the statistics of BatchNorm that pictures take."""
        return self.settled(self.generator.variables)

    def settled(self, variables: Variables) -> Variables:
        """Variables of the same network, such as of another checkpoint, on the device."""
        asked = self.generator.batch_norm
        batch_norm = STANDING if asked == 'batch' else asked
        given = dataclasses.replace(self.generator, variables=variables, batch_norm=batch_norm)
        return jax.device_put(given.settled, jax.local_devices()[0])

    @functools.cached_property
    def directions(self) -> directions.Directions:
        """The first directions, from the weights of the checkpoint that the page was opened with.

        Raises:
            UserError: the generator has none.
        """
        if self.layers:
            w = jnp.zeros((1, self.layers, self._units))
            kernel = directions.kernel_of_styles(self.network, self.variables, w)
        else:
            z = jnp.zeros((1, self.generator.latent_dim))
            kernel = directions.kernel_of(self.network, self.variables, z)
        return directions.of_kernel(kernel, COUNT)

    @functools.cached_property
    def spread(self) -> np.ndarray:
        """The standard deviations of random points along each direction, float32 [K]."""
        index = np.arange(DRAWN, dtype=np.int32)
        points = self._latents(index, None)
        if self.layers:
            label = labels.at(self.generator.class_counts, index)
            points = self._mapped(self.variables, points, label)[1][:, 0]
        return np.std(np.asarray(points, np.float32) @ self.directions.vectors.T, axis=0)

    def point(self, choice: Choice, variables: Variables | None = None) -> np.ndarray:
        """The place of a choice, float32: w [L, W], or z [Z] where there is no w.

        Args:
            choice: numbers out of their ranges are not looked for.
            variables: of a checkpoint; None are `Explorer.variables`.
        """
        given = self.variables if variables is None else variables
        point = self._start(choice.number, choice, given) if choice.found is None else choice.found
        if choice.first < self.layers:
            point = walks.mixed(point, self._start(choice.other, choice, given), choice.first)
        moved = [i for i, step in enumerate(choice.moves) if step]
        for i in moved:  # where nothing moves, nothing is rounded, and no direction is looked for
            step = choice.moves[i] * self.spread[i]
            point = walks.along(point, self.directions.vectors[i], np.array([step]))[0]
        return np.float32(point)

    def image(
        self, point: np.ndarray, label: int, variables: Variables | None = None
    ) -> np.ndarray:
        """The picture at a point of `point`, uint8 [H, W, C]."""
        given = self.variables if variables is None else variables
        label_ = np.full(1, label, np.int32)
        weights = self.generator.decoder.variables
        return np.asarray(self._made(given, weights, point[None], label_))[0]

    def between(self, a: np.ndarray, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Points from one to another: straight in w, along an arc in z."""
        return (walks.straight if self.layers else walks.around)(a, b, shares)

    def _start(self, number: int, choice: Choice, variables: Variables) -> np.ndarray:
        z = self._latents(np.array([number], np.int32), choice.truncation)
        if not self.layers:
            return np.asarray(z)[0]
        near, far = self._mapped(variables, z, np.full(1, choice.label, np.int32))
        return np.asarray(far + (1 - choice.psi) * (near - far))[0]

    def _latents(self, index: np.ndarray, threshold: float | None) -> jax.Array:
        latent, key = of_latent(threshold, self.generator.latent), jax.random.key(0)
        return draw_by_index(latent, named(key, SAMPLE), index, self.generator.latent_dim)

    @functools.cached_property
    def _mapped(self):
        """(variables, z [B, Z], label [B]) -> w [B, L, W] at psi 0 and at psi 1."""
        at_1 = self.network
        at_0 = at_1.clone(truncation=0.0) if self.psi is not None else at_1

        @jax.jit
        def mapped(variables, z, label):
            key = named(jax.random.key(0), 'rngs', 0)
            return [
                synthesize(network, variables, z, label, key, train=False)[0]['w']
                for network in (at_0, at_1)
            ]

        return mapped

    @functools.cached_property
    def _made(self):
        """(variables, weights of the decoder, points [1, ...], label [1]) -> uint8 [1, H, W, C]."""
        method = 'synthesize' if self.layers else '__call__'
        decoder = self.generator.decoder

        @jax.jit
        def made(variables, weights, points, label):
            key = named(jax.random.key(0), 'rngs', 0)
            record, _ = synthesize(
                self.network, variables, points, label, key, train=False, method=method
            )
            return to_uint8(decoder, weights, record['image'])

        return made
