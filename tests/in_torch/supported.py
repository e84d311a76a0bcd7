"""Which settings the PyTorch step has an equivalent for. Nothing here imports torch."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax

from gan_jax.augment.policy import PART
from gan_jax.runtime.errors import UserError

_HERE = 'tests.in_torch'
_NETWORKS = ('sndcgan', 'resnet', 'biggan')
_TERMS = {
    'adversarial': ('hinge', 'non_saturating'),
    'consistency': ('cr', 'balanced'),
    'contrastive': ('cntr',),
}
# For each kind of block, what its `fn` may be, and the same in PyTorch.
EQUIVALENTS = {
    'generator': {f'gan_jax.models.{n}.Generator': f'{_HERE}.{n}.Generator' for n in _NETWORKS},
    'discriminator': {f'gan_jax.models.{n}.Trunk': f'{_HERE}.{n}.Trunk' for n in _NETWORKS},
    'logit': {
        f'gan_jax.models.critic.{n}': f'{_HERE}.critic.{n}' for n in ('Logit', 'ProjectionLogit')
    },
    'terms': {
        f'gan_jax.terms.{file}.{name}': f'{_HERE}.losses.{name}'
        for file, names in _TERMS.items()
        for name in names
    },
}
_ADAM = ('fn', 'learning_rate', 'b1', 'b2', 'eps')
_OPS = ('translation', 'flip')


def check(settings: Mapping[str, Any]) -> None:
    """Refuse settings that the PyTorch step would not follow.

    Args:
        settings: nested dicts without `config.faults`.

    Raises:
        UserError: names the first such key, and what is supported.
    """
    for key, value, known in _choices(settings):
        if value not in known:
            advice = f'give {" or ".join(map(repr, known))}' if known else 'leave it out'
            raise UserError(
                f'config.{key} is {value!r}, of which there is no equivalent in PyTorch: {advice}'
            )


def active(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The blocks of the terms whose weight in the config is not 0."""
    return {n: b for n, b in settings['terms'].items() if any(jax.tree.leaves(b['weight']))}


def _choices(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any, tuple]]:
    """(key, value, the values that are supported)."""
    for name in ('generator', 'discriminator', 'logit'):
        yield f'{name}.fn', settings[name]['fn'], tuple(EQUIVALENTS[name])
    for name in ('generator', 'discriminator'):
        yield f'{name}.remat', settings[name].get('remat', False), (False,)
    yield 'accumulate', settings['accumulate'], (1,)
    yield 'g_reals', settings.get('g_reals', 'last'), ('last',)
    latent = settings['latent'].get('fn', 'gan_jax.latents.normal')
    yield 'latent.fn', latent, ('gan_jax.latents.normal',)
    yield 'latent.labels', settings['latent'].get('labels', 'data'), ('data', 'uniform')
    for name, block in active(settings).items():
        yield f'terms.{name}.fn', block['fn'], tuple(EQUIVALENTS['terms'])
        yield f'terms.{name}.every', block.get('every', 1), (1,)
        yield from _ops(f'terms.{name}.policy', block.get('policy', ''))
    yield from _ops('augment.view', settings['augment']['view'])
    yield 'augment.real', settings['augment']['real'], ('',)
    yield 'augment.critic', settings['augment']['critic'], ('',)
    yield 'joint', settings['joint'], (True,)
    for side in 'gd':
        block = settings['optim'][side]
        yield f'optim.{side}.fn', block['fn'], ('optax.adam',)
        for key in block.keys() - {*_ADAM}:
            yield f'optim.{side}.{key}', block[key], ()


def _ops(key: str, policy: str) -> Iterator[tuple[str, str, tuple]]:
    for word in filter(None, policy.split('|')):
        op = PART.fullmatch(word.strip())
        yield key, op[1] if op else word, _OPS
