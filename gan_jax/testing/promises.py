"""The promises of every network: its statistics, its images apart, half precision, its gradient."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.extractors import FROZEN
from gan_jax.keys import streams
from gan_jax.testing import small
from gan_jax.testing.require import require
from gan_jax.testing.trees import same


class Trial(NamedTuple):
    """A network with made-up weights, and what it is applied to.

    Attributes:
        what: 'the generator', ...
        inputs: its arguments; the first one is floats [4, ...].
        variables: NumPy's numbers in the structure of `module.init`'s.
        train, evaluate: (variables, *inputs) -> (output, collections after it), compiled; of a
            record the output is 'image'. Random streams have the same keys in every call.
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


def make_trial(what: str, module: nn.Module, *inputs: Any, **more: Any) -> Trial:
    """A trial of a network.

    Args:
        what: the network in words.
        module: the network.
        *inputs: its arguments.
        **more: arrays [4, ...] that it takes by keyword.

    Raises:
        AssertionError: it keeps variables of another type than float32.
    """
    start = partial(module.init, train=True, **more)
    shapes = jax.eval_shape(start, jax.random.key(0), *inputs)
    types = sorted({str(x.dtype) for x in jax.tree.leaves(shapes)} - {'float32'})
    require(not types, f'{what} keeps variables of {", ".join(types)}, and not of float32')
    variables = small.numbers(shapes, np.random.default_rng(1), 'float32')
    run = (small.jit(_run(module, more, train=train)) for train in (True, False))
    return Trial(what, module, inputs, variables, *run, more)


def run_of(trial: Trial, *, train: bool, dtype: Any = None) -> Any:
    """(variables, *inputs) -> (output, collections), not compiled; with another dtype if given."""
    module = trial.module if dtype is None else trial.module.clone(dtype=dtype)
    return _run(module, trial.more, train=train)


def check_statistics(trial: Trial) -> None:
    """Training moves every array of collections but 'params' and `FROZEN`, evaluation none.

    Neither makes another one.
    """
    before = trial.stats
    _, trained = trial.train(trial.variables, *trial.inputs)
    require(
        jax.tree.structure(trained) == jax.tree.structure(before),
        f'{trial.what} keeps other collections in training than it starts with',
    )
    for path, x in jax.tree_util.tree_leaves_with_path(trained):
        old = _at(before, path)
        if path[0].key == FROZEN:
            require(
                bool(np.array_equal(x, old)),
                f'{trial.what} moves {jax.tree_util.keystr(path)}, which is to stay',
            )
            continue
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
    half = run_of(trial, train=True, dtype=jnp.bfloat16)
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
            run = run_of(trial, train=False)
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


def _run(module: nn.Module, more: Mapping[str, Any], *, train: bool) -> Any:
    def run(variables, *inputs):
        moving = [name for name in variables if name != 'params']
        rngs = streams(jax.random.key(0))
        out, after = module.apply(
            variables, *inputs, **more, train=train, mutable=moving, rngs=rngs
        )
        return out['image'] if isinstance(out, Mapping) else out, after

    return run


def _at(tree: Any, path: Any) -> Any:
    for key in path:
        tree = tree[key.key]
    return tree
