"""N members of one configuration, each with its own seed and numbers, trained as one program.

The members' states are stacked, and spread over devices with `shard_map`: a device runs its own
members from the data to the moving average and never talks to another. A member's state is that of
a run of its own to rounding, and its checkpoint is one of such a run.

When it should pay, not measured, since no accelerator could be had: on several devices, where
members wait for nobody and a batch spread over devices waits for every gradient; and on one
accelerator that a small network leaves idle, where the members are one `vmap`.

On a CPU it pays a little, for long runs. Four SNDCGANs of width 0.25 at 16 px, batch 64, hinge,
on two idle cores; seconds a member-step over those of the same members in sequence, median and
range of 7 turns: written out 0.76 (0.70 to 0.86), since one member fills the gaps of another; on
two CPU devices of the same two cores 0.73 (0.60 to 0.98); with `vmap`, which makes grouped
convolutions of theirs, 2.39 (2.32 to 2.97), so that on a CPU they are written out. Those are
compiled one by one: 29 s to the end of the first step instead of 9 s for runs in sequence, which
share one compilation. On busy cores nothing was gained. `tests/benchmark_population.py` measures
it. It never pays for members of different lengths: all take every step together.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.data import DataSet, sampler
from gan_jax.data.dataset import on_disk
from gan_jax.experiment.build import Experiment
from gan_jax.experiment.feed import in_memory
from gan_jax.experiment.program import make_program
from gan_jax.experiment.schedule import acting
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import UserError
from gan_jax.state import Hyper, TrainState
from gan_jax.step import make_train_step

MEMBERS, WHOLE = PartitionSpec('members'), PartitionSpec()


class Population(NamedTuple):
    """What a training loop of several members calls. A population's state is a `TrainState` whose
    arrays have a leading axis of N members, so that `state.metrics` and `state.ema` are stacked.

    Attributes:
        shapes: `jax.ShapeDtypeStruct`s with shardings, like the state of one member.
        init: () -> the state before the first step.
        update: (state, step) -> the state after that step; the state given is used up.
        member: (state, i) -> the state of member i, on the device where it trains.
        stack: the states of N members, in order -> the state of the population.
        reset: metrics -> running means that have seen nothing.
        vary: the numbers of N other members -> their population, with the same compiled program.
    """

    shapes: TrainState
    init: Callable[[], TrainState]
    update: Callable[[TrainState, int], TrainState]
    member: Callable[[TrainState, int], TrainState]
    stack: Callable[[Sequence[TrainState]], TrainState]
    reset: Callable[[Any], Any]
    vary: Callable[[Sequence[Hyper]], 'Population']


def make_population(
    experiment: Experiment,
    dataset: DataSet,
    hypers: Sequence[Hyper],
    *,
    batch_size: int,
    d_steps: int,
    devices: Sequence[jax.Device] | None = None,
) -> Population:
    """The compiled parts of a population; nothing is compiled before it is first called.

    Args:
        experiment: networks and terms of all members; its own numbers are not used.
        dataset: in memory; put whole on every device, once for all of its members, as uint8.
        hypers: the numbers of each member; every member draws its own batches from its seed.
        batch_size: of one discriminator update of one member.
        d_steps: discriminator updates in a step.
        devices: those to use, which take equal shares of the members in order; None is all.

    Raises:
        UserError: the members do not divide among the devices, the numbers of one are not those
            that the experiment has, or the data set is streamed from a disk.
        ValueError, TypeError: the parts do not fit together (names, shapes).
    """
    gan, terms, every, like = experiment
    _stack_numbers(like, hypers)  # refuses members of other terms before anything is built
    if on_disk(dataset):
        raise UserError(
            f"'{dataset.name}' is read from the disk as it is needed, and a population keeps its "
            'data on the devices: train its members one by one'
        )
    count = len(hypers)
    mesh = _mesh(count, jax.devices() if devices is None else devices)
    spread, everywhere = NamedSharding(mesh, MEMBERS), NamedSharding(mesh, WHOLE)
    alone = make_program(
        experiment,
        dataset,
        sharding.make_mesh(1, batch_size),
        batch_size=batch_size,
        d_steps=d_steps,
    )
    held = functools.cache(lambda: jax.device_put(in_memory(dataset), everywhere))

    @functools.cache
    def compiled(active: frozenset[str]):
        step = make_train_step(
            gan, {name: term for name, term in terms.items() if name in active}, every=every
        )

        def update(state, resident, indices, hyper):
            def of_one(state, indices, hyper):
                batch = {name: array[indices] for name, array in resident.items()}
                return step(state, batch, hyper)[0]

            return _each(of_one)(state, indices, hyper)

        on_each_device = jax.shard_map(
            update,
            mesh=mesh,
            in_specs=(MEMBERS, WHOLE, MEMBERS, MEMBERS),
            out_specs=MEMBERS,
            # It would refuse the derivatives of `models.conv`, and there is nothing for it to
            # find: all that comes out is each device's own.
            check_vma=False,
        )
        return jax.jit(on_each_device, donate_argnums=0)

    def rows(hyper, step):
        return sampler.of_step(int(hyper.seed), step, d_steps, batch_size, len(dataset.images))

    def stack(states):
        _check_count(count, states, 'states')
        # Through the host, so that no device ever holds more than its own share.
        on_host = [jax.device_get(state) for state in states]
        return jax.device_put(jax.tree.map(lambda *xs: np.stack(xs), *on_host), spread)

    def member(state, i):
        device, place = divmod(i, count // mesh.size)
        shares = jax.tree.map(lambda x: _share(x, mesh.devices[device]), state)
        return _take(shares, place)

    reset = jax.jit(lambda m: jax.tree.map(jnp.zeros_like, m), out_shardings=spread)

    def of(hypers):
        _check_count(count, hypers, "members' numbers")
        numbers = jax.device_put(_stack_numbers(like, hypers), spread)

        def update(state, step):
            indices = np.stack([rows(hyper, step) for hyper in hypers])  # [N, k, B]
            indices = jax.device_put(indices, spread)
            return compiled(acting(step, every))(state, held(), indices, numbers)

        return Population(
            alone.shapes,
            init=lambda: stack([jax.device_get(alone.init(hyper)) for hyper in hypers]),
            update=update,
            member=member,
            stack=stack,
            reset=reset,
            vary=of,
        )

    return of(hypers)


def _check_count(count: int, given: Sequence[Any], what: str) -> None:
    if len(given) != count:
        raise ValueError(f'a population of {count} takes no {len(given)} {what}')


def _stack_numbers(like: Hyper, hypers: Sequence[Hyper]) -> Hyper:
    """The members' numbers with a leading axis [N], in the types of the experiment's own."""
    for i, hyper in enumerate(hypers):
        wrong = sorted(_names(like) ^ _names(hyper))
        if wrong:
            raise UserError(
                f'member {i} of the population has other numbers than the experiment, they differ '
                f'in {", ".join(wrong)}: members share their terms and policies (a weight of 0 in '
                'the config takes a term out); train this one in a population of its own'
            )
    return jax.tree.map(lambda x, *xs: np.asarray(xs, np.asarray(x).dtype), like, *hypers)


def _names(tree: Any) -> set[str]:
    """The path of every leaf: 'weights.adversarial'."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path, simple=True, separator='.') for path, _ in paths}


def _mesh(members: int, devices: Sequence[jax.Device]) -> Mesh:
    if members % len(devices):
        most = max(n for n in range(1, len(devices)) if members % n == 0)
        raise UserError(
            f'{members} members do not divide among {len(devices)} devices: '
            f'use {most} of them, or {members + -members % len(devices)} members'
        )
    return sharding.grid({'members': len(devices)}, devices)


def _each(of_one: Callable) -> Callable:
    """`of_one` for every member of a device.

    On a CPU written out, since XLA runs the grouped convolutions that `vmap` makes of those of
    several networks far slower there.
    """
    return _written_out(of_one) if jax.default_backend() == 'cpu' else jax.vmap(of_one)


def _written_out(of_one: Callable) -> Callable:
    def of_all(*stacked):
        count = len(jax.tree.leaves(stacked)[0])
        outs = [of_one(*jax.tree.map(lambda x, i=i: x[i], stacked)) for i in range(count)]
        return jax.tree.map(lambda *xs: jnp.stack(xs), *outs)

    return of_all


def _share(array: jax.Array, device: jax.Device) -> jax.Array:
    """What a device holds of an array, without asking any other."""
    return next(s.data for s in array.addressable_shards if s.device == device)


@jax.jit
def _take(tree: Any, i: jax.Array) -> Any:
    return jax.tree.map(lambda x: x[i], tree)
