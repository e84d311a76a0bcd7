"""Networks, terms, optimisers and hyper-parameters from a checked config.

Code below this module does not see the config.
"""

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import labels, views
from gan_jax.data.dataset import Training
from gan_jax.experiment import averages
from gan_jax.experiment.blocks import has_extractor
from gan_jax.experiment.generator import build_generator, with_table
from gan_jax.experiment.kinds import FEATURE_NETWORK, LATENT, NETWORK, OPTIMIZER, TERM
from gan_jax.experiment.named_code import amounts
from gan_jax.experiment.numbers import AVERAGE, RESERVED, apart, data_keywords, make_number
from gan_jax.gan import GAN, Augment
from gan_jax.latents import Latent
from gan_jax.models.critic import Critic
from gan_jax.runtime import load
from gan_jax.runtime.errors import PartError, UserError, of_part, sentence
from gan_jax.state import Ema, Hyper
from gan_jax.terms import Objective, Term
from gan_jax.terms.fields import check_fields


class Experiment(NamedTuple):
    """The objects that a config describes.

    Attributes:
        gan: networks, optimisers and augmentation.
        terms: the active terms by name; a weight of 0 in the config makes a term inactive.
        every: interval of each term, in steps.
        hyper: the traced hyper-parameters.
    """

    gan: GAN
    terms: Mapping[str, Term]
    every: Mapping[str, int]
    hyper: Hyper


def build_experiment(
    config: Mapping[str, Any],
    *,
    shape: tuple[int, int, int],
    num_classes: int,
    class_counts: labels.Counts | None = None,
    latent: Latent | None = None,
    allow: Collection[str] | None = None,
    vectors: np.ndarray | None = None,
) -> Experiment:
    """The experiment that a valid config describes.

    Args:
        config: nested dicts without `config.faults`.
        shape: (H, W, C) of the data's images, or of their codes.
        num_classes: classes of the data, 0 without labels.
        class_counts: from `labels.counts_of`; None draws all classes equally often.
        latent: the distribution of the latents, from `build_latent`; None makes it of the config.
        allow: packages whose code the config may name, as in `load.resolve`.
        vectors: the label vectors of the data, float32 [R, K], if it has some.

    Raises:
        ValueError: a function of the config refuses its keywords or returns the wrong type, no term
            trains one of the players, a conditional network has another number of classes than the
            data, or the discriminator reads at every step what a network gives in some.
    """
    number = functools.partial(make_number, config=config, allow=allow)
    given, (config, scheduled) = config, apart(config)
    dtype = jnp.dtype(config['dtype'])
    blocks = {n: b for n, b in config['terms'].items() if any(jax.tree.leaves(b['weight']))}
    make = functools.partial(_made, allow=allow)
    keywords = _keywords(config, blocks, scheduled, number)
    terms = {name: _term(f'terms.{name}', block, keywords, allow) for name, block in blocks.items()}
    _check_players(terms)
    _check_classes(config, blocks, num_classes, vectors)
    trunk = make('discriminator', **_discriminator(config, allow), dtype=dtype)
    with of_part('config.logit'):
        logit = with_table(make('logit', config['logit'], NETWORK), vectors)
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    gan = GAN(
        generator=build_generator(config, shape, allow, vectors),
        critic=Critic(trunk, heads, logit),
        optimizers={
            side: _optimizer(f'optim.{side}', config['optim'][side], keywords, allow)
            for side in 'gd'
        },
        latent_dim=config['latent']['dim'],
        class_counts=class_counts or labels.uniform(num_classes),
        latent=latent or build_latent(config, allow),
        paired_labels=config['latent']['labels'] == 'real',
        g_reals=config['g_reals'],
        augment=Augment(*(config['augment'][use] for use in Augment._fields)),
        ema=Ema(**config['ema']),
        averages={
            name: averages.options(block) for name, block in config.get('averages', {}).items()
        },
        joint=config['joint'],
        accumulate=config['accumulate'],
        freeze=config['freeze'],
    )
    hyper = Hyper(
        seed=np.int32(config['seed']),
        weights={name: _weights(name, given['terms'][name]['weight'], number) for name in blocks},
        strength={policy: number(*at) for policy, at in amounts(given, 'strength').items()},
        probability={policy: number(*at) for policy, at in amounts(given, 'probability').items()},
        learning_rate={
            s: number(f'optim.{s}.learning_rate', given['optim'][s]['learning_rate']) for s in 'gd'
        },
        keywords=keywords,
    )
    every = {name: block.get('every', 1) for name, block in blocks.items()}
    _check_always(terms, every, gan.critic.reads)
    return Experiment(gan, terms, every, hyper)


def build_latent(
    config: Mapping[str, Any],
    allow: Collection[str] | None = None,
    training: Callable[[], Training] | None = None,
) -> Latent:
    """The distribution of the latents of a config without faults.

    Args:
        config: nested; read is its block `latent`.
        allow: whose code the config may name, as in `load.resolve`.
        training: () -> the training images; called if the distribution is made of them.

    Raises:
        UserError: what it needs is not here, such as Inception's weights.
        PartError: its function fails.
    """
    latent = _made('latent', config['latent'], LATENT, allow)
    if latent.fit is None or training is None:
        return latent
    images = training()
    try:
        return latent.fit(images)
    except UserError:
        raise
    except Exception as error:  # it may be anybody's code
        raise PartError(f'config.latent: {sentence(error)}') from error


Number = Callable[[str, Any], Any]  # (key of the config, value) -> a number of `Hyper`


def _weights(name: str, weight: Any, number: Number) -> Any:
    if not isinstance(weight, Mapping) or 'fn' in weight:
        return number(f'terms.{name}.weight', weight)
    return {part: number(f'terms.{name}.weight.{part}', w) for part, w in weight.items()}


def _keywords(
    config: Mapping[str, Any],
    terms: Mapping[str, Mapping[str, Any]],
    scheduled: Mapping[str, Any],
    number: Number,
) -> dict[str, dict[str, Any]]:
    """`Hyper.keywords`: schedules, half-lives, and what the factories of terms mark as data."""
    halflives = {
        f'averages.{name}.{key}': block[key]
        for name, block in config.get('averages', {}).items()
        for key in block.keys() & AVERAGE.keys()
    }
    of_terms = {
        f'terms.{name}.{keyword}': value
        for name, block in terms.items()
        for keyword, value in data_keywords(block, TERM).items()
    }
    given = {**halflives, **of_terms, **scheduled}
    found: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        where, _, name = key.rpartition('.')
        acting = where.removeprefix('terms.') in terms or not where.startswith('terms.')
        if where == 'ema' or (where.count('.') == 1 and name not in RESERVED and acting):
            found.setdefault(where, {})[name] = number(key, value)
    return found


def _check_players(terms: Mapping[str, Term]) -> None:
    for side, name in {'d': 'discriminator', 'g': 'generator'}.items():
        if all(getattr(term, side) is None for term in terms.values()):
            raise ValueError(
                f'no term of config.terms trains the {name}: add one that does, such as '
                "adversarial=dict(fn='gan_jax.terms.adversarial.hinge', weight=1.0)"
            )


def _check_classes(
    config: Mapping[str, Any], terms: Mapping[str, Any], num_classes: int, vectors: Any
) -> None:
    blocks = {name: config[name] for name in ('generator', 'logit')}
    blocks |= {f'terms.{name}': terms[name] for name in terms}
    others = [
        f'config.{name}.num_classes is {classes}'
        for name, block in blocks.items()
        if (classes := block.get('num_classes', 0)) not in (0, num_classes)
    ]
    if others:
        have = 'classes' if vectors is None else f'classes, but label vectors {[*vectors.shape]}'
        raise ValueError(f'{" and ".join(others)}, and the data have {num_classes} {have}')


def _check_always(
    terms: Mapping[str, Term], every: Mapping[str, int], reads: Collection[str]
) -> None:
    for name, term in terms.items():
        given = {entry for network in term.networks.values() for entry in network.gives.values()}
        for entry in sorted(given & {*reads}) if every[name] > 1 else ():
            raise ValueError(
                f"config.discriminator reads '{entry}' at every step, and a network of "
                f'terms.{name} gives it every {every[name]} steps: take out '
                f'config.terms.{name}.every'
            )


def _discriminator(config: Mapping[str, Any], allow: Collection[str] | None) -> dict[str, Any]:
    """The discriminator's block and kind, and the feature network if the block names one."""
    block = config['discriminator']
    if not has_extractor(config):
        return {'block': block, 'kind': NETWORK}
    made = _made('discriminator.extractor', block['extractor'], FEATURE_NETWORK, allow)
    others = {name: value for name, value in block.items() if name != 'extractor'}
    return {'block': others, 'kind': NETWORK, 'extractor': made}


def _made(
    name: str,
    block: Mapping[str, Any],
    kind: load.Kind,
    allow: Collection[str] | None,
    **supplied: Any,
) -> Any:
    """`load.build` of a block; its errors name the block."""
    with of_part(f'config.{name}'):
        return load.build(block, kind, allow=allow, **supplied)


def _term(
    name: str,
    block: Mapping[str, Any],
    keywords: Mapping[str, Mapping[str, Any]],
    allow: Collection[str] | None,
) -> Term:
    """The term of a block; if some of its keywords are data, it can be made again with others."""
    term = _made(name, block, TERM, allow)
    with of_part(f'config.{name}'):
        check_fields(term)
    policy = block.get('policy', '')
    if name in keywords:
        make = load.partial(block, TERM, allow)
        term = term._replace(remake=lambda **numbers: _with_policies(make(**numbers), policy))
    return _with_policies(term, policy)


def _optimizer(
    name: str,
    block: Mapping[str, Any],
    keywords: Mapping[str, Mapping[str, Any]],
    allow: Collection[str] | None,
) -> optax.GradientTransformation:
    """The optimiser of a block at learning rate 1; scheduled keywords are arguments of `update`."""
    made = _made(name, block, OPTIMIZER, allow, learning_rate=1.0)
    if name not in keywords:
        return made
    make = load.partial(block, OPTIMIZER, allow, learning_rate=1.0)

    def update(updates, state, params=None, **numbers):
        return make(**numbers).update(updates, state, params)

    return optax.GradientTransformationExtraArgs(made.init, update)


def _with_policies(term: Term, policy: str) -> Term:
    """The term with its own policy, if there is one, in its views."""
    if not policy:
        return term
    return term._replace(d=_with_policy(term.d, policy), g=_with_policy(term.g, policy))


def _with_policy(objective: Objective | None, policy: str) -> Objective | None:
    """The objective with the term's own policy in every view without a policy."""
    if objective is None:
        return None
    settled = [
        {
            name: view if view.policy or view.make is views.plain else view._replace(policy=policy)
            for name, view in named.items()
        }
        for named in (objective.views, objective.targets)
    ]
    return objective._replace(views=settled[0], targets=settled[1])
