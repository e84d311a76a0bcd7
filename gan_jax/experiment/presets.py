"""Config blocks of the methods that the paper compares, and of related methods.

Zhao et al. 2020, arXiv 2006.02595, section 3 and algorithms 1 and 2. The docstrings of the terms
give the sources of the related methods' weights.
"""

import copy
from typing import Any

HINGE = {'fn': 'gan_jax.terms.adversarial.hinge', 'weight': 1.0}
CR = {'fn': 'gan_jax.terms.consistency.cr', 'weight': 10.0}
BALANCED = {'fn': 'gan_jax.terms.consistency.balanced', 'weight': 10.0}
LATENT = {
    'fn': 'gan_jax.terms.consistency.latent',
    'sigma': 0.03,
    'weight': {'dis': 5.0, 'gen': 0.5},
}
IMPROVED = {
    'fn': 'gan_jax.terms.consistency.improved',
    'sigma': 0.03,
    'weight': {'real': 10.0, 'fake': 10.0, 'dis': 5.0, 'gen': 0.5},
}
CNTR = {'fn': 'gan_jax.terms.contrastive.cntr', 'weight': 0.1}
ROTATION = {'fn': 'gan_jax.terms.rotation.rotation', 'weight': {'real': 1.0, 'fake': 0.2}}
LECAM = {'fn': 'gan_jax.terms.lecam.lecam', 'weight': 0.3}
# The gamma of CIFAR-10 in StyleGAN2-ADA (Karras et al. 2020, arXiv 2006.06676).
R1 = {'fn': 'gan_jax.terms.penalty.r1', 'weight': 0.01}
CONTRAD = {'fn': 'gan_jax.terms.contrastive.contrad', 'weight': 1.0}

# For each method: the key of `augment` that takes the policy, and the terms beside the adversarial
# one (or in its place, if the method names it).
METHODS = {
    'none': ('', {}),
    'real_only': ('real', {}),
    'real_fake': ('critic', {}),
    'cr': ('view', {'consistency': CR}),
    'bcr': ('view', {'consistency': BALANCED}),
    'zcr': ('', {'consistency': LATENT}),
    'icr': ('view', {'consistency': IMPROVED}),
    'cntr': ('view', {'contrastive': CNTR}),
    'bcr_cntr': ('view', {'consistency': {**BALANCED, 'weight': 5.0}, 'contrastive': CNTR}),
    'rotation': ('', {'rotation': ROTATION}),
    'diffaugment': ('critic', {}),
    'lecam': ('', {'lecam': LECAM}),
    'r1': ('', {'penalty': R1}),
    'contrad': ('view', {'adversarial': CONTRAD}),
}
# DiffAugment is `real_fake` with its own policy (Zhao et al. 2020, arXiv 2006.10738).
DIFFAUGMENT = 'diffaugment_color|diffaugment_translation|diffaugment_cutout'
# zCR of a conditional model (Zhao et al. 2020, arXiv 2002.04724): more noise, a larger weight.
SIGMA, DIS = 0.05, 20.0


def method(
    name: str,
    policy: str,
    strength: float,
    *,
    conditional: bool = False,
    cntr_policy: str = '',
    cntr_strength: float = 0.5,
) -> dict[str, Any]:
    """The blocks 'augment' and 'terms' of one method, with the hinge loss.

    Args:
        name: one of METHODS.
        policy: the augmentation, such as 'translation'; 'diffaugment' has its own.
        strength: strength of the policy.
        conditional: True takes the weights for a conditional model.
        cntr_policy: policy of Cntr's views in place of `policy`; '' uses `policy`.
        cntr_strength: strength of `cntr_policy`; the paper finds most policies best near 0.5,
            'simclr' at 0.3.

    Raises:
        ValueError: there is no such method, or it has no Cntr to use `cntr_policy`.
    """
    if name not in METHODS:
        raise ValueError(f"there is no method '{name}'; known: {', '.join(METHODS)}")
    use, blocks = METHODS[name]
    augment = {'real': '', 'critic': '', 'view': '', 'strength': strength, 'probability': 1.0}
    if use:
        augment[use] = DIFFAUGMENT if name == 'diffaugment' else policy
    terms = copy.deepcopy({'adversarial': HINGE, **blocks})
    if conditional and name in ('zcr', 'icr'):
        terms['consistency']['sigma'] = SIGMA
        terms['consistency']['weight']['dis'] = DIS
    if cntr_policy:
        if 'contrastive' not in terms:
            raise ValueError(f"method '{name}' has no Cntr that could have a policy of its own")
        terms['contrastive'] |= {'policy': cntr_policy, 'strength': cntr_strength}
    return {'augment': augment, 'terms': terms}


def blocks(text: str, *, conditional: bool = False, **defaults: Any) -> dict[str, Any]:
    """The blocks of `method` for the text after the colon in `--config=FILE:key=value,...`.

    Args:
        text: values for method, augment, strength, cntr_augment and cntr_strength.
        conditional: as in `method`.
        **defaults: defaults of method, augment and strength.

    Raises:
        ValueError: as `arguments` and `method`.
    """
    chosen = arguments(text, **defaults, cntr_augment='', cntr_strength=0.5)
    return method(
        *(chosen[key] for key in ('method', 'augment', 'strength')),
        conditional=conditional,
        cntr_policy=chosen['cntr_augment'],
        cntr_strength=chosen['cntr_strength'],
    )


def arguments(text: str, **defaults: Any) -> dict[str, Any]:
    """The values of the text after the colon in `--config=FILE:key=value,...`, over defaults.

    A value takes the type of its default.

    Raises:
        ValueError: an unknown key, or a value that is not of its default's type.
    """
    chosen = dict(defaults)
    for item in filter(None, text.split(',')):
        key, separator, value = item.partition('=')
        if key not in defaults or not separator:
            known = ', '.join(f'{k}={v}' for k, v in defaults.items())
            raise ValueError(f"does not take '{item}'; it takes {known}")
        try:
            chosen[key] = type(defaults[key])(value)
        except ValueError as error:
            raise ValueError(f"{key} is '{value}': give a number") from error
    return chosen
