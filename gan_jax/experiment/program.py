"""The train step compiled for a mesh, with the feed of its data."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from gan_jax import freezing
from gan_jax.data import DataSet
from gan_jax.experiment import contracts
from gan_jax.experiment.build import Experiment
from gan_jax.experiment.feed import make_feed
from gan_jax.experiment.schedule import acting
from gan_jax.running_means import empty
from gan_jax.runtime import sharding
from gan_jax.state import Hyper, TrainState, create, name_of, player_of
from gan_jax.step import make_train_step

# For a program that runs once. On a CPU, LLVM at its default level would take longer to compile the
# random numbers of all kernels than a train step; this is level 1 of 3.
_COMPILE_FAST = {'xla_backend_optimization_level': 1}


class Program(NamedTuple):
    """The compiled functions of the training loop.

    Attributes:
        shapes: the state as `jax.ShapeDtypeStruct`s with shardings.
        init_generator: hyper -> the state before the first step with G and its averages alone; the
            other fields are None. It compiles in a fraction of the time that the rest takes.
        init: (hyper, generator=None) -> the state before the first step; `generator`, from
            `init_generator`, becomes part of it.
        update: (state, step, hyper, count=1) -> the state after `count` steps from `step` on, in
            which the same terms act; the given state is donated.
        lower: (count=1, platforms=None) -> `count` steps with all terms, lowered and not compiled:
            for the devices, or for platforms such as ('tpu', 'cuda') in one text.
        flops: () -> the operations of a step with all terms, as XLA counts them before its
            optimisation; None where it does not. Counted once.
        reset: metrics -> empty running means.
    """

    shapes: TrainState
    init_generator: Callable[[Hyper], TrainState]
    init: Callable[..., TrainState]
    update: Callable[..., TrainState]
    lower: Callable[..., jax.stages.Lowered]
    flops: Callable[[], float | None]
    reset: Callable[[Any], Any]


def make_program(
    experiment: Experiment, dataset: DataSet, mesh: Mesh, *, batch_size: int, d_steps: int
) -> Program:
    """The program of an experiment; each function is compiled when it is first called.

    Args:
        experiment: networks, terms and hyper-parameters.
        dataset: as in `feed.make_feed`.
        mesh: from `sharding.make_mesh`.
        batch_size: size of the global batch of one discriminator update.
        d_steps: discriminator updates in a step.

    Raises:
        ValueError, TypeError: networks and terms do not fit together (names, shapes, see
            `contracts.check_contracts`).
    """
    gan, terms, every, hyper = experiment
    shape = dataset.images.shape[1:]
    feed = make_feed(
        dataset,
        mesh,
        batch_size=batch_size,
        rows=gan.batches(d_steps),
        reals=gan.latent.reals,
    )

    @functools.cache
    def step_with(active: frozenset[str]):
        step = make_train_step(
            gan,
            {name: term for name, term in terms.items() if name in active},
            every=every,
            constrain_batch=sharding.batch_constraint(mesh),
            gather_params=sharding.params_gatherer(mesh),
            unroll=sharding.on_cpu(mesh),
        )

        return lambda state, resident, drawn, hyper: step(
            state, feed.gather(resident, drawn), hyper
        )

    @jax.jit  # traced once for the shapes and for both programs of the first state
    def init_without_metrics(hyper):
        return create(
            gan.generator,
            gan.critic,
            terms,
            gan.optimizers,
            seed=hyper.seed,
            latent_dim=gan.latent_dim,
            latent=gan.latent,
            shape=shape,
            averaged=gan.averages,
            freeze=gan.freeze,
        )

    def placed(tree):
        where = sharding.state_sharding(tree, mesh)
        return jax.tree.map(
            lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), tree, where
        )

    # With the shardings of the program, so that this trace of the step can be reused there.
    first = placed(jax.eval_shape(init_without_metrics, hyper))
    nets = {'g': first.g, 'd': first.d, **first.nets}
    params = {name_of(path): net.params for path, net in nets.items()}
    freezing.check_pattern(gan.freeze, params)
    _, metrics = jax.eval_shape(step_with(frozenset(terms)), first, *feed.shapes, hyper)
    contracts.check_contracts(
        gan, terms, first, hyper, shape=shape, batch_size=batch_size, every=every
    )
    shapes = first.replace(metrics=placed(jax.eval_shape(lambda: empty(metrics))))
    where = jax.tree.map(lambda x: x.sharding, shapes)

    init_generator, init = _make_init(init_without_metrics, metrics, where)

    @functools.cache
    def compiled(active: frozenset[str], several: bool):
        def update(*arguments):
            return step_with(active)(*arguments)[0]

        def updates(state, resident, drawn, hyper):
            def one(state, drawn):
                return update(state, resident, drawn, hyper), None

            return jax.lax.scan(one, state, drawn)[0]

        run = updates if several else update
        return jax.jit(run, donate_argnums=0, out_shardings=where)

    def update(state, step, hyper, count=1):
        sets = {acting(one, every) for one in range(step, step + count)}
        if len(sets) > 1:
            raise ValueError(f'the {count} steps from {step} on have not the same terms in them')
        drawn = feed.index_batch(int(hyper.seed), step, count)
        return compiled(sets.pop(), count > 1)(state, feed.resident(), drawn, hyper)

    def lower(count=1, platforms=None):
        resident, drawn = feed.shapes
        if count > 1:
            where = sharding.batch_sharding(mesh, axis=2)
            drawn = jax.tree.map(
                lambda x: jax.ShapeDtypeStruct((count, *x.shape), x.dtype, sharding=where), drawn
            )
        traced = compiled(frozenset(terms), count > 1).trace(shapes, resident, drawn, hyper)
        return traced.lower(lowering_platforms=platforms)

    @functools.cache
    def flops():
        return (lower().cost_analysis() or {}).get('flops')

    reset = jax.jit(lambda m: jax.tree.map(jnp.zeros_like, m), out_shardings=where.metrics)
    return Program(shapes, init_generator, init, update, lower, flops, reset)


def _make_init(
    whole: Callable[[Hyper], TrainState], metrics: Any, where: TrainState
) -> tuple[Callable[[Hyper], TrainState], Callable[..., TrainState]]:
    """`Program.init_generator` and `Program.init`: two programs, so that G's can run first.

    Args:
        whole: hyper -> the first state, without metrics.
        metrics: of a step, by name.
        where: the state's shardings.
    """
    compiled_fast = functools.partial(jax.jit, compiler_options=_COMPILE_FAST)

    def of_generator(state):
        own = {n: x for n, x in state.averages.items() if player_of(n) == 'g'}
        return TrainState(None, state.g, None, state.ema, None, None, own)

    def without_generator(state):
        others = {n: x for n, x in state.averages.items() if player_of(n) != 'g'}
        return state.replace(g=None, ema=None, averages=others)

    @functools.partial(compiled_fast, out_shardings=of_generator(where))
    def init_generator(hyper):
        return of_generator(whole(hyper))

    @functools.partial(compiled_fast, out_shardings=without_generator(where))
    def init_others(hyper):
        return without_generator(whole(hyper)).replace(metrics=empty(metrics))

    def init(hyper, generator=None):
        generator, others = generator or init_generator(hyper), init_others(hyper)
        averages = {**others.averages, **generator.averages}
        return others.replace(g=generator.g, ema=generator.ema, averages=averages)

    return init_generator, init
