"""The distance of our networks from the published code with the same weights.

    python -m tests.oracle.published_errors

The published numbers are in tests/oracle/published, see record_published.py; neither that code nor
PyTorch is needed. An error is the largest difference over the largest number of the array.
"""

import contextlib
import functools
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from jax import Array
from numpy.typing import NDArray

from gan_jax.models.stylegan3 import waves
from gan_jax.testing import small
from tests.oracle import published_cases as cases
from tests.oracle.published_cases import Case
from tests.oracle.published_networks import build, mapped, waves_of

Tree = Any


class Published(NamedTuple):
    """The record of a network, under the names and in the layouts of ours.

    Attributes:
        variables: of our network.
        noise: of each convolution in turn, [side, side].
        waves: frequencies and phases of StyleGAN3's input, or None.
        arrays: 'output', 'input', 'average', ...; see record_published.py.
        first: gradients of the parameters, of large ones NaN where nothing is kept.
        second: second gradients, likewise.
    """

    variables: Tree
    noise: list[NDArray[np.float32]]
    waves: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    arrays: dict[str, NDArray[np.float32]]
    first: Tree
    second: Tree


def published(case: Case) -> Published:
    """The record of a network."""
    with np.load(cases.FOLDER / f'{case.name}.npz') as file:
        found = dict(file)
    shapes, buffers = (json.loads(str(found.pop(key))) for key in ('shapes', 'buffers'))
    state = cases.weights(case.code, {**shapes, **buffers})
    noise = [cases.drawn(name, shape) for name, shape in cases.noises(case).items()]
    first, second = (
        mapped(case, _split(found.pop(key), shapes, most))['params']
        for key, most in (('first', case.kept), ('second', cases.FEW))
    )
    return Published(mapped(case, state), noise, waves_of(case, state), found, first, second)


def _split(
    values: NDArray[np.float32], shapes: dict[str, list[int]], most: int
) -> dict[str, NDArray[np.float32]]:
    """{name: value} of what is kept of each in turn."""
    found, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        places = cases.places(size, most)
        found[name] = np.full(size, np.nan, np.float32)
        found[name][places] = values[start : start + len(places)]
        found[name], start = found[name].reshape(shape), start + len(places)
    assert start == len(values)
    return found


class Network(NamedTuple):
    """One of our networks as functions; G's images are in [-1, 1] and beyond, as theirs.

    Attributes:
        output: (parameters, latents or images) -> images [N, H, W, C] or logits [N].
        inner: (parameters, latents or images) -> x, see record_published.py.
        outer: (parameters, x) -> output.
    """

    output: Callable[[Tree, Array], Array]
    inner: Callable[[Tree, Array], Array]
    outer: Callable[[Tree, Array], Array]


def network(case: Case, record: Published) -> Network:
    """Our network with the published code's averages."""
    label = jnp.asarray(cases.labels(case))
    module = build(case)
    stats = {name: x for name, x in record.variables.items() if name != 'params'}
    rngs, mutable = {'noise': jax.random.key(0)}, [*stats]

    def called(params: Tree, x: Array, **options: Any) -> Tree:
        variables = {'params': params, **stats}
        return module.apply(variables, x, label, train=True, rngs=rngs, mutable=mutable, **options)

    def logits(params: Tree, x: Array) -> Array:
        return called(params, (x + 1) / 2)[0]['logit']

    def images(params: Tree, x: Array, **options: Any) -> Array:
        found = called(params, x, **options)[0]
        return 2 * (found['image'] if isinstance(found, dict) else found) - 1

    if case.player == 'd':
        return Network(logits, lambda params, x: x, logits)
    if 'averages' not in stats:  # no w either
        return Network(images, lambda params, x: x, images)
    outer = functools.partial(images, method='synthesize')
    return Network(images, lambda params, z: called(params, z)[0]['w'], outer)


def computed(case: Case, record: Published) -> Published:
    """The arrays of our network, in place of the published ones."""
    net, r = network(case, record), cases.directions(case)

    def s(params: Tree, x: Array) -> Array:
        return jnp.sum(r * net.output(params, x))

    def penalty(params: Tree, x: Array) -> Array:
        slope = jax.grad(lambda x: jnp.sum(r * net.outer(params, x)))(net.inner(params, x))
        return jnp.sum(slope**2) / 2

    def all_of_it(params: Tree, x: Array) -> tuple:
        first, of_input = jax.grad(s, (0, 1))(params, x)
        return net.output(params, x), of_input, first, jax.grad(penalty)(params, x)

    given = cases.latents(case) if case.player == 'g' else cases.images(case)
    with given_draws(record):
        found = small.jit(all_of_it)(record.variables['params'], given)
        more = evaluated(case, record) if 'average' in record.arrays else {}
    output, of_input, first, second = jax.tree.map(np.asarray, found)
    arrays = {'output': cases.kept(output), 'input': cases.kept(of_input), **more}
    return record._replace(arrays=arrays, first=first, second=second)


def evaluated(case: Case, record: Published) -> dict[str, NDArray[np.float32]]:
    """The averages after the batch, and the images of truncated w."""
    z, label = cases.latents(case), cases.labels(case)
    rngs = {'noise': jax.random.key(0)}
    module = build(case, truncation=cases.PSI, truncated=cases.TRUNCATED, clipped=False)

    def both(variables: Tree) -> tuple:
        mutable = dict(rngs=rngs, mutable=['averages'])
        _, moved = module.apply(variables, z, label, train=True, **mutable)
        moved = {'params': variables['params'], **moved}
        image = module.apply(moved, z, label, train=False, rngs=rngs)['image']
        return moved['averages'], 2 * image - 1

    averages, image = jax.tree.map(np.asarray, small.jit(both)(record.variables))
    squares = averages.get('synthesis', {})
    return {'average': averages['w'], 'truncated': cases.kept(image), **squares}


@contextlib.contextmanager
def given_draws(record: Published) -> Iterator[None]:
    """Within, random maps are the record's in turn, the same for all images, and so are waves."""
    turns, drawn = itertools.cycle(record.noise), jax.random.normal

    def normal(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        if len(shape) < 4:  # a first weight, of which Flax takes the shape
            return drawn(key, shape, dtype)
        return jnp.broadcast_to(jnp.asarray(next(turns), dtype)[None, :, :, None], shape)

    with (
        mock.patch.object(jax.random, 'normal', normal),
        mock.patch.object(waves, 'waves', lambda band: record.waves),
    ):
        yield


def errors(case: Case) -> dict[str, float]:
    """The error of every array; of gradients by 'first/' or 'second/' and the parameter's path.

    Second gradients are compared with the largest of their layer: biases of a discriminator have
    some by the minibatch standard deviation alone, a thousandth of the kernel's, or rounding. So
    are gradients of BigGAN-deep and SAGAN, whose last block's biases meet a norm, and of LadaGAN,
    whose softmax does not see a bias of its scores: both leave rounding.
    """
    by_layer = case.code in (cases.DEEP, cases.SAGAN, cases.LADAGAN)
    layers = ('first/', 'second/') if by_layer else ('second/',)
    record = published(case)
    theirs, ours = flat(record), flat(computed(case, record))
    assert theirs.keys() == ours.keys()
    scales: dict[str, float] = {}
    for name, x in theirs.items():
        scale = _scale_of(name, layers)
        scales[scale] = max(scales.get(scale, 0), float(np.nanmax(np.abs(x))))
    return {
        n: _over(difference(ours[n], x), scales[_scale_of(n, layers)]) for n, x in theirs.items()
    }


def difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """The largest difference where theirs is kept, that is, not NaN; NaN where ours alone is."""
    kept = ~np.isnan(theirs)
    return float(np.max(np.abs(ours[kept] - theirs[kept])))


def _scale_of(name: str, layers: tuple[str, ...]) -> str:
    return name.rpartition('/')[0] if name.startswith(layers) else name


def _over(difference: float, scale: float) -> float:
    return float(difference / scale) if scale else float(difference)


def flat(record: Published) -> dict[str, NDArray[np.float32]]:
    """All arrays but the variables, by name."""
    gradients = {'first': record.first, 'second': record.second}
    return {**record.arrays, **flatten_dict(gradients, sep='/')}


def main() -> None:
    """Prints the largest errors of each network, as a table."""
    print('| | forward | gradients | second gradients |\n|---|---|---|---|')
    for case in cases.CASES:
        found = errors(case)
        kinds = {'forward': 0.0, 'first': 0.0, 'second': 0.0}
        for name, error in found.items():
            kind = name.partition('/')[0].replace('input', 'first')
            kind = kind if kind in kinds else 'forward'
            kinds[kind] = float(np.maximum(kinds[kind], error))  # NaN stays
        print(f'| {case.name} | {" | ".join(f"{x:.1e}" for x in kinds.values())} |', flush=True)


if __name__ == '__main__':
    main()
