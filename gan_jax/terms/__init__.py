"""The contract of a loss idea: a `Term` of pure functions, made by a factory, summed by `total`.

A term says which views of the images it reads; the train step builds the union of all views, runs
the discriminator on them once and hands each term the outputs by name. A new idea is a function
that returns a `Term`, in any importable file, and one line of config.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.keys import named
from gan_jax.runtime import ranges
from gan_jax.runtime.errors import of_part
from gan_jax.views import Record, View

State = Any  # a pytree of arrays, {} when a term keeps none
Logit = tuple[str, str]  # the term whose head gives it, '' for D itself, and the output's name


class Players(NamedTuple):
    """Both networks as functions, for what views cannot say: a path length, a latent step.

    The gradient flows into the parameters of the player whose loss it is, and into the arguments.
    BatchNorm uses the statistics of the batch; no collection is changed.

    Attributes:
        generate: (z [B, Z], label [B]) -> the record of generated images, [B, ...] each.
        synthesize: (w, label [B]) -> likewise, by the generator's method `synthesize`.
        discriminate: (image [B, H, W, C] in [0, 1], label [B], **entries) -> D's outputs; the
            critic's augmentation has the draw of the fakes. `entries` are what D reads beside the
            image, such as `z`.
        d_params: D's parameters.
        g_params: G's parameters.
    """

    generate: Callable[[jax.Array, jax.Array], Record]
    synthesize: Callable[[jax.Array, jax.Array], Record]
    discriminate: Callable[..., Record]
    d_params: Any
    g_params: Any


class Objective(NamedTuple):
    """The part of a term in one player's loss.

    Attributes:
        views: views of the images for the discriminator, by the names that `loss` uses.
        loss: (out, state, key) -> (parts {name: []}, state, metrics {name: []}). `out[view]` holds
            'image' [B, H, W, C] in [0, 1], 'label' [B], 'logit' [B], 'features' [B, F], 'head'
            (the outputs of the term's own head) and, for the views of `input_grads`, 'dx'.
            `out[source]` holds the record of every source, also of those without a view: for
            generated images also 'z' [B, Z], for reals 'index' [B], int32, the rows of the data
            set. `out['networks']` holds the term's networks as functions, if it has some. `key` is
            the term's own in this update. The loss takes the means over the batch itself.
        input_grads: views for which `out[view]['dx']` is the gradient of a logit with respect to
            the image in [-1, 1], [B, H, W, C].
        grad_of: that logit, see `logit_named`.
        targets: views for the moving average of the discriminator, `config.averages.d`, by name;
            `out[view]['target']` holds its outputs, with no gradient: 'logit', 'features', 'head'.
        players: True: `out['players']` holds both networks as functions, see `Players`.
    """

    views: Mapping[str, View]
    loss: Callable[[Mapping[str, Record], State, jax.Array], tuple[dict, State, dict]]
    input_grads: tuple[str, ...] = ()
    grad_of: str = ''
    targets: Mapping[str, View] = MappingProxyType({})
    players: bool = False


class Network(NamedTuple):
    """A network that a term brings: a predictor, an encoder, a learned augmentation.

    It is trained in the updates of one player, by the gradient of that player's whole loss and by
    the player's optimiser with a state of its own; the loss of the other player leaves it as it
    is. Losses have it as a function, `out['networks'][name](*inputs)`.

    Attributes:
        module: (*inputs, train) -> an array or a tree of them, with 'noise' and 'dropout' in its
            `rngs`. Collections are updated once an update of its player, by the first call.
        side: the player in whose updates it is trained, 'd' or 'g'.
        inputs: for each input the name of an entry of a record, 'image', 'label', 'z', or the
            shape of one row, such as (128,).
        gives: source -> entry: the network is called on the entries `inputs` of that source, and
            what it returns, [B, ...], is in the records of the source and its views from then on.
            {'real': 'z'} gives real images latents.
    """

    module: nn.Module
    side: str
    inputs: tuple[str | tuple[int, ...], ...]
    gives: Mapping[str, str] = MappingProxyType({})


class Term(NamedTuple):
    """A loss idea: its objective for each player, and its head, networks, latents and state.

    Attributes:
        d: its part in the discriminator's loss.
        g: its part in the generator's loss.
        head: a discriminator output of its own, (features [N, F], label [N], *, train) -> dict of
            [N, ...].
        latents: further generator inputs, name -> (key, z [B, Z]) -> z' [B, Z]; the images made
            from z' are a source of that name.
        networks: networks of its own, by name.
        reads: entries of a record that D has to read beside the image, such as ('z',).
        init: () -> the term's first state; the step carries it, the discriminator's loss first.
        controls: numbers of the config that the state owns, key -> (state -> f32 []): the strength
            'augment.critic.strength' or the weight 'terms.NAME.weight'; see `gan_jax.control`.
        project: constraints, 'd' or 'g' -> (parameters of that player -> parameters of the same
            structure); applied after each of its updates, if several terms have one in their order.
        mix: (key, sources, state) -> sources of the same structure: what D meets in its update, in
            place of {'real', 'fake' or the name of a latent: record}, before any view is built; if
            several terms have one in their order. An update of G meets the sources as they are.
        remake: (**numbers) -> the term with other values of some keywords, which the step calls
            with traced numbers, `Hyper.keywords`; None if there are none. Set by the config.
    """

    d: Objective | None = None
    g: Objective | None = None
    head: nn.Module | None = None
    latents: Mapping[str, Callable] = MappingProxyType({})
    networks: Mapping[str, Network] = MappingProxyType({})
    reads: tuple[str, ...] = ()
    init: Callable[[], State] = dict
    controls: Mapping[str, Callable[[State], Any]] = MappingProxyType({})
    project: Mapping[str, Callable[[Any], Any]] = MappingProxyType({})
    mix: Callable[[jax.Array, Mapping[str, Record], State], Mapping[str, Record]] | None = None
    remake: 'Callable[..., Term] | None' = None


def logit_named(text: str) -> Logit:
    """The logit that a text names, one number an image.

    '' is D's own and 'NAME' the output 'logit' of the head of terms.NAME; 'NAME/OUTPUT' is another
    of its outputs, '/OUTPUT' another of D's. It is [B], or [B, K] with a number for each class: the
    number of the image's label counts.
    """
    head, _, output = text.partition('/')
    return head, output or 'logit'


def total(
    terms: Mapping[str, Term],
    weights: Mapping[str, Any],
    side: str,
    out: Mapping[str, Mapping[str, Record]],
    states: Mapping[str, State],
    key: jax.Array,
) -> tuple[jax.Array, dict[str, State], dict[str, jax.Array]]:
    """The weighted sum of all parts of all terms for one player.

    Args:
        terms: the active terms by name.
        weights: for each term a scalar, or a scalar for each of its parts.
        side: 'd' or 'g'.
        out: for each term the outputs that its loss reads.
        states: the state of each term.
        key: of this update; a term's own is named after the term.

    Returns:
        loss [], the new states, and the metrics: every part unweighted, as 'd/<term>/<part>', and
        the other metrics of the terms.

    Raises:
        ValueError: the weights of a term leave out one of its parts.
    """
    loss, states, metrics = jnp.float32(0), dict(states), {}
    for name, term in terms.items():
        objective = getattr(term, side)
        if objective is None:
            continue
        with of_part(f'config.terms.{name}'):
            parts, states[name], reports = _checked(
                objective.loss(out[name], states[name], named(key, 'term', name))
            )
        for part, value in parts.items():
            loss += _weight(weights, name, part) * value
        for what, value in {**parts, **reports}.items():
            metrics[f'{side}/{name}/{what}'] = value
    return loss, states, metrics


def _checked(returned: Any) -> tuple[Mapping[str, Any], State, Mapping[str, Any]]:
    """The result of a loss, checked against `Objective.loss`.

    Raises:
        TypeError: it is something else.
    """
    if not (isinstance(returned, tuple) and len(returned) == 3):
        raise TypeError(
            f'its loss returns {ranges.quoted(returned)} where three things are wanted: the '
            'parts {name: []}, the state, the metrics {name: []}'
        )
    parts, _, reports = returned
    if not (isinstance(parts, Mapping) and isinstance(reports, Mapping)):
        raise TypeError('its loss returns parts or metrics that are no dict {name: []}')
    for name, value in {**parts, **reports}.items():
        if jnp.shape(value) != ():
            raise TypeError(
                f"its loss returns '{name}' of the shape {list(jnp.shape(value))}: give a scalar, "
                'such as the mean over the batch'
            )
    return returned


def _weight(weights: Mapping[str, Any], name: str, part: str) -> jax.Array:
    weight = weights[name]
    if not isinstance(weight, Mapping):
        return weight
    if part not in weight:
        raise ValueError(
            f"terms.{name}.weight names the parts {', '.join(weight)} but the loss has '{part}': "
            'give one number, or a number for each part'
        )
    return weight[part]
