"""The loss and the gradient of each player, G and D."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan_jax import networks, views
from gan_jax.augment import policy as policies
from gan_jax.control import controlled, controls_of
from gan_jax.critique import discriminate
from gan_jax.gan import GAN
from gan_jax.keys import named, streams
from gan_jax.latents import entries_of
from gan_jax.routing import ViewRouting, latents_of, outputs_per_term, route_views
from gan_jax.runtime.errors import of_part
from gan_jax.runtime.shapes import alike
from gan_jax.sources import Sources, augmented, generated_images, real_images
from gan_jax.state import Hyper, Net, TrainState, trained, with_nets
from gan_jax.synthesis import make_players
from gan_jax.terms import Term, logit_named, total
from gan_jax.views import Record, View

Metrics = Mapping[str, jax.Array]  # name -> f32 []
# (state with new collections of what the update moves and new states of the terms, the gradient in
# the parameters of each network that it moves, {'d' or 'd/term/name': tree}, metrics)
Gradient = tuple[TrainState, Mapping[str, Any], Metrics]
# (a player's loss, (collections after its passes by network, new states of the terms, metrics))
Loss = tuple[jax.Array, tuple[Mapping[str, Any], Mapping[str, Any], Metrics]]


class Keys(NamedTuple):
    """The random keys of one update.

    Attributes:
        real: key of the augmentation of real images.
        update: key of everything else.
    """

    real: jax.Array
    update: jax.Array


class Losses(NamedTuple):
    """The static arguments of both players' losses; none of them is traced.

    Attributes:
        gan: networks, optimisers and static options.
        terms: the acting terms, by name.
        routing: the views that the terms read, by player, 'd' and 'g'.
        latents: further latents of the generator, name -> (key, z) -> z'.
        controls: numbers that the terms' states own, see `control.controls_of`.
        every: terms that act only every n-th step, name -> n.
        constrain_batch: shards the leading axis of every array of a tree over the devices.
    """

    gan: GAN
    terms: Mapping[str, Term]
    routing: Mapping[str, ViewRouting]
    latents: Mapping[str, Callable]
    controls: Mapping[tuple[str, str], tuple[str, Callable]]
    every: Mapping[str, int]
    constrain_batch: Callable[[Any], Any]


def make_losses(
    gan: GAN,
    terms: Mapping[str, Term],
    every: Mapping[str, int] | None = None,
    constrain_batch: Callable[[Any], Any] = lambda tree: tree,
) -> Losses:
    """The losses of one set of terms.

    Args:
        gan: networks, optimisers and static options.
        terms: the acting terms, by name.
        every: terms that act only every n-th step, name -> n; their weights count n times.
        constrain_batch: shards the leading axis of every array of a tree over the devices.

    Raises:
        ValueError: two terms give one name to different views or latents, a term reads the input
            gradient of a view that it does not declare, or of images that `augment.critic` mixes,
            or of a head that there is not, or as `networks.check_gives` and `control.controls_of`.
    """
    routing = {side: route_views(terms, side, gan.augment.view) for side in 'dg'}
    if policies.mixes(gan.augment.critic) and any(one.with_dx for one in routing.values()):
        raise ValueError(
            f"augment.critic='{gan.augment.critic}' mixes images, and a term reads the gradient "
            'of each logit in its own image: take out the penalty, or mix no images there'
        )
    for name, objective in (item for one in routing.values() for item in one.objectives.items()):
        head, _ = logit_named(objective.grad_of)
        if objective.input_grads and head and head not in gan.critic.heads:
            raise ValueError(
                f"terms.{name} reads the input gradient of '{objective.grad_of}', and there is no "
                f"terms.{head} with a head: name another, or '' for D's own logit"
            )
        if objective.targets and 'd' not in gan.averages:
            raise ValueError(
                f'terms.{name} looks at its views by an average of the discriminator, and there is '
                'none: give config.averages a block d=dict(halflife_images=..., ramp=...)'
            )
    controls, latents = controls_of(terms, gan.augment.policies), latents_of(terms)
    given = jax.eval_shape(lambda: entries_of(gan.latent, jnp.zeros((1, gan.latent_dim))))
    networks.check_gives(terms, ('real', 'fake', *latents), {*given})
    return Losses(gan, terms, routing, latents, controls, every or {}, constrain_batch)


def player_loss(
    losses: Losses,
    side: str,
    state: TrainState,
    sources: Sources,
    key: jax.Array,
    hyper: Hyper,
) -> Loss:
    """The weighted sum of one player's terms, f32 [].

    Args:
        losses: the static arguments.
        side: the player, 'd' or 'g'.
        state: the training state, with the parameters in which the loss is differentiated.
        sources: real and generated images.
        key: key of the views, of the critic's augmentation and of the terms.
        hyper: the hyper-parameters.

    Returns:
        The loss, and (the collections of D and of the terms' networks after their passes by
        network, the terms' new states, metrics).
    """
    gan, routing = losses.gan, losses.routing[side]
    variables = {path: net.variables for path, net in state.nets.items()}
    moved: dict[str, Any] = {}
    own_nets = networks.functions(losses.terms, variables, named(key, 'networks'), moved)
    sources = networks.with_gives(losses.terms, own_nets, sources)
    wanted, numbers = (*routing.views, *routing.targets), (hyper.strength, hyper.probability)
    records = views.build_views(wanted, named(key, 'view'), sources, *numbers)

    def augment(view: View, image: jax.Array) -> jax.Array:
        # Keyed by source at most: two views of one image get the same draw.
        whose = () if gan.augment.shared else (view.source,)
        return augmented(gan.augment.critic, named(key, 'critic', *whose), image, hyper)

    look = functools.partial(discriminate, gan.critic, augment=augment, joint=gan.joint)
    rngs = streams(named(key, 'rngs', 'd'))
    shown = {view: records[view] for view in routing.views}
    outputs, moved['d'] = look(
        state.d.variables, shown, with_dx=routing.with_dx, heads=routing.heads, rngs=rngs
    )
    targets: dict[View, Record] = {}
    if routing.targets:
        shown = {view: records[view] for view in routing.targets}
        looked_at = look(state.averages['d'], shown, heads=routing.target_heads, rngs=rngs)[0]
        targets = jax.lax.stop_gradient(looked_at)
    out = outputs_per_term(routing, outputs, sources, targets)
    for name, objective in routing.objectives.items():
        if name in own_nets:
            out[name]['networks'] = own_nets[name]
        if objective.players:
            own, shown_as = named(key, 'term', name), functools.partial(augment, View('fake'))
            out[name]['players'] = make_players(gan.generator, gan.critic, state, own, shown_as)
    weights = _scaled(hyper.weights, losses.every)
    loss, term_states, metrics = total(losses.terms, weights, side, out, state.terms, key)
    return loss, (moved, term_states, metrics)


def d_gradient(
    losses: Losses, state: TrainState, batch: Record, keys: Keys, hyper: Hyper
) -> Gradient:
    """The gradient of the discriminator's loss in all parameters that its update moves.

    Args:
        losses: the static arguments.
        state: the training state, with gathered parameters.
        batch: real images, {'image': uint8 [B, H, W, C], 'label', 'index': int32 [B]}.
        keys: the keys of the update.
        hyper: the hyper-parameters.
    """
    losses, hyper = _with_numbers(losses, state, hyper)
    real = real_images(losses.gan, batch, keys.real, hyper)
    fakes, _ = _generated(losses, state.g, keys.update, real)
    sources = _mixed(losses.terms, {'real': real, **fakes}, state.terms, keys.update)

    def loss(own):
        return player_loss(losses, 'd', own, sources, keys.update, hyper)

    return _gradient(losses, 'd', state, loss)


def g_loss(losses: Losses, state: TrainState, batch: Record, keys: Keys, hyper: Hyper) -> Loss:
    """The generator's loss f32 [], and what goes with it, see `player_loss`, of G too.

    Args:
        losses, state, batch, keys, hyper: as in `d_gradient`.
    """
    losses, hyper = _with_numbers(losses, state, hyper)
    real = real_images(losses.gan, batch, keys.real, hyper)
    fakes, stats = _generated(losses, state.g, keys.update, real)
    value, (moved, term_states, metrics) = player_loss(
        losses, 'g', state, {'real': real, **fakes}, keys.update, hyper
    )
    return value, ({**moved, 'g': stats}, term_states, metrics)


def g_gradient(
    losses: Losses, state: TrainState, batch: Record, keys: Keys, hyper: Hyper
) -> Gradient:
    """As `d_gradient`, for the generator's loss."""

    def loss(own):
        return g_loss(losses, own, batch, keys, hyper)

    return _gradient(losses, 'g', state, loss)


def _gradient(
    losses: Losses, side: str, state: TrainState, loss: Callable[[TrainState], Loss]
) -> Gradient:
    """The gradient of a loss in all that an update of the player moves."""
    nets = trained(state, side, losses.terms)

    def of_params(params):
        return loss(with_nets(state, params=params))

    params = {path: net.params for path, net in nets.items()}
    grads, (moved, term_states, metrics) = jax.grad(of_params, has_aux=True)(params)
    stats = {path: moved[path] for path in nets if path in moved}
    return with_nets(state, stats=stats).replace(terms=term_states), grads, metrics


def _generated(
    losses: Losses, net: Net, key: jax.Array, real: Record
) -> tuple[Sources, Mapping[str, Any]]:
    return generated_images(losses.gan, losses.latents, net, key, real, losses.constrain_batch)


def _mixed(
    terms: Mapping[str, Term], sources: Sources, states: Mapping[str, Any], key: jax.Array
) -> Sources:
    """The sources of an update of D, as the terms mix them."""
    for name, term in terms.items():
        if term.mix is not None:
            with of_part(f'config.terms.{name}'):
                mixed = term.mix(named(key, 'mix', name), sources, states[name])
                sources = alike('its mix', mixed, sources)
    return sources


def project(losses: Losses, side: str, params: Any, hyper: Hyper) -> Any:
    """A player's parameters after an update, under the constraints of all terms, in their order.

    Args:
        losses: the static arguments.
        side: the player, 'd' or 'g'.
        params: after the optimiser's update.
        hyper: the hyper-parameters.

    Raises:
        PartError: a constraint returns parameters of another structure, shape or type.
    """
    for name, term in _current(losses.terms, hyper).items():
        if side in term.project:
            with of_part(f'config.terms.{name}'):
                params = alike(f"its project['{side}']", term.project[side](params), params)
    return params


def _with_numbers(losses: Losses, state: TrainState, hyper: Hyper) -> tuple[Losses, Hyper]:
    """The losses whose terms have their keywords of this step, and the controlled numbers."""
    hyper = controlled(losses.controls, state.terms, hyper)
    terms = _current(losses.terms, hyper)
    if terms is losses.terms:
        return losses, hyper
    return losses._replace(terms=terms, latents=latents_of(terms)), hyper


def _current(terms: Mapping[str, Term], hyper: Hyper) -> Mapping[str, Term]:
    """The terms with their keywords of this step."""
    if all(term.remake is None for term in terms.values()):
        return terms
    return {
        name: term if term.remake is None else term.remake(**hyper.keywords[f'terms.{name}'])
        for name, term in terms.items()
    }


def _scaled(weights: Mapping[str, Any], every: Mapping[str, int]) -> dict[str, Any]:
    return {n: jax.tree.map(lambda w, n=n: w * every.get(n, 1), w) for n, w in weights.items()}
