"""The contracts of networks: a generator, a discriminator's trunk, a logit."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.models.critic import reads_of
from gan_jax.testing import small
from gan_jax.testing.promises import (
    Trial,
    check_apart,
    check_gradient,
    check_half,
    check_statistics,
    make_trial,
    run_of,
)
from gan_jax.testing.require import require

BATCH = 4
LABEL = np.array([0, 1, 2, 0])
OTHER_LABEL = np.array([1, 1, 2, 1])  # another where LABEL is 0


def check_generator(
    generator: nn.Module,
    shape: tuple[int, int, int],
    *,
    latent_dim: int = 8,
    num_classes: int = 0,
) -> None:
    """Raises unless a network can stand in `config.generator`. Takes seconds when it is narrow.

    Images of 4 latents are float32 [4, *shape] in [0, 1], also of latents a thousand times as
    large; with `num_classes` a label changes its own image and no other, without it may be None.
    Beyond that see `check_statistics`, `check_apart`, `check_half` and `check_gradient`.

    Args:
        generator: (z [N, Z], label [N], *, train) -> images, or a record with 'image'; of few
            channels.
        shape: (H, W, C).
        latent_dim: Z.
        num_classes: 0, or at least 3.

    Raises:
        AssertionError: one sentence about the first promise that is broken. What the network itself
            raises passes through.
    """
    label = LABEL if num_classes else None
    z = np.random.default_rng(0).standard_normal((BATCH, latent_dim)).astype('float32')
    trial = make_trial('the generator', generator, z, label)
    image, _ = trial.train(trial.variables, z, label)
    _check_output(trial, image, (BATCH, *shape))
    for latents in (z, 1000 * z):
        image, _ = trial.evaluate(trial.variables, latents, label)
        require(
            bool(np.all((image >= 0) & (image <= 1))), 'the images of the generator leave [0, 1]'
        )
    if num_classes:
        _check_label(trial)
    check_statistics(trial)
    check_apart(trial, train=False)
    check_half(trial)
    check_gradient(trial)


def check_discriminator(
    trunk: nn.Module,
    shape: tuple[int, int, int],
    *,
    joint: bool = True,
    entries: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> None:
    """Raises unless a network can stand in `config.discriminator`.

    Features of 4 images are float32 [4, F]. The gradient of a gradient penalty in the weights is
    finite. Beyond that see `check_statistics`, `check_apart`, `check_half` and `check_gradient`.

    Args:
        trunk: (image [N, H, W, C] in [0, 1], *, train) -> features; of few channels.
        shape: (H, W, C).
        joint: False where it looks across the batch in training, for `config.joint=False` only.
        entries: shapes of a row of what it `reads` beside the image, such as {'z': (8,)}.

    Raises:
        AssertionError: one sentence about the first promise that is broken. What the network itself
            raises passes through.
    """
    image = np.random.default_rng(0).random((BATCH, *shape)).astype('float32')
    trial = make_trial('the discriminator', trunk, image, **_more('discriminator', trunk, entries))
    features, _ = trial.train(trial.variables, image)
    _check_output(trial, features, (BATCH, features.shape[-1] if features.ndim else 0))
    check_statistics(trial)
    for train in (False, True) if joint else (False,):
        check_apart(trial, train=train)
    check_half(trial)
    check_gradient(trial)
    _check_penalty(trial)


def check_logit(
    logit: nn.Module,
    *,
    features: int = 12,
    num_classes: int = 0,
    entries: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> None:
    """Raises unless a network can stand in `config.logit`.

    Its 'logit' of 4 rows of features is float32 [4]; with `num_classes` a label changes its own
    logit and no other. Beyond that see `check_statistics`, `check_apart` and `check_gradient`.

    Args:
        logit: (features [N, F], label [N], *, train) -> {'logit': [N], ...}.
        features: F.
        num_classes: 0, or at least 3.
        entries: as in `check_discriminator`.

    Raises:
        AssertionError: one sentence about the first promise that is broken. What the network itself
            raises passes through.
    """
    rows = np.random.default_rng(0).standard_normal((BATCH, features)).astype('float32')
    more = _more('logit', logit, entries)
    trial = make_trial('the logit', _OnlyLogit(logit), rows, LABEL, **more)
    _check_output(trial, trial.train(trial.variables, rows, LABEL)[0], (BATCH,))
    if num_classes:
        _check_label(trial)
    check_statistics(trial)
    for train in (False, True):
        check_apart(trial, train=train)
    check_gradient(trial)


def _check_penalty(trial: Trial) -> None:
    @small.jit
    def gradient(params):
        def penalty(params):
            variables = {**trial.variables, 'params': params}

            def total(image):
                run = run_of(trial, train=True)
                return jnp.sum(jnp.sin(run(variables, image)[0]))

            return jnp.sum(jax.grad(total)(trial.inputs[0]) ** 2)

        return jax.grad(penalty)(params)

    finite = all(np.isfinite(x).all() for x in jax.tree.leaves(gradient(trial.variables['params'])))
    require(finite, f'the gradient of a gradient penalty of {trial.what} is not finite')


def _check_label(trial: Trial) -> None:
    x, label = trial.inputs
    before, _ = trial.evaluate(trial.variables, x, label)
    after, _ = trial.evaluate(trial.variables, x, OTHER_LABEL)
    moved = np.abs(np.asarray(before - after)).reshape(BATCH, -1).max(1)
    changed = label != OTHER_LABEL
    require(bool((moved[changed] > 1e-3).all()), f'{trial.what} does not depend on the label')
    require(bool((moved[~changed] < 1e-6).all()), f"{trial.what} depends on others' labels")


def _check_output(trial: Trial, out: Any, shape: tuple[int, ...]) -> None:
    require(
        (out.shape, str(out.dtype)) == (shape, 'float32'),
        f'{trial.what} returns {out.dtype} {list(out.shape)}, not float32 {list(shape)}',
    )
    require(bool(np.isfinite(out).all()), f'{trial.what} returns numbers that are not finite')


class _OnlyLogit(nn.Module):
    """The 'logit' of what a logit returns."""

    logit: nn.Module

    def __call__(self, features, label, *, train, **more):
        out = self.logit(features, label, train=train, **more)
        require(
            isinstance(out, Mapping) and 'logit' in out,
            "the logit returns no dict with a 'logit' [N]",
        )
        return out['logit']


def _more(
    what: str, module: nn.Module, entries: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """Arrays of what a network reads beside the image."""
    names = reads_of(module)
    require(
        {*names} == {*entries},
        f'the {what} reads ({", ".join(names)}) beside the image: give entries a shape for each',
    )
    rng = np.random.default_rng(2)
    return {n: rng.standard_normal((BATCH, *row)).astype('float32') for n, row in entries.items()}
