"""One training step: k discriminator updates, one generator update, the average. A pure function.

No mesh, no config and no effects: `make_train_step` takes modules, terms and optimisers and
returns (state, batch, hyper) -> (state, metrics), to be compiled by the caller.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from gan_jax import labels, views
from gan_jax.accumulation import accumulate_gradients, repeat
from gan_jax.augment import policy as policies
from gan_jax.critique import discriminate
from gan_jax.keys import named
from gan_jax.routing import latents_of, outputs_per_term, route_views
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.state import Ema, Hyper, Net, TrainState, average, merge_metrics
from gan_jax.terms import Term, total
from gan_jax.views import Record


class Augment(NamedTuple):
    """Which augmentation policy applies where; '' is none.

    Attributes:
        real: to real images only, before anything else.
        critic: to every image that the discriminator sees, real and generated.
        view: what a term's augmented views use when they name no policy of their own.
    """

    real: str = ''
    critic: str = ''
    view: str = ''


class GAN(NamedTuple):
    """The fixed parts of a run: what the compiled step is made of.

    Attributes:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1].
        critic: a `Critic` with the heads of all terms.
        optimizers: of 'g' and 'd', made with learning rate 1: the rate comes from `Hyper`.
        latent_dim: Z; latents are standard normal.
        class_counts: in what proportions labels of generated images are drawn, one integer a class.
        augment: the policies.
        ema: of the generator.
        joint: one discriminator pass for all views. False runs it once per view, for a
            discriminator whose layers look across the batch.
        accumulate: how many parts the batch of each update is cut into. They run one after another
            in the memory of one, and the mean of their gradients moves the player once. What looks
            across a batch (BatchNorm, contrastive negatives, mixup) then sees one part, collections
            and the terms' states move with every part, and the draws are others; all else is the
            same mathematics.
    """

    generator: nn.Module
    critic: nn.Module
    optimizers: Mapping[str, optax.GradientTransformation]
    latent_dim: int
    class_counts: labels.Counts
    augment: Augment = Augment()
    ema: Ema = Ema()
    joint: bool = True
    merge_metrics: int = 1

    @property
    def num_classes(self) -> int:
        """The number of classes, those included that no generated image is of."""
        return len(self.class_counts)


def make_train_step(
    game: GAN,
    terms: Mapping[str, Term],
    *,
    every: Mapping[str, int] | None = None,
    shard: Callable[[Any], Any] = lambda tree: tree,
    whole: Callable[[Any], Any] = lambda tree: tree,
) -> Callable[[TrainState, Record, Hyper], tuple[TrainState, dict[str, jax.Array]]]:
    """The train step for one set of terms.

    Args:
        game: the fixed parts.
        terms: those that act in this step, by name.
        every: terms that act only every n-th step, name -> n; their weights count n times.
        shard: constraint that spreads the leading axis of every array of a tree over devices.
        whole: constraint that puts parameters whole on every device, where a state has them in
            parts.

    Returns:
        (state, batch, hyper) -> (state, metrics). The batch is {'image': uint8 [k, B, H, W, C],
        'label': int32 [k, B]}, one row for each discriminator update. The metrics are the parts
        of every term, unweighted, as '<side>/<term>/<part>', f32 []; those of the discriminator
        are means over its k updates.

    Raises:
        ValueError: two terms give one name to different views or latents, a term reads the input
            gradient of a view that it does not declare, or of images that `augment.critic` mixes.
    """
    gradient = _gradient(game, terms, every, shard)

    @functools.partial(jax.jit, static_argnums=0)  # traced once for all k updates of D
    def update(side, state, batch, keys, hyper):
        g, d = (net.replace(params=whole(net.params)) for net in (state.g, state.d))
        moved, grads, metrics = gradient(side, state.replace(g=g, d=d), batch, keys, hyper)
        net = getattr(state, side).replace(stats=getattr(moved, side).stats)
        net = _descend(game, side, net, grads, hyper)
        return state.replace(terms=moved.terms, **{side: net}), metrics

    def train_step(state, batch, hyper):
        d_steps, size = batch['label'].shape
        key = named(jax.random.key(hyper.seed), 'step', state.step)
        window, state = state.metrics, state.replace(metrics={})  # the updates read no window

        def d_body(state, i_and_batch):
            i, batch = i_and_batch
            d_key = named(key, 'd', i)
            return update('d', state, batch, (d_key, d_key), hyper)

        state, d_metrics = repeat(d_body, state, (jnp.arange(d_steps), batch), d_steps)
        # The generator meets the reals of the last discriminator update, drawn the same way.
        last = jax.tree.map(lambda x: x[-1], batch)
        keys = named(key, 'd', d_steps - 1), named(key, 'g')
        state, g_metrics = update('g', state, last, keys, hyper)
        metrics = {**{k: jnp.mean(v) for k, v in d_metrics.items()}, **g_metrics}
        return state.replace(
            step=state.step + 1,
            ema=average(game.ema, state, size),
            metrics=merge_metrics(window, metrics),
        ), metrics

    return train_step


def make_d_gradient(
    game: GAN,
    terms: Mapping[str, Term],
    *,
    every: Mapping[str, int] | None = None,
    shard: Callable[[Any], Any] = lambda tree: tree,
) -> Callable[[TrainState, Record, jax.Array, Hyper], Any]:
    """What the discriminator updates of `make_train_step` descend by, given the same arguments.

    Returns:
        (state, batch {'image': uint8 [B, H, W, C], 'label': int32 [B]}, key, hyper) -> the gradient
        of D's whole loss, like `state.d.params`. The step's i-th update has the key
        named(jax.random.key(hyper.seed), 'step', state.step, 'd', i).
    """
    gradient = _gradient(game, terms, every, shard)

    def d_gradient(state, batch, key, hyper):
        return gradient('d', state, batch, (key, key), hyper)[1]

    return d_gradient


def _gradient(game, terms, every, shard):
    """(side, state, batch, (key of the reals, of all else), hyper) -> (the state with that
    player's collections and the terms' states moved, the gradient of its loss, metrics).
    """
    sides = {side: route_views(terms, side, game.augment.view) for side in 'dg'}
    latents = latents_of(terms)
    if policies.mixes(game.augment.critic) and any(plan.with_dx for plan in sides.values()):
        raise ValueError(
            f"augment.critic='{game.augment.critic}' mixes images, and a term reads the gradient "
            'of each logit in its own image: take out the penalty, or mix no images there'
        )

    def judge(side, state, params, sources, key, hyper):
        """One player's loss in D's `params`, and (D's collections, the terms' states, metrics)."""
        records = views.build_views(sides[side].views, named(key, 'view'), sources, hyper.strength)

        def show(view, image):
            # Keyed by source: two views of one image meet the same draw.
            draw = named(key, 'critic', view.source)
            return _augment(game.augment.critic, draw, image, hyper)

        seen, stats = discriminate(
            game.critic,
            {'params': params, **state.d.stats},
            records,
            show=show,
            with_dx=sides[side].with_dx,
            joint=game.joint,
        )
        out = outputs_per_term(sides[side], seen, sources)
        weights = _scaled(hyper.weights, every or {})
        loss, term_states, metrics = total(terms, weights, side, out, state.terms)
        return loss, (stats, term_states, metrics)

    def sample(net, params, key, like):
        """Generated images of every latent, as many as `like`, and G's collections after 'fake'."""
        size = len(like)
        z = shard(jax.random.normal(named(key, 'z'), (size, game.latent_dim)))
        label = shard(labels.drawn(named(key, 'label'), game.class_counts, size))
        moved = {'fake': z}
        for name, move in latents.items():
            with of_part(f"the latents '{name}' of a term"):
                moved[name] = move(named(key, 'latent', name), z)
                shapes.array('what they return', moved[name], z.shape)
        return _generate(game.generator, net, params, moved, label, like)

    def real_source(batch, key, hyper):
        images = batch['image'].astype(float) / 255  # JAX's float: 32 bits unless x64 is on
        images = _augment(game.augment.real, named(key, 'real'), images, hyper)
        return {'image': images, 'label': batch['label']}

    def d_gradient(state, real, key, hyper):
        fakes, _ = sample(state.g, state.g.params, key, real['image'])

        def loss(params):
            return judge('d', state, params, {'real': real, **fakes}, key, hyper)

        return jax.grad(loss, has_aux=True)(state.d.params)

    def g_gradient(state, real, key, hyper):
        def loss(params):
            fakes, stats = sample(state.g, params, key, real['image'])
            sources = {'real': real, **fakes}
            value, (_, *rest) = judge('g', state, state.d.params, sources, key, hyper)
            return value, (stats, *rest)

        return jax.grad(loss, has_aux=True)(state.g.params)

    def gradient(side, state, batch, keys, hyper):
        real_key, key = keys
        real = real_source(batch, real_key, hyper)
        of_side = d_gradient if side == 'd' else g_gradient
        grads, (stats, term_states, metrics) = of_side(state, real, key, hyper)
        net = getattr(state, side).replace(stats=stats)
        return state.replace(terms=term_states, **{side: net}), grads, metrics

    return accumulate_gradients(gradient, game.accumulate, shard)


def _generate(
    generator: nn.Module,
    net: Net,
    params: Any,
    latents: Mapping[str, jax.Array],
    label: jax.Array,
    like: jax.Array,
) -> tuple[dict[str, Record], dict[str, Any]]:
    """One call for each latent, since BatchNorm must not mix them; 'fake' moves its statistics."""
    sources, after = {}, {}
    for name, z in latents.items():
        variables = {'params': params, **net.stats}
        with of_part('config.generator'):
            image, after[name] = generator.apply(
                variables, z, label, train=True, mutable=list(net.stats)
            )
            shapes.array('what it returns', image, like.shape)
        sources[name] = {'image': image, 'label': label}
    return sources, {**net.stats, **after['fake']}


def _augment(policy: str, key: jax.Array, images: jax.Array, hyper: Hyper) -> jax.Array:
    return policies.parse(policy)(key, images, views.strength_of(policy, hyper.strength))


def _scaled(weights: Mapping[str, Any], every: Mapping[str, int]) -> dict[str, Any]:
    return {n: jax.tree.map(lambda w, n=n: w * every.get(n, 1), w) for n, w in weights.items()}


def _descend(game: GAN, side: str, net: Net, grads: Any, hyper: Hyper) -> Net:
    with of_part(f'config.optim.{side}'):
        direction, opt = game.optimizers[side].update(grads, net.opt, net.params)
    moves = jax.tree.map(lambda u: hyper.learning_rate[side] * u, direction)
    return Net(optax.apply_updates(net.params, moves), net.stats, opt)
