"""The train step compiled for a mesh, with the data set resident on its devices."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax import sharding
from gan_jax.data import DataSet, sampler
from gan_jax.experiment import Experiment
from gan_jax.state import Hyper, TrainState, create, empty
from gan_jax.step import make_train_step


class Program(NamedTuple):
    """What the training loop calls.

    Attributes:
        shapes: `jax.ShapeDtypeStruct`s with shardings, like a state.
        init: hyper -> the state before the first step.
        update: (state, step, hyper) -> the state after that step; the state given is used up.
        lower: () -> the step that has every term in it, lowered and not compiled.
        reset: metrics -> running means that have seen nothing.
    """

    shapes: TrainState
    init: Callable[[Hyper], TrainState]
    update: Callable[[TrainState, int, Hyper], TrainState]
    lower: Callable[[], jax.stages.Lowered]
    reset: Callable[[Any], Any]


def make_program(
    experiment: Experiment, dataset: DataSet, mesh: Mesh, *, batch_size: int, d_steps: int
) -> Program:
    """The compiled parts of a run; nothing is compiled before it is first called.

    Args:
        experiment: networks, terms and numbers.
        dataset: put whole on every device of the mesh, as uint8.
        mesh: from `sharding.make_mesh`.
        batch_size: global, of one discriminator update.
        d_steps: discriminator updates in a step.

    Raises:
        ValueError, TypeError: the parts do not fit together (names, shapes).
    """
    game, terms, every, hyper = experiment
    everywhere = sharding.replicated(mesh)
    count, *shape = dataset.images.shape
    labels = np.zeros(count, np.int32) if dataset.labels is None else dataset.labels
    resident = {'image': dataset.images, 'label': labels}

    def step_with(active: frozenset[str]):
        step = make_train_step(
            game,
            {name: term for name, term in terms.items() if name in active},
            every=every,
            shard=sharding.shard_with(mesh),
        )

        def update(state, resident, indices, hyper):
            batch = {name: array[indices] for name, array in resident.items()}
            return step(state, batch, hyper)

        return update

    def init_without_metrics(hyper):
        return create(
            game.generator,
            game.critic,
            terms,
            game.optimizers,
            seed=hyper.seed,
            latent_dim=game.latent_dim,
            shape=tuple(shape),
        )

    indices = jax.ShapeDtypeStruct((d_steps, batch_size), jnp.int32)
    first = jax.eval_shape(init_without_metrics, hyper)
    _, metrics = jax.eval_shape(step_with(frozenset(terms)), first, resident, indices, hyper)

    @functools.partial(jax.jit, out_shardings=everywhere)
    def init(hyper):
        return init_without_metrics(hyper).replace(metrics=empty(metrics))

    @functools.cache
    def compiled(active: frozenset[str]):
        def update(*arguments):
            return step_with(active)(*arguments)[0]

        return jax.jit(update, donate_argnums=0, out_shardings=everywhere)

    def shapes_of(tree, where):
        struct = functools.partial(jax.ShapeDtypeStruct, sharding=where)
        return jax.tree.map(lambda x: struct(x.shape, x.dtype), tree)

    shapes = shapes_of(jax.eval_shape(init, hyper), everywhere)
    on_devices = functools.cache(lambda: jax.device_put(resident, everywhere))
    spread = sharding.batch_sharding(mesh, axis=1)

    def update(state, step, hyper):
        active = frozenset(name for name in terms if step % every[name] == 0)
        rows = [
            sampler.indices(int(hyper.seed), step * d_steps + i, batch_size, count)
            for i in range(d_steps)
        ]
        batch = jax.device_put(np.stack(rows), spread)
        return compiled(active)(state, on_devices(), batch, hyper)

    def lower():
        data, batch = shapes_of(resident, everywhere), shapes_of(indices, spread)
        return compiled(frozenset(terms)).lower(shapes, data, batch, hyper)

    reset = jax.jit(lambda m: jax.tree.map(jnp.zeros_like, m), out_shardings=everywhere)
    return Program(shapes, init, update, lower, reset)
