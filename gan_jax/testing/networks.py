"""The contracts of networks: a generator, a discriminator's trunk, a logit."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.testing import small
from gan_jax.testing.require import require
from gan_jax.testing.trees import same

BATCH = 4
LABEL = np.array([0, 1, 2, 0])
OTHER_LABEL = np.array([1, 1, 2, 1])  # another where LABEL is 0


class Trial(NamedTuple):
    """A network with made-up weights, and what it is applied to.

    Attributes:
        what: 'the generator', ...
        inputs: its arguments; the first one is floats [4, ...].
        variables: NumPy's numbers in the structure of `module.init`'s.
        train, evaluate: (variables, *inputs) -> (output, collections after it), compiled.
        more: arrays [4, ...] that it takes by keyword.
    """

    what: str
    module: nn.Module
    inputs: tuple
    variables: Mapping[str, Any]
    train: Any
    evaluate: Any
    more: Mapping[str, Any]

    @property
    def stats(self) -> dict[str, Any]:
        return {name: x for name, x in self.variables.items() if name != 'params'}


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
        generator: (z [N, Z], label [N], *, train) -> images; of few channels.
        shape: (H, W, C).
        latent_dim: Z.
        num_classes: 0, or at least 3.

    Raises:
        AssertionError: one sentence about the first promise that is broken. What the network itself
            raises passes through.
    """
    label = LABEL if num_classes else None
    z = np.random.default_rng(0).standard_normal((BATCH, latent_dim)).astype('float32')
    trial = _trial('the generator', generator, z, label)
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
    trial = _trial('the discriminator', trunk, image, **_more('discriminator', trunk, entries))
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
    trial = _trial('the logit', _OnlyLogit(logit), rows, LABEL, **more)
    _check_output(trial, trial.train(trial.variables, rows, LABEL)[0], (BATCH,))
    if num_classes:
        _check_label(trial)
    check_statistics(trial)
    for train in (False, True):
        check_apart(trial, train=train)
    check_gradient(trial)


# Promises of every network -----------------------------------------------------------------------


def check_statistics(trial: Trial) -> None:
    """Training moves every array outside 'params', evaluation none; neither makes another one."""
    before = trial.stats
    _, trained = trial.train(trial.variables, *trial.inputs)
    require(
        jax.tree.structure(trained) == jax.tree.structure(before),
        f'{trial.what} keeps other collections in training than it starts with',
    )
    for path, x in jax.tree_util.tree_leaves_with_path(trained):
        old = _at(before, path)
        require(
            not np.array_equal(x, old),
            f'{trial.what} does not move {jax.tree_util.keystr(path)} in training',
        )
    _, evaluated = trial.evaluate(trial.variables, *trial.inputs)
    require(same(evaluated, before), f'{trial.what} moves its statistics in evaluation')


def check_apart(trial: Trial, *, train: bool) -> None:
    """The outputs for one image do not depend on the others of its batch."""
    run = trial.train if train else trial.evaluate
    x, *label = trial.inputs
    others = np.concatenate([x[:1], 1 - x[1:]])
    together, _ = run(trial.variables, *trial.inputs)
    again, _ = run(trial.variables, others, *label)
    require(
        bool(np.allclose(together[0], again[0], rtol=1e-4, atol=1e-5)),
        f'{trial.what} looks across the batch in {"training" if train else "evaluation"}',
    )
    require(
        not np.allclose(together[1:], again[1:], rtol=1e-4, atol=1e-5),
        f'{trial.what} gives other inputs the same outputs',
    )


def check_half(trial: Trial) -> None:
    """With dtype=bfloat16 it computes in it, and keeps and returns float32."""
    require(hasattr(trial.module, 'dtype'), f'{trial.what} has no attribute dtype')
    half = _run(trial.module.clone(dtype=jnp.bfloat16), trial.more, train=True)
    with jax.numpy_dtype_promotion('standard'):  # Flax's layers have float32 beside bfloat16
        text = str(jax.make_jaxpr(half)(trial.variables, *trial.inputs))
        shapes = jax.eval_shape(half, trial.variables, *trial.inputs)
    found = sorted({str(x.dtype) for x in jax.tree.leaves(shapes)} - {'float32'})
    require(not found, f'{trial.what} with dtype=bfloat16 keeps or returns {", ".join(found)}')
    require('bf16[' in text, f'{trial.what} with dtype=bfloat16 computes nothing in bfloat16')


def check_gradient(trial: Trial) -> None:
    """The gradient in the weights is finite, and every array of them has one in evaluation."""

    @small.jit
    def gradient(params):
        def loss(params):
            variables = {**trial.variables, 'params': params}
            run = _run(trial.module, trial.more, train=False)
            return jnp.sum(jnp.sin(run(variables, *trial.inputs)[0]))

        return jax.grad(loss)(params)

    found = gradient(trial.variables['params'])
    for path, x in jax.tree_util.tree_leaves_with_path(found):
        where = jax.tree_util.keystr(path)
        require(
            bool(np.all(np.isfinite(x))), f'the gradient of {trial.what} in {where} is not finite'
        )
        require(
            bool(np.any(np.asarray(x))), f'nothing that {trial.what} returns depends on {where}'
        )


def _check_penalty(trial: Trial) -> None:
    @small.jit
    def gradient(params):
        def penalty(params):
            variables = {**trial.variables, 'params': params}

            def total(image):
                run = _run(trial.module, trial.more, train=True)
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
    names = tuple(getattr(module, 'reads', ()))
    require(
        {*names} == {*entries},
        f'the {what} reads ({", ".join(names)}) beside the image: give entries a shape for each',
    )
    rng = np.random.default_rng(2)
    return {n: rng.standard_normal((BATCH, *row)).astype('float32') for n, row in entries.items()}


def _trial(what: str, module: nn.Module, *inputs: Any, **more: Any) -> Trial:
    start = partial(module.init, train=True, **more)
    shapes = jax.eval_shape(start, jax.random.key(0), *inputs)
    types = sorted({str(x.dtype) for x in jax.tree.leaves(shapes)} - {'float32'})
    require(not types, f'{what} keeps variables of {", ".join(types)}, and not of float32')
    variables = small.numbers(shapes, np.random.default_rng(1), 'float32')
    run = (small.jit(_run(module, more, train=train)) for train in (True, False))
    return Trial(what, module, inputs, variables, *run, more)


def _run(module: nn.Module, more: Mapping[str, Any], *, train: bool) -> Any:
    def run(variables, *inputs):
        moving = [name for name in variables if name != 'params']
        return module.apply(variables, *inputs, **more, train=train, mutable=moving)

    return run


def _at(tree: Any, path: Any) -> Any:
    for key in path:
        tree = tree[key.key]
    return tree
