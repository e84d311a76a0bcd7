"""The two players, G and D: networks and options, losses and gradients."""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import optax

from gan_jax import labels, views
from gan_jax.augment import policy as policies
from gan_jax.control import controlled, controls_of
from gan_jax.critique import discriminate
from gan_jax.keys import named
from gan_jax.routing import ViewRouting, latents_of, outputs_per_term, route_views
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.state import Ema, Hyper, Net, TrainState
from gan_jax.synthesis import make_players, streams, synthesize
from gan_jax.terms import Term, total
from gan_jax.views import Record, View

Metrics = Mapping[str, jax.Array]  # name -> f32 []
Sources = Mapping[str, Record]  # 'real', 'fake' or the name of a further latent -> images
# (state with updated collections of the player and updated states of the terms, gradient, metrics)
Gradient = tuple[TrainState, Any, Metrics]


class Augment(NamedTuple):
    """The augmentation policies; '' is none.

    Attributes:
        real: policy for real images only, before anything else.
        critic: policy for every input of the discriminator, real and generated.
        view: policy for augmented views of terms without their own policy.
    """

    real: str = ''
    critic: str = ''
    view: str = ''


class GAN(NamedTuple):
    """Networks, optimisers and static options of a run.

    Attributes:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1], or a record with
            'image', see `synthesis.synthesize`.
        critic: a `Critic` with the heads of all terms.
        optimizers: optimisers of 'g' and 'd', made with learning rate 1; `Hyper` has the rates.
        latent_dim: Z; latents are standard normal.
        class_counts: proportions of the labels of generated images, an integer for each class.
        augment: the augmentation policies.
        ema: options of the generator's average.
        averages: options of further averages, by player; terms look at views by D's.
        joint: True: one discriminator pass for all views. False: one pass per view, for a
            discriminator whose layers mix the images of a batch.
        accumulate: number of microbatches of each update. They run one after another in the memory
            of one, and the mean of their gradients moves the player once. Layers and losses across
            the batch (BatchNorm, contrastive negatives, mixup) are then computed per microbatch,
            collections and the terms' states are updated by every microbatch, and random draws
            differ. Everything else is the same mathematics.
    """

    generator: nn.Module
    critic: nn.Module
    optimizers: Mapping[str, optax.GradientTransformation]
    latent_dim: int
    class_counts: labels.Counts
    augment: Augment = Augment()
    ema: Ema = Ema()
    averages: Mapping[str, Ema] = MappingProxyType({})
    joint: bool = True
    accumulate: int = 1

    @property
    def num_classes(self) -> int:
        """The number of classes, also those with a count of 0."""
        return len(self.class_counts)


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
            or as `control.controls_of`.
    """
    routing = {side: route_views(terms, side, gan.augment.view) for side in 'dg'}
    if policies.mixes(gan.augment.critic) and any(one.with_dx for one in routing.values()):
        raise ValueError(
            f"augment.critic='{gan.augment.critic}' mixes images, and a term reads the gradient "
            'of each logit in its own image: take out the penalty, or mix no images there'
        )
    for name, objective in (item for one in routing.values() for item in one.objectives.items()):
        if objective.targets and 'd' not in gan.averages:
            raise ValueError(
                f'terms.{name} looks at its views by an average of the discriminator, and there is '
                'none: give config.averages a block d=dict(halflife_images=..., ramp=...)'
            )
    controls = controls_of(terms, gan.augment._asdict())
    return Losses(gan, terms, routing, latents_of(terms), controls, every or {}, constrain_batch)


def player_loss(
    losses: Losses,
    side: str,
    state: TrainState,
    sources: Sources,
    key: jax.Array,
    hyper: Hyper,
) -> tuple[jax.Array, tuple[Mapping[str, Any], Mapping[str, Any], Metrics]]:
    """The weighted sum of one player's terms, f32 [].

    Args:
        losses: the static arguments.
        side: the player, 'd' or 'g'.
        state: the training state, with the parameters in which the loss is differentiated.
        sources: real and generated images.
        key: key of the views, of the critic's augmentation and of the terms.
        hyper: the hyper-parameters.

    Returns:
        The loss, and (D's collections after its pass, the terms' new states, metrics).
    """
    gan, routing = losses.gan, losses.routing[side]
    wanted, numbers = (*routing.views, *routing.targets), (hyper.strength, hyper.probability)
    records = views.build_views(wanted, named(key, 'view'), sources, *numbers)

    def augment(view: View, image: jax.Array) -> jax.Array:
        # Keyed by source: two views of one image get the same draw.
        return _augmented(gan.augment.critic, named(key, 'critic', view.source), image, hyper)

    look = functools.partial(discriminate, gan.critic, augment=augment, joint=gan.joint)
    rngs = streams(named(key, 'rngs', 'd'))
    shown = {view: records[view] for view in routing.views}
    outputs, stats = look(state.d.variables, shown, with_dx=routing.with_dx, rngs=rngs)
    targets: dict[View, Record] = {}
    if routing.targets:
        shown = {view: records[view] for view in routing.targets}
        targets = jax.lax.stop_gradient(look(state.averages['d'], shown, rngs=rngs)[0])
    out = outputs_per_term(routing, outputs, sources, targets)
    for name, objective in routing.objectives.items():
        if objective.players:
            own, shown_as = named(key, 'term', name), functools.partial(augment, View('fake'))
            out[name]['players'] = make_players(gan.generator, gan.critic, state, own, shown_as)
    weights = _scaled(hyper.weights, losses.every)
    loss, term_states, metrics = total(losses.terms, weights, side, out, state.terms, key)
    return loss, (stats, term_states, metrics)


def d_gradient(
    losses: Losses, state: TrainState, batch: Record, keys: Keys, hyper: Hyper
) -> Gradient:
    """The gradient of the discriminator's loss with respect to its parameters.

    Args:
        losses: the static arguments.
        state: the training state, with gathered parameters.
        batch: real images, {'image': uint8 [B, H, W, C], 'label': int32 [B]}.
        keys: the keys of the update.
        hyper: the hyper-parameters.
    """
    losses, hyper = _with_numbers(losses, state, hyper)
    real = _real(losses.gan, batch, keys.real, hyper)
    fakes, _ = _fakes(losses, state.g, keys.update, real['image'])

    def loss(params):
        own = state.replace(d=state.d.replace(params=params))
        return player_loss(losses, 'd', own, {'real': real, **fakes}, keys.update, hyper)

    grads, (stats, term_states, metrics) = jax.grad(loss, has_aux=True)(state.d.params)
    return state.replace(d=state.d.replace(stats=stats), terms=term_states), grads, metrics


def g_gradient(
    losses: Losses, state: TrainState, batch: Record, keys: Keys, hyper: Hyper
) -> Gradient:
    """The gradient of the generator's loss with respect to its parameters; see `d_gradient`."""
    losses, hyper = _with_numbers(losses, state, hyper)
    real = _real(losses.gan, batch, keys.real, hyper)

    def loss(params):
        own = state.replace(g=state.g.replace(params=params))
        fakes, stats = _fakes(losses, own.g, keys.update, real['image'])
        value, (_, term_states, metrics) = player_loss(
            losses, 'g', own, {'real': real, **fakes}, keys.update, hyper
        )
        return value, (stats, term_states, metrics)

    grads, (stats, term_states, metrics) = jax.grad(loss, has_aux=True)(state.g.params)
    return state.replace(g=state.g.replace(stats=stats), terms=term_states), grads, metrics


def _real(gan: GAN, batch: Record, key: jax.Array, hyper: Hyper) -> Record:
    images = batch['image'].astype(float) / 255  # JAX's float: 32 bits unless x64 is on
    images = _augmented(gan.augment.real, named(key, 'real'), images, hyper)
    return {'image': images, 'label': batch['label']}


def _fakes(
    losses: Losses, net: Net, key: jax.Array, like: jax.Array
) -> tuple[Sources, Mapping[str, Any]]:
    """Images of every latent, of the shape of `like`, and G's collections after 'fake'."""
    gan, size = losses.gan, len(like)
    z = losses.constrain_batch(jax.random.normal(named(key, 'z'), (size, gan.latent_dim)))
    label = losses.constrain_batch(labels.drawn(named(key, 'label'), gan.class_counts, size))
    latents = {'fake': z}
    for name, move in losses.latents.items():
        with of_part(f"the latents '{name}' of a term"):
            latents[name] = move(named(key, 'latent', name), z)
            shapes.array('what they return', latents[name], z.shape)
    # One call per latent: BatchNorm must not mix them. Only 'fake' updates its statistics.
    sources, after = {}, {}
    for name, z in latents.items():
        sources[name], after[name] = synthesize(
            gan.generator,
            net.variables,
            z,
            label,
            named(key, 'rngs', name),
            train=True,
            shape=like.shape[1:],
        )
    return sources, after['fake']


def _augmented(policy: str, key: jax.Array, images: jax.Array, hyper: Hyper) -> jax.Array:
    apply = views.policy_of(policy, hyper.probability)
    return apply(key, images, views.strength_of(policy, hyper.strength))


def _with_numbers(losses: Losses, state: TrainState, hyper: Hyper) -> tuple[Losses, Hyper]:
    """The losses whose terms have their keywords of this step, and the controlled numbers."""
    hyper = controlled(losses.controls, state.terms, hyper)
    if all(term.remake is None for term in losses.terms.values()):
        return losses, hyper
    terms = {
        name: term if term.remake is None else term.remake(**hyper.keywords[f'terms.{name}'])
        for name, term in losses.terms.items()
    }
    return losses._replace(terms=terms, latents=latents_of(terms)), hyper


def _scaled(weights: Mapping[str, Any], every: Mapping[str, int]) -> dict[str, Any]:
    return {n: jax.tree.map(lambda w, n=n: w * every.get(n, 1), w) for n, w in weights.items()}
