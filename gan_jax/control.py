"""Numbers of the step that a term's state owns: a strength that follows the discriminator.

A term names keys of the config in `Term.controls`; in each update the values from its state take
the place of the config's own numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from gan_jax.augment.policy import NEEDS
from gan_jax.runtime.errors import of_part
from gan_jax.state import Hyper
from gan_jax.terms import Term

FORMS = (
    "'augment.USE.strength' or 'augment.USE.probability', where USE is real, critic or view, or "
    "'terms.NAME.weight'"
)


def controls_of(
    terms: Mapping[str, Term], augment: Mapping[str, str]
) -> dict[tuple[str, str], tuple[str, Callable[[Any], Any]]]:
    """The controlled numbers by their path in `Hyper`: {path: (term, state -> number)}.

    Args:
        terms: the acting terms, by name.
        augment: the policies by use: 'real', 'critic', 'view'.

    Raises:
        ValueError: a key names no number of the step, or two terms control one number.
    """
    found: dict[tuple[str, str], tuple[str, Callable[[Any], Any]]] = {}
    for name, term in terms.items():
        for key, number in term.controls.items():
            path = _path(name, key, terms, augment)
            if path in found:
                raise ValueError(
                    f'terms.{found[path][0]} and terms.{name} both control config.{key}: take one '
                    'of them out'
                )
            found[path] = name, number
    return found


def controlled(
    controls: Mapping[tuple[str, str], tuple[str, Callable[[Any], Any]]],
    states: Mapping[str, Any],
    hyper: Hyper,
) -> Hyper:
    """The hyper-parameters with controlled numbers from the states of the terms.

    No gradient flows into a controlled number.

    Args:
        controls: from `controls_of`.
        states: of the terms, by name.
        hyper: the numbers of the config.
    """
    for (field, entry), (name, number) in controls.items():
        with of_part(f'config.terms.{name}'):
            value = jax.lax.stop_gradient(number(states[name]))
        hyper = hyper._replace(**{field: {**getattr(hyper, field), entry: value}})
    return hyper


def _path(
    name: str, key: str, terms: Mapping[str, Term], augment: Mapping[str, str]
) -> tuple[str, str]:
    top, _, rest = key.partition('.')
    of, _, what = rest.partition('.')
    if top == 'terms' and of in terms and what == 'weight':
        return 'weights', of
    if top != 'augment' or of not in augment or what not in NEEDS:
        raise ValueError(f"terms.{name} controls '{key}', which is no number of the step: {FORMS}")
    if not NEEDS[what](augment[of]):
        raise ValueError(
            f"terms.{name} controls config.{key}, and the policy '{augment[of]}' takes no {what} "
            f'from there: give a policy to config.augment.{of} that does, such as '
            f'{"p(translation(0.2))" if what == "probability" else "translation"!r}'
        )
    return what, augment[of]
