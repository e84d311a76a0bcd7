"""Population training: N runs of one configuration, with different numbers, as one program.

The members' states are stacked and sharded over devices with `shard_map`. A device runs its own
members from the data to the moving average, without communication. Up to rounding, a member's state
equals the state of a separate run, and its checkpoint can be used as one.

On accelerators the speed has not been measured, since none was available. It should pay on several
devices, since members do not wait for each other, while a sharded batch waits for every gradient.
It should also pay on one accelerator that a small network leaves idle; there the members are one
`vmap`.

On a CPU it pays a little, for long runs. `tests/benchmark_population.py` measured four SNDCGANs of
width 0.25 at 16 px, batch 64, hinge, on two idle cores. Seconds per member-step relative to the
same members in sequence, median and range of 7 turns:

- unrolled members: 0.76 (0.70 to 0.86), since one member fills the gaps of another;
- unrolled members on two CPU devices of the same two cores: 0.73 (0.60 to 0.98);
- `vmap`: 2.39 (2.32 to 2.97), since XLA makes grouped convolutions of it.

Members are therefore unrolled on a CPU. Each is then compiled by itself: 29 s to the end of the
first step, instead of 9 s for runs in sequence, which share one compilation. On busy cores nothing
was gained. Populations never pay for runs of different lengths: all members take every step.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.data import DataSet, sampler
from gan_jax.data.dataset import as_seen, on_disk
from gan_jax.experiment.build import Experiment
from gan_jax.experiment.feed import gather, in_memory, resident_shapes
from gan_jax.experiment.program import make_program
from gan_jax.experiment.schedule import acting
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import UserError
from gan_jax.state import Hyper, TrainState
from gan_jax.step import make_train_step

MEMBERS, WHOLE = PartitionSpec('members'), PartitionSpec()


class Population(NamedTuple):
    """The compiled functions of a training loop with several members.

    The state of a population is a `TrainState` whose arrays, `state.metrics` and `state.ema`
    included, have a leading axis of N members.

    Attributes:
        shapes: the state of one member as `jax.ShapeDtypeStruct`s with shardings.
        init: () -> the state before the first step.
        update: (state, step) -> the state after that step; the given state is donated.
        lower: () -> the step with all terms, lowered and not compiled.
        member: (state, i) -> the state of member i, on the device where it trains.
        stack: the states of N members, in order -> the state of the population.
        reset: metrics -> empty running means.
        vary: `Hyper`s of N other members -> their population, with the same compiled program.
    """

    shapes: TrainState
    init: Callable[[], TrainState]
    update: Callable[[TrainState, int], TrainState]
    lower: Callable[[], jax.stages.Lowered]
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
    """A population; each of its functions is compiled when it is first called.

    Args:
        experiment: networks and terms of all members; its hyper-parameters are not used.
        dataset: a data set in memory; every device gets all of it, or of its codes, once.
        hypers: hyper-parameters of each member; a member draws its batches from its own seed.
        batch_size: size of the batch of one discriminator update of one member.
        d_steps: discriminator updates in a step.
        devices: devices to use, with equal shares of the members in order; None is all.

    Raises:
        UserError: the members do not divide among the devices, a member has other terms or policies
            than the experiment, or the data set is streamed from a disk.
        ValueError, TypeError: networks and terms do not fit together (names, shapes).
    """
    gan, terms, every, like = experiment
    _stack_numbers(like, hypers)  # refuses members of other terms before anything is built
    dataset = as_seen(dataset)
    if on_disk(dataset):
        raise UserError(
            f"'{dataset.name}' is read from the disk as it is needed, and a population keeps its "
            'data on the devices: train its members one by one'
        )
    count = len(hypers)
    mesh = _mesh(count, jax.devices() if devices is None else devices)
    sharded, replicated = NamedSharding(mesh, MEMBERS), NamedSharding(mesh, WHOLE)
    single = make_program(
        experiment,
        dataset,
        sharding.line(mesh.devices.flat[:1]),
        batch_size=batch_size,
        d_steps=d_steps,
    )
    resident = functools.cache(lambda: jax.device_put(in_memory(dataset), replicated))

    compiled = functools.cache(functools.partial(_compiled, experiment, mesh, dataset))

    batches = gan.batches(d_steps)

    def rows(seed, step):
        return sampler.drawn(seed, step, batches, batch_size, len(dataset.images), gan.latent.reals)

    def stack(states):
        _check_count(count, states, 'states')
        # Through the host, so that no device ever holds more than its own share.
        on_host = [jax.device_get(state) for state in states]
        return jax.device_put(jax.tree.map(lambda *xs: np.stack(xs), *on_host), sharded)

    def member(state, i):
        device, place = divmod(i, count // mesh.size)
        shares = jax.tree.map(lambda x: _share(x, mesh.devices[device]), state)
        return _take(shares, place)

    reset = jax.jit(lambda m: jax.tree.map(jnp.zeros_like, m), out_shardings=sharded)

    def struct(shape, dtype, where):
        return jax.ShapeDtypeStruct(shape, dtype, sharding=where)

    def of(hypers):
        _check_count(count, hypers, "members' numbers")
        numbers = _stack_numbers(like, hypers)
        placed = functools.cache(lambda: jax.device_put(numbers, sharded))

        def update(state, step):
            each = [rows(int(hyper.seed), step) for hyper in hypers]
            drawn = jax.tree.map(lambda *xs: np.stack(xs), *each)  # [N, k, B, ...]
            drawn = jax.device_put(drawn, sharded)
            return compiled(acting(step, every))(state, resident(), drawn, placed())

        def lower():
            return compiled(frozenset(terms)).lower(
                jax.tree.map(lambda x: struct((count, *x.shape), x.dtype, sharded), single.shapes),
                resident_shapes(dataset, replicated),
                jax.tree.map(lambda x: struct((count, *x.shape), x.dtype, sharded), rows(0, 0)),
                jax.tree.map(lambda x: struct(x.shape, x.dtype, sharded), numbers),
            )

        return Population(
            single.shapes,
            init=lambda: stack([jax.device_get(single.init(hyper)) for hyper in hypers]),
            update=update,
            member=member,
            stack=stack,
            lower=lower,
            reset=reset,
            vary=of,
        )

    return of(hypers)


def _compiled(experiment: Experiment, mesh: Mesh, dataset: DataSet, active: frozenset[str]):
    """(state, resident, drawn, hyper) -> the states after a step with the terms `active`."""
    gan, terms, every, _ = experiment
    step = make_train_step(
        gan,
        {name: term for name, term in terms.items() if name in active},
        every=every,
        unroll=sharding.on_cpu(mesh),
    )

    def update(state, resident, drawn, hyper):
        def of_one(state, drawn, hyper):
            batch = gather(resident, drawn, dataset.images.shape[1:])
            return step(state, batch, hyper)[0]

        return _each(mesh)(of_one)(state, drawn, hyper)

    on_each_device = jax.shard_map(
        update,
        mesh=mesh,
        in_specs=(MEMBERS, WHOLE, MEMBERS, MEMBERS),
        out_specs=MEMBERS,
        # It would refuse the derivatives of `models.conv`, and would find no fault: every output
        # belongs to one device.
        check_vma=False,
    )
    return jax.jit(on_each_device, donate_argnums=0)


def _check_count(count: int, given: Sequence[Any], what: str) -> None:
    if len(given) != count:
        raise ValueError(f'a population of {count} takes no {len(given)} {what}')


def _stack_numbers(like: Hyper, hypers: Sequence[Hyper]) -> Hyper:
    """The members' hyper-parameters with a leading axis [N], in the dtypes of `like`."""
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


def _each(mesh: Mesh) -> Callable[[Callable], Callable]:
    """Makes a function of one member a function of all members of a device.

    The members are unrolled on a CPU, else it is `vmap`.

    `vmap` turns the convolutions of several networks into grouped ones, far slower on a CPU.
    """
    return _unrolled if sharding.on_cpu(mesh) else jax.vmap


def _unrolled(of_one: Callable) -> Callable:
    def of_all(*stacked):
        count = len(jax.tree.leaves(stacked)[0])
        outs = [of_one(*jax.tree.map(lambda x, i=i: x[i], stacked)) for i in range(count)]
        return jax.tree.map(lambda *xs: jnp.stack(xs), *outs)

    return of_all


def _share(array: jax.Array, device: jax.Device) -> jax.Array:
    """The shard of an array on a device, without communication."""
    return next(s.data for s in array.addressable_shards if s.device == device)


@jax.jit
def _take(tree: Any, i: jax.Array) -> Any:
    return jax.tree.map(lambda x: x[i], tree)
