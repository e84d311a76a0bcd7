"""Networks that terms bring: their first variables, their calls, what they add to records."""

import functools
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core.tracers import current_trace

from gan_jax.keys import named, streams
from gan_jax.latents import NORMAL, Latent, entries_of
from gan_jax.models.critic import reads_of
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.terms import Network, Term
from gan_jax.views import RESERVED, Record

Variables = Mapping[str, Any]  # 'side/term/name' -> the variables of that network


def networks_of(terms: Mapping[str, Term]) -> dict[str, tuple[str, str, Network]]:
    """The networks of all terms: 'side/term/name' -> (term, name, network)."""
    return {
        f'{network.side}/{name}/{own}': (name, own, network)
        for name, term in terms.items()
        for own, network in term.networks.items()
    }


def check_gives(
    terms: Mapping[str, Term], sources: Collection[str], taken: Collection[str] = ()
) -> None:
    """Raises unless each entry that a network gives is new in the records of a source there is.

    Args:
        terms: the acting terms, by name.
        sources: names of the sources of images.
        taken: further entries that records have, of the latents.

    Raises:
        ValueError: a source is unknown, or an entry has another meaning there.
    """
    owners: dict[tuple[str, str], str] = {}
    for path, (name, _, network) in networks_of(terms).items():
        for source, entry in network.gives.items():
            if source not in sources:
                raise ValueError(
                    f"a network of terms.{name} gives '{source}' an entry, and the sources of "
                    f'images are {", ".join(sources)}'
                )
            has_none = entry == 'z' and source == 'real'  # of latents: reals may be given them
            is_there = entry in (*RESERVED, 'head', *taken) and not has_none
            if is_there or (source, entry) in owners:
                raise ValueError(
                    f"a network of terms.{name} gives '{source}' the entry '{entry}', which is "
                    'there already: give it another name'
                )
            owners[source, entry] = path


def example(
    shape: tuple[int, int, int], latent_dim: int, size: int = 2, latent: Latent = NORMAL
) -> dict[str, jax.Array]:
    """A record of blank images [size, H, W, C], with labels, rows of the data set and latents."""
    z = jnp.zeros((size, latent_dim))
    return {
        **entries_of(latent, z),
        'image': jnp.zeros((size, *shape)),
        'label': jnp.zeros(size, jnp.int32),
        'index': jnp.zeros(size, jnp.int32),
        'z': z,
    }


def read(critic: nn.Module, record: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """The entries of a record that the discriminator reads beside the image and the label.

    Args:
        critic: with `reads`, see `models.critic.Critic`; without it reads none.
        record: of images.
        whose: the record in words.

    Raises:
        ValueError: the record lacks one.
    """
    names = reads_of(critic)
    for name in names:
        if name not in record:
            raise ValueError(
                f"the discriminator reads '{name}' beside the image, which {whose} lacks: a "
                f"network of a term can give it, such as by gives={{'real': '{name}'}}, or "
                'config.latent by its `gives` and `reals`'
            )
    return {name: record[name] for name in names}


def first_variables(
    terms: Mapping[str, Term], key: jax.Array, record: Record
) -> tuple[dict[str, Any], dict[str, jax.Array]]:
    """The first variables of all networks, and a record with all that networks give.

    Args:
        terms: terms by name.
        key: a network draws from a key of its own.
        record: from `example`.

    Returns:
        {'side/term/name': variables}, and the record with zeros for what networks give.

    Raises:
        PartError: a network fails, or an input is in no record.
    """
    found, record = {}, dict(record)
    for path, (name, own, network) in networks_of(terms).items():
        with of_part(f'config.terms.{name}'):
            inputs, rngs = [_example(one, record) for one in network.inputs], named(key, path)
            made, variables = network.module.init_with_output(
                {'params': rngs, **streams(rngs)}, *inputs, train=True
            )
            if network.gives:
                _check_given(own, made, record)
        found[path] = variables
        # An entry that other records have by that name, such as latents, is of the same shape.
        record = {entry: jnp.zeros_like(made) for entry in network.gives.values()} | record
    return found, record


def functions(
    terms: Mapping[str, Term],
    variables: Variables,
    key: jax.Array,
    moved: MutableMapping[str, Any],
) -> dict[str, dict[str, Callable]]:
    """The networks as functions: {term: {name: (*inputs) -> outputs}}.

    Args:
        terms: the acting terms, by name.
        variables: of the networks, with the parameters in which the loss is differentiated.
        key: of the random streams; every call of a network has the same.
        moved: takes the collections of each network after its first call, by its path. A call
            inside a transformation, such as `jax.grad`, moves none.
    """
    found: dict[str, dict[str, Callable]] = {}
    for path, (name, own, network) in networks_of(terms).items():
        function = functools.partial(
            _call, network, path, variables[path], named(key, path), moved, current_trace()
        )
        found.setdefault(name, {})[own] = function
    return found


def with_gives(
    terms: Mapping[str, Term],
    networks: Mapping[str, Mapping[str, Callable]],
    sources: Mapping[str, Record],
) -> dict[str, Record]:
    """The sources with what the networks give them.

    Args:
        terms: the acting terms, by name.
        networks: from `functions`.
        sources: the records of every source, by name.

    Raises:
        PartError: a network fails, returns no array with a row for each image, or reads an entry
            that the source lacks.
    """
    sources = dict(sources)
    for name, own, network in networks_of(terms).values():
        for source, entry in network.gives.items():
            record = sources[source]
            with of_part(f'config.terms.{name}'):
                inputs = [_entry(one, f"'{source}'", record) for one in network.inputs]
                value = networks[name][own](*inputs)
                _check_given(own, value, record)
            sources[source] = {**record, entry: value}
    return sources


def _call(network, path, variables, key, moved, level, *inputs):
    collections = {name: tree for name, tree in variables.items() if name != 'params'}
    out, after = network.module.apply(
        variables, *inputs, train=True, mutable=[*collections], rngs=streams(key)
    )
    if current_trace() == level:  # what an inner transformation traces must not leave it
        moved.setdefault(path, {**collections, **after})
    return out


def _check_given(own: str, value: Any, record: Record) -> None:
    shapes.array(f"what its network '{own}' returns", value, (len(record['image']), ...))


def _example(one: str | tuple[int, ...], record: Record) -> jax.Array:
    if isinstance(one, str):
        return _entry(one, 'its example', record)
    return jnp.zeros((len(record['image']), *one))


def _entry(one: Any, source: str, record: Record) -> jax.Array:
    if one not in record:
        raise ValueError(
            f"its network reads '{one}' of {source}, which has {', '.join(sorted(record))}"
        )
    return record[one]
