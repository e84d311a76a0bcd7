"""The configs that have a step of the published code to be timed against. Torch stays out."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan_jax.runtime.errors import UserError

TERMS = {
    'stylegan2': ('adversarial.non_saturating', 'penalty.r1'),
    'r3gan': ('adversarial.relativistic', 'penalty.r1', 'penalty.r2'),
}
NETWORKS = {
    'stylegan2': ('stylegan2.generator.Generator', 'stylegan2.discriminator.{}'),
    'r3gan': ('r3gan.Generator', 'r3gan.{}'),
}


def check(code: str, settings: Mapping[str, Any]) -> None:
    """Refuses a config whose step the published code does not take.

    Args:
        code: of `published_code.import_from`.
        settings: the resolved config, nested dicts.

    Raises:
        UserError: names the first such key, and what is compared; or no step of that code is.
    """
    if code not in TERMS:
        raise UserError(
            f'--reference is a checkout of {code}, whose step is not timed: give one of '
            'stylegan2-ada-pytorch or R3GAN'
        )
    for key, value, known in _choices(code, settings):
        if value not in known:
            advice = ' or '.join(map(repr, known))
            raise UserError(
                f'config.{key} is {value!r}, which the published code is not timed with: '
                f'give {advice}'
            )


def first_number(value: Any) -> float:
    """A number of the config, of a schedule the first."""
    return value['start'] if isinstance(value, Mapping) and 'start' in value else value


def _choices(code: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any, tuple]]:
    """(key, value, the values that are compared)."""
    generator, critic = (f'gan_jax.models.{name}' for name in NETWORKS[code])
    yield 'generator.fn', settings['generator']['fn'], (generator,)
    yield 'discriminator.fn', settings['discriminator']['fn'], (critic.format('Trunk'),)
    yield 'logit.fn', settings['logit']['fn'], (critic.format('Logit'),)
    known = tuple(f'gan_jax.terms.{term}' for term in TERMS[code])
    for name, block in settings['terms'].items():
        if first_number(block['weight']):
            yield f'terms.{name}.fn', block['fn'], known
    for player in ('g', 'd'):
        yield f'optim.{player}.fn', settings['optim'][player]['fn'], ('optax.adam',)
    for use in ('real', 'critic', 'view'):
        yield f'augment.{use}', settings['augment'][use], ('',)
    yield 'dtype', settings['dtype'], ('float32',)
    for key in ('accumulate', 'd_steps'):
        yield key, settings[key], (1,)
