"""Views: the images that the discriminator sees, described as data and built once per step.

A term names the views that it reads. Equal views of different terms are one view: its pixels are
drawn once, and the discriminator sees them once.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.augment import policy as policies
from gan_jax.keys import named
from gan_jax.runtime.errors import of_part

# A batch with all that belongs to it: {'image': [B, H, W, C] in [0, 1], 'label': [B] int32, ...}.
Record = Mapping[str, jax.Array]
# Its entries with a meaning. The outputs of heads are in it too, by the names of their terms.
RESERVED = ('image', 'label', 'index', 'z', 'logit', 'features', 'dx', 'target')


def without_policy(make: Callable[..., Record]) -> Callable[..., Record]:
    """Marks the function of a view that ignores the policy, so that no policy names its draws."""
    # A function has any attributes; its type has none of them.
    make.without_policy = True  # type: ignore[attr-defined]
    return make


def plain(key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any) -> Record:
    """The view's source, unchanged."""
    del key, policy, strength
    return sources['own']


def augmented(
    key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any
) -> Record:
    """The view's source, augmented by the policy with a fresh draw for each image."""
    own = sources['own']
    return {**own, 'image': policy(key, own['image'], strength)}


@without_policy
def mixed(key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any) -> Record:
    """Interpolations of an image x of the source and an image f of 'fake': x + a (f - x).

    a ~ U(0, 1) for each image; the label is the label of x. WGAN-GP's samples (Gulrajani et al.
    2017, arXiv 1704.00028, algorithm 1).
    """
    del policy, strength
    own, fake = sources['own'], sources['fake']['image']
    image = own['image']
    share = jax.random.uniform(key, (len(image), 1, 1, 1), image.dtype)
    return {**own, 'image': image + share * (fake - image)}


@without_policy
def perturbed(
    key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any
) -> Record:
    """The source's images x with noise: x + a std(x) U / 2, where U ~ U(0, 1) for each value.

    a ~ U(0, 1) for each image; std(x) is the standard deviation of all values of the batch. Nothing
    is clipped: the noise is never negative, so an image may exceed 1. DRAGAN's samples (Kodali et
    al. 2017, arXiv 1705.07215) as StudioGAN draws them; compare_gan centres U, has no a and clips.
    """
    del policy, strength
    own = sources['own']
    image = own['image']
    share = jax.random.uniform(named(key, 'share'), (len(image), 1, 1, 1), image.dtype)
    noise = jax.random.uniform(named(key, 'noise'), image.shape, image.dtype)
    return {**own, 'image': image + share * jnp.std(image) * noise / 2}


@without_policy
def rotated(
    key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any, *, turns: int
) -> Record:
    """The source's images turned counterclockwise by `turns` times 90°.

    Raises:
        ValueError: the images are not square.
    """
    del key, policy, strength
    own = sources['own']
    return {**own, 'image': _turn(own['image'], turns)}


@without_policy
def rotated_quarter(
    key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any
) -> Record:
    """A quarter of the source's images, each rotated by 0°, 90°, 180° and 270°.

    The quarter is the last of every four images: rows 4 n to 4 n + 3 are image 4 n + 3 rotated 0,
    1, 2 and 3 times, so that nothing leaves its device. The record gains 'turns' [B], int32.

    Raises:
        ValueError: the images are not square, or B is no multiple of 4.
    """
    del key, policy, strength
    own = sources['own']
    size = len(own['image'])
    if size % 4:
        raise ValueError(f'a quarter of the batch is to be rotated, but {size} is no multiple of 4')
    last = jax.tree.map(lambda x: x.reshape(-1, 4, *x.shape[1:])[:, 3], dict(own))  # [B / 4, ...]
    copies = [{**last, 'image': _turn(last['image'], turns)} for turns in range(4)]
    record = jax.tree.map(lambda *parts: join(parts), *copies)
    return {**record, 'turns': jnp.arange(size, dtype=jnp.int32) % 4}


class View(NamedTuple):
    """A view of a source; equal views share their pixels.

    Attributes:
        source: 'real', 'fake', or the name of a further latent of a term ('fake_near').
        make: (key, sources {name: Record}, policy, strength f32[], **options) -> Record of the same
            batch size. `sources['own']` is the record of the view's source. Must be defined at
            module level, since its path is part of the name of the view's random key.
        policy: augmentation policy such as 'flip|translation'; '' stands for the config's
            `augment.view`.
        draw: number that distinguishes independent draws of the same view.
        options: further keywords of `make`, as (name, value) pairs of plain values.
    """

    source: str
    make: Callable[..., Record] = plain
    policy: str = ''
    draw: int = 0
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self):
        if self.make is plain:
            return self.source
        policy = f' {self.policy}' if self.policy else ''
        options = ''.join(f' {key}={value}' for key, value in self.options)
        draw = f' #{self.draw}' if self.draw else ''
        return f'{self.make.__name__} {self.source}{policy}{options}{draw}'


def settle(view: View, policy: str) -> View:
    """The view in its normal form, with its policy filled in: equal pixels give equal views.

    A plain view has no policy and no draw. A view `without_policy` has no policy. An augmented
    view without a policy becomes the plain view, so that a consistency term without an
    augmentation costs and changes nothing.
    """
    if view.make is plain:
        return View(view.source)
    if getattr(view.make, 'without_policy', False):
        return view._replace(policy='')
    view = view._replace(policy=view.policy or policy)
    return View(view.source) if view.make is augmented and not view.policy else view


def build_views(
    wanted: Iterable[View],
    key: jax.Array,
    sources: Mapping[str, Record],
    strengths: Mapping[str, jax.Array],
    probabilities: Mapping[str, jax.Array],
) -> dict[View, Record]:
    """The records of the distinct views in `wanted`, which must be settled.

    Args:
        wanted: settled views; a view that occurs twice is built once.
        key: the key of this update; each view draws from a key named after the view.
        sources: the records of every source, by name.
        strengths: f32[] for each policy that takes one.
        probabilities: likewise.

    Raises:
        ValueError: a view names an unknown source.
    """
    records = {}
    for view in dict.fromkeys(wanted):
        if view.source not in sources:
            raise ValueError(
                f"a view reads the source '{view.source}', which no term's latents supply; "
                f'there are {", ".join(sources)}'
            )
        policy = policy_of(view.policy, probabilities)
        strength = strength_of(view.policy, strengths)
        with of_part(f"the view {view.make.__name__} of '{view.source}'"):
            records[view] = view.make(
                named(key, _describe(view)),
                {**sources, 'own': sources[view.source]},
                policy,
                strength,
                **dict(view.options),
            )
    return records


def policy_of(policy: str, probabilities: Mapping[str, jax.Array]) -> policies.Policy:
    """(key, images, strength) -> images, with the policy's probability.

    Raises:
        ValueError: the policy takes a probability, and `probabilities` has none for it.
    """
    apply = policies.parse(policy)
    if not policies.needs_probability(policy):
        return apply
    if policy not in probabilities:
        raise ValueError(
            f"the policy '{policy}' takes a probability and the config gives none: "
            "name it in the config, or write the number into it as in 'p(0.8, translation)'"
        )
    return functools.partial(apply, probability=probabilities[policy])


def strength_of(policy: str, strengths: Mapping[str, jax.Array]) -> jax.Array:
    """The strength f32[] of a policy; 0 for a policy that takes none.

    Raises:
        ValueError: the policy takes a strength, and `strengths` has none for it.
    """
    if policy not in strengths and policies.needs_strength(policy):
        raise ValueError(
            f"the policy '{policy}' takes a strength and the config gives none: "
            "name it in the config, or write the number into it as in 'translation(0.2)'"
        )
    return strengths.get(policy, jnp.float32(0))


def join(arrays: Sequence[jax.Array]) -> jax.Array:
    """Interleaves V arrays [B, ...] into [B * V, ...]: row b * V + v is row b of array v.

    Interleaving keeps each image on its device when the batch is sharded; concatenating along the
    batch would move most of them.

    Raises:
        ValueError: the arrays differ in shape.
    """
    shapes = [a.shape for a in arrays]
    if len(set(shapes)) > 1:
        raise ValueError(f'views of one step must have one shape, got {shapes}')
    return jnp.stack(arrays, axis=1).reshape(-1, *shapes[0][1:])  # [B * V, ...]


def split(array: jax.Array, count: int) -> list[jax.Array]:
    """The inverse of `join`: [B * count, ...] into `count` arrays [B, ...]."""
    stacked = array.reshape(-1, count, *array.shape[1:])  # [B, V, ...]
    return [stacked[:, v] for v in range(count)]


def choose(array: jax.Array, count: int, which: Sequence[int]) -> jax.Array:
    """Some of the `count` arrays that `join` interleaved, by number, interleaved by themselves."""
    if [*which] == [*range(count)]:
        return array
    parts = split(array, count)
    return join([parts[i] for i in which])


def _describe(view: View) -> str:
    maker = f'{view.make.__module__}.{view.make.__qualname__}'
    options = ''.join(f' {name}={value}' for name, value in view.options)
    return f'{view.source} {maker} {view.policy} {view.draw}{options}'


def _turn(images: jax.Array, turns: int) -> jax.Array:
    height, width = images.shape[1:3]
    if height != width:
        raise ValueError(f'only square images can be rotated by 90°, these are {height}x{width}')
    return jnp.rot90(images, turns, axes=(1, 2))
