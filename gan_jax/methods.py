"""The ways of applying an augmentation that the paper compares, as blocks of a config.

Zhao et al. 2020, arXiv 2006.02595, section 3 and algorithms 1 and 2.
"""

from typing import Any

HINGE = 'gan_jax.terms.adversarial.hinge'
BALANCED = 'gan_jax.terms.consistency.balanced'
CNTR = 'gan_jax.terms.contrastive.cntr'

# For each method: where the policy goes in `augment`, and the terms beside the adversarial one.
METHODS = {
    'none': ('', {}),
    'real_only': ('real', {}),
    'real_fake': ('critic', {}),
    'bcr': ('view', {'consistency': {'fn': BALANCED, 'weight': 10.0}}),
    'cntr': ('view', {'contrastive': {'fn': CNTR, 'weight': 0.1}}),
    'bcr_cntr': (
        'view',
        {
            'consistency': {'fn': BALANCED, 'weight': 5.0},
            'contrastive': {'fn': CNTR, 'weight': 0.1},
        },
    ),
}


def method(name: str, policy: str, strength: float) -> dict[str, Any]:
    """The blocks 'augment' and 'terms' of one method, with the hinge loss.

    Args:
        name: one of METHODS.
        policy: the augmentation, such as 'translation'.
        strength: of the policy.

    Raises:
        ValueError: there is no such method.
    """
    if name not in METHODS:
        raise ValueError(f"there is no method '{name}'; known: {', '.join(METHODS)}")
    use, terms = METHODS[name]
    augment = {'real': '', 'critic': '', 'view': '', 'strength': strength}
    if use:
        augment[use] = policy
    return {
        'augment': augment,
        'terms': {'adversarial': {'fn': HINGE, 'weight': 1.0}, **terms},
    }


def arguments(text: str, **defaults: Any) -> dict[str, Any]:
    """What follows the colon in `--config=FILE:key=value,key=value`, over defaults.

    A value takes the type of its default.

    Raises:
        ValueError: an unknown key, or a value that does not fit.
    """
    chosen = dict(defaults)
    for item in filter(None, text.split(',')):
        key, separator, value = item.partition('=')
        if key not in defaults or not separator:
            known = ', '.join(f'{k}={v}' for k, v in defaults.items())
            raise ValueError(f"does not take '{item}'; it takes {known}")
        chosen[key] = type(defaults[key])(value)
    return chosen
