"""The contract of an augmentation op, tried on one batch of images."""

import collections
import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment.operation import Op
from gan_jax.testing import small
from gan_jax.testing.require import require

ROUNDING = 2e-6  # compiled code fuses a product and a sum into one rounding
CHANNELS = (1, 2, 3, 4)

Shape = tuple[int, int, int, int]


class Trial(NamedTuple):
    """An op, and the circumstances under which it is tried; see `check_op`."""

    op: Op
    shape: Shape
    strength: float
    clips: bool
    identity: bool
    results: int | None
    smooth: bool = True
    channels: tuple[int, ...] = CHANNELS

    @property
    def name(self) -> str:
        return self.op.__name__

    def images(self, **options: Any) -> np.ndarray:
        return images_of(self.shape, **options)


def check_op(
    op: Op,
    *,
    shape: Shape = (16, 9, 12, 3),
    strength: float = 0.4,
    clips: bool = True,
    identity: bool = True,
    results: int | None = None,
    smooth: bool = True,
    channels: tuple[int, ...] = CHANNELS,
) -> None:
    """Raises unless an augmentation op keeps every promise that a policy relies on, in seconds.

    The checks are the functions `check_...` of this module, all at this shape, or as it says.

    Args:
        op: decorated by `gan_jax.augment.operation.op`.
        shape: [B, H, W, C] of the images, B >= 16; an op of squares needs H = W.
        strength: within the op's range, and so are 0 and 0.9.
        clips: False where results may leave [0, 1] on purpose.
        identity: False where strength 0 is not the identity, on purpose.
        results: how many different images one image can become; None is more than 4.
        smooth: False where the result jumps as the images change, so that no slope is compared.
        channels: the numbers of channels that the op takes, where it refuses others.

    Raises:
        AssertionError: one sentence about the first promise that is broken. What the op itself
            raises passes through.
    """
    require(
        hasattr(op, 'strengths'),
        f'{getattr(op, "__name__", op)} says no range of strengths: decorate it by '
        'gan_jax.augment.operation.op',
    )
    trial = Trial(op, shape, strength, clips, identity, results, smooth, channels)
    for check in CHECKS:
        check(trial)


def check_signature(trial: Trial) -> None:
    """The parameters are key, images and strength, in this order."""
    names = [*inspect.signature(trial.op).parameters]
    require(
        names == ['key', 'images', 'strength'],
        f'{trial.name} takes ({", ".join(names)}) and not (key, images, strength)',
    )


def check_shape(trial: Trial) -> None:
    """Images keep shape and dtype, float32 and bfloat16, with 1 to 4 channels or `channels`."""
    for position, channels in enumerate(trial.channels):
        dtype = (jnp.bfloat16, jnp.float32)[position % 2]
        given = jax.ShapeDtypeStruct((*trial.shape[:3], channels), dtype)
        out = jax.eval_shape(trial.op, small.new_key(3), given, trial.strength)
        require(
            (out.shape, out.dtype) == (given.shape, given.dtype),
            f'{trial.name} makes {out.dtype} {list(out.shape)} of {given.dtype} '
            f'{list(given.shape)}',
        )


def check_range(trial: Trial) -> None:
    """Values stay in [0, 1] where `clips`, of white images too, whose weights may sum to more."""
    if not trial.clips:
        return
    for images in (trial.images(), np.ones(trial.shape, np.float32)):
        out = _applied(trial, images)
        require(
            bool(out.min() >= 0 and out.max() <= 1),
            f'{trial.name} leaves [0, 1]: from {out.min():.9g} to {out.max():.9g}',
        )


def check_identity(trial: Trial) -> None:
    """Strength 0 is the identity, bit for bit, and so is its gradient in the images."""
    if not trial.identity or trial.op.strengths is None:
        return
    images = trial.images()
    for function in (trial.op, compiled(trial.op)):
        require(
            np.array_equal(function(small.new_key(3), images, 0.0), images),
            f'{trial.name} changes images at strength 0',
        )
    with small.float64():
        images, cotangent = trial.images(dtype=np.float64), trial.images(low=-1, dtype=np.float64)
        require(
            np.array_equal(gradient(trial.op)(images, 0.0, cotangent), cotangent),
            f'{trial.name} at strength 0 has another gradient than the identity',
        )


def check_draws(trial: Trial) -> None:
    """Equal images of a batch become different ones, but for an op that mixes the batch."""
    if trial.op.mixes:  # copies of one image mix to the same image
        return
    images = np.broadcast_to(trial.images()[:1], trial.shape)
    found = len({image.tobytes() for image in _applied(trial, images)})
    require(
        found > 4 if trial.results is None else found == trial.results,
        f'{trial.name} makes {found} different images of {trial.shape[0]} equal ones',
    )


def check_key(trial: Trial) -> None:
    """The result is the key's: equal for equal keys, another for another key."""
    images = trial.images()
    first = _applied(trial, images)
    require(
        np.array_equal(first, _applied(trial, images)),
        f'{trial.name} gives two results for one key',
    )
    other = np.asarray(compiled(trial.op)(small.new_key(4), images, trial.strength))
    require(np.any(first != other), f'{trial.name} gives one result for two keys')


def check_compiled(trial: Trial) -> None:
    """Under jit it does what it does without, and is traced once for all strengths."""
    images = trial.images()
    eager = trial.op(small.new_key(3), images, trial.strength)
    require(close(_applied(trial, images), eager, ROUNDING), f'{trial.name} differs under jax.jit')
    before = traces[trial.op]
    for strength in (0.0, 0.1, 0.3, 0.5, 0.9):
        compiled(trial.op)(small.new_key(3), images, strength)
    require(traces[trial.op] == before, f'{trial.name} is traced again for another strength')


def check_vmap(trial: Trial) -> None:
    """Under vmap over keys and strengths each member is as alone."""
    images = trial.images()
    strengths = np.float32([0.0, trial.strength / 2, trial.strength])
    out = small.jit(jax.vmap(trial.op, in_axes=(0, None, 0)))(_keys(), images, strengths)
    for found, key, strength in zip(out, _keys(), strengths, strict=True):
        alone = compiled(trial.op)(key, images, float(strength))
        require(close(found, alone, ROUNDING), f'{trial.name} differs under jax.vmap')


def check_gradient(trial: Trial) -> None:
    """In float64 the gradient in the images is finite, not 0 for any image, and the slope."""
    # Mid-gray, so that clipping has no kink near by. In float32 the differences would be noise.
    with small.float64():
        images = trial.images(low=0.4, high=0.6, dtype=np.float64)
        direction, cotangent = np.random.default_rng(1).standard_normal((2, *trial.shape))
        step = 1e-5 * direction
        ahead, behind = (_applied(trial, x) for x in (images + step, images - step))
        slope = np.sum((ahead - behind) / 2e-5 * cotangent)
        found = np.asarray(gradient(trial.op)(images, trial.strength, cotangent))
    require(np.all(np.isfinite(found)), f'the gradient of {trial.name} is not finite')
    require(
        not trial.smooth or bool(np.isclose(np.sum(found * direction), slope, rtol=1e-7, atol=0)),
        f'the gradient of {trial.name} is not its slope',
    )
    require(
        np.all(np.any(found != 0, axis=(1, 2, 3))),
        f'{trial.name} lets no gradient through for some image',
    )


def check_precision(trial: Trial) -> None:
    """Float64 images see the same draws, and a float64 strength leaves float32 images float32."""
    narrow = _applied(trial, trial.images())
    with small.float64():
        wide = _applied(trial, trial.images(dtype=np.float64))
        mixed = jax.eval_shape(
            trial.op, small.new_key(3), trial.images(), jnp.float64(trial.strength)
        )
    require(
        (wide.dtype, mixed.dtype) == (np.float64, np.float32),
        f'{trial.name} makes {wide.dtype} of float64 images and {mixed.dtype} of float32 ones',
    )
    require(
        close(narrow, wide, 1e-5),
        f'{trial.name} draws other numbers for float64 images: draw in float32, as '
        'gan_jax.augment.draws does',
    )


def check_refusals(trial: Trial) -> None:
    """Images that are no floats or no batch, and a strength that is no scalar, are refused."""
    b, *shape = trial.shape
    bad = [
        (TypeError, np.zeros(trial.shape, np.uint8), trial.strength, 'uint8 images'),
        (ValueError, np.zeros(shape, np.float32), trial.strength, f'images {shape}'),
    ]
    if trial.op.strengths is not None:
        strengths = np.full(b, trial.strength, np.float32)
        bad += [
            (ValueError, trial.images(), strengths, 'a strength for each image'),
            (ValueError, trial.images(), None, 'no strength'),
        ]
    for error, images, strength, what in bad:
        try:
            trial.op(small.new_key(3), images, strength)
        except Exception as said:  # it may be anybody's code
            require(
                isinstance(said, error) and str(said).startswith(f'{trial.name}: '),
                f'{trial.name} refuses {what} by {type(said).__name__}: {said}',
            )
        else:
            raise AssertionError(f'{trial.name} takes {what}')


CHECKS: tuple[Callable[[Trial], None], ...] = (
    *(check_signature, check_shape, check_range, check_identity, check_draws, check_key),
    *(check_compiled, check_vmap, check_gradient, check_precision, check_refusals),
)


def images_of(
    shape: Shape, *, low: float = -0.2, high: float = 1.2, dtype: Any = np.float32
) -> np.ndarray:
    """Random images, by default with many pixels at exactly 0 and exactly 1."""
    pixels = np.random.default_rng(0).uniform(low, high, shape)
    return np.clip(pixels, 0, 1).astype(dtype)


traces = collections.Counter()


@functools.cache
def compiled(op: Op) -> Callable:
    """The op under jit; `traces` counts its compilations."""

    def counted(key, images, strength):
        traces[op] += 1
        return op(key, images, strength)

    return small.jit(counted)


@functools.cache
def gradient(op: Op) -> Callable:
    """The gradient of the inner product of the op's result with a cotangent, under jit."""

    def product(images, strength, cotangent):
        return jnp.sum(op(small.new_key(3), images, strength) * cotangent)

    return small.jit(jax.grad(product))


def _keys() -> jax.Array:
    return jax.random.split(small.new_key(3), 3)


def _applied(trial: Trial, images: np.ndarray) -> np.ndarray:
    return np.asarray(compiled(trial.op)(small.new_key(3), images, trial.strength))


def close(found: Any, expected: Any, within: float) -> bool:
    """True if no value differs by more than `within`, a part of the range of the values or of 1.

    An op that does not clip makes larger values than 1, which round more.
    """
    expected = np.asarray(expected)
    return bool(np.allclose(found, expected, rtol=0, atol=within * max(1, np.ptp(expected))))
