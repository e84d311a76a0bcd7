"""The contract of an augmentation policy, tried on one batch of images."""

from collections.abc import Collection
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import policy
from gan_jax.augment.policy import Policy
from gan_jax.runtime.errors import PartError
from gan_jax.testing import small
from gan_jax.testing.ops import ROUNDING, Shape, close, images_of
from gan_jax.testing.require import require


class Numbers(NamedTuple):
    """The numbers that a policy is called with."""

    strength: float
    probability: float


def check_policy(
    text: str,
    *,
    strength: float = 0.4,
    probability: float = 0.5,
    shape: Shape = (16, 9, 12, 3),
    allow: Collection[str] | None = None,
) -> None:
    """Raises unless a policy is a chain of ops that the step can trace and differentiate.

    It parses, and takes both numbers; it keeps shape and dtype of float32 and bfloat16 images;
    equal keys give equal results and another key another one; under jit it does what it does
    without, and is traced once for all strengths and probabilities; the gradient in the images is
    finite, and not 0 for any image. What its ops promise beyond that is for `check_op`.

    Args:
        text: such as 'flip|p(0.8, translation(0.125))|my_fork.ops.sepia'; '' is the identity.
        strength: of the ops that have no number of their own.
        probability: of each `p` without a number.
        shape: [B, H, W, C] of the images.
        allow: whose code a dotted name may be, as in `load.resolve`.

    Raises:
        AssertionError: one sentence about the first promise that is broken.
    """
    try:
        policy.check(text, strength, probability, allow=allow)
    except ValueError as error:
        raise AssertionError(str(error)) from error
    apply, name = policy.parse(text, allow=allow), f"the policy '{text}'"
    numbers = Numbers(strength, probability)
    _check_shape(apply, name, numbers, shape)
    _check_draws(apply, name, numbers, images_of(shape), random=bool(text.strip()))
    # Mid-gray, where no clipping cuts the gradient off.
    _check_gradient(apply, name, numbers, images_of(shape, low=0.4, high=0.6))


def _check_shape(apply: Policy, name: str, numbers: Numbers, shape: Shape) -> None:
    for dtype in (jnp.float32, jnp.bfloat16):
        given = jax.ShapeDtypeStruct(shape, dtype)
        try:
            out = jax.eval_shape(apply, small.new_key(3), given, *numbers)
        except PartError as error:
            raise AssertionError(f'{name} fails: {error}') from error
        require(
            (out.shape, out.dtype) == (given.shape, given.dtype),
            f'{name} makes {out.dtype} {list(out.shape)} of {given.dtype} {list(given.shape)}',
        )


def _check_draws(
    apply: Policy, name: str, numbers: Numbers, images: np.ndarray, *, random: bool
) -> None:
    traces = []

    @small.jit
    def run(key, images, numbers):
        traces.append(numbers)
        return apply(key, images, *numbers)

    first = np.asarray(run(small.new_key(3), images, numbers))
    again = np.asarray(run(small.new_key(3), images, numbers))
    require(np.array_equal(first, again), f'{name} gives two results for one key')
    other = np.asarray(run(small.new_key(4), images, numbers))
    require(not random or np.any(first != other), f'{name} gives one result for two keys')
    eager = apply(small.new_key(3), images, *numbers)
    require(close(first, eager, ROUNDING), f'{name} differs under jax.jit')
    run(small.new_key(3), images, Numbers(numbers.strength / 2, numbers.probability / 2))
    require(len(traces) == 1, f'{name} is traced again for another strength or probability')


def _check_gradient(apply: Policy, name: str, numbers: Numbers, images: np.ndarray) -> None:
    cotangent = np.random.default_rng(1).standard_normal(images.shape).astype(np.float32)
    gradient = jax.grad(lambda x: jnp.sum(apply(small.new_key(3), x, *numbers) * cotangent))
    found = np.asarray(small.jit(gradient)(images))
    require(np.all(np.isfinite(found)), f'the gradient of {name} is not finite')
    require(
        np.all(np.any(found != 0, axis=(1, 2, 3))),
        f'{name} lets no gradient through for some image',
    )
