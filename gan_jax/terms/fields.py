"""The types of a term's fields, checked when the term is built."""

import inspect
from collections.abc import Collection, Mapping
from typing import Any

import flax.linen as nn

from gan_jax.runtime import ranges
from gan_jax.terms import Network, Objective, Term
from gan_jax.views import View


def check_fields(term: Term) -> None:
    """Raises unless the fields of a term, of its objectives and of their views have their types.

    Raises:
        TypeError: one sentence about the first field that has another type.
    """
    for side in 'dg':
        objective = getattr(term, side)
        if objective is not None:
            _check_field(side, objective, isinstance(objective, Objective), 'an Objective or None')
            _check_objective(side, objective)
    _check_head(term.head)
    _check_networks(term)
    _check_functions('latents', term.latents, 'a dict {name: function}')
    _check_functions('controls', term.controls, 'a dict {key: function}')
    _check_functions('project', term.project, "a dict {'d' or 'g': function}", {*'dg'})
    _check_field('init', term.init, callable(term.init), 'a function')
    _check_field('mix', term.mix, term.mix is None or callable(term.mix), 'a function or None')


def _check_functions(
    field: str, functions: Any, words: str, names: Collection[str] | None = None
) -> None:
    fits = isinstance(functions, Mapping) and (names is None or {*functions} <= {*names})
    _check_field(field, functions, fits, words)
    for name, function in functions.items():
        _check_field(f"{field}['{name}']", function, callable(function), 'a function')


def _check_head(head: Any) -> None:
    _check_field('head', head, head is None or isinstance(head, nn.Module), 'a Flax module or None')
    arguments = () if head is None else inspect.signature(head.__call__).parameters.values()
    if head is not None and not any(
        x.name == 'train' or x.kind is x.VAR_KEYWORD for x in arguments
    ):
        raise TypeError(
            f'the head {type(head).__name__} of the term is not told whether it trains: give its '
            '__call__ the keyword train, as in (self, features, label, *, train)'
        )


def _check_networks(term: Term) -> None:
    words = "a tuple of names, such as ('z',)"
    _check_field('reads', term.reads, isinstance(term.reads, tuple), words)
    networks = term.networks
    _check_field('networks', networks, isinstance(networks, Mapping), 'a dict {name: Network}')
    for name, network in networks.items():
        field = f"networks['{name}']"
        _check_field(field, network, isinstance(network, Network), 'a Network')
        module, side, inputs, gives = network
        _check_field(f'{field}.module', module, isinstance(module, nn.Module), 'a Flax module')
        _check_field(f'{field}.side', side, side in ('d', 'g'), "'d' or 'g'")
        named = isinstance(gives, Mapping) and all(isinstance(x, str) for x in gives.values())
        _check_field(f'{field}.gives', gives, named, 'a dict {source: name of an entry}')
        fits = isinstance(inputs, tuple) and all(isinstance(x, str | tuple) for x in inputs)
        words = "a tuple of names and shapes, such as ('image',) or ((128,),)"
        _check_field(f'{field}.inputs', inputs, fits, words)


def _check_objective(side: str, objective: Objective) -> None:
    for field in ('views', 'targets'):
        _check_views(f'{side}.{field}', getattr(objective, field))
    words = "a tuple of names, such as ('real',)"  # a text is a sequence of names of one letter
    grads = objective.input_grads
    _check_field(f'{side}.input_grads', grads, isinstance(grads, tuple | list), words)
    of, words = objective.grad_of, "a text, such as 'contrad'"
    _check_field(f'{side}.grad_of', of, isinstance(of, str), words)
    _check_field(f'{side}.loss', objective.loss, callable(objective.loss), 'a function')


def _check_views(field: str, views: Any) -> None:
    _check_field(field, views, isinstance(views, Mapping), 'a dict {name: View}')
    for name, view in views.items():
        _check_field(f"{field}['{name}']", view, isinstance(view, View), 'a View')
        _check_field(f"{field}['{name}'].make", view.make, callable(view.make), 'a function')
        is_tuple, words = isinstance(view.options, tuple), 'a tuple of pairs (name, value)'
        _check_field(f"{field}['{name}'].options", view.options, is_tuple, words)


def _check_field(name: str, value: Any, fits: bool, words: str) -> None:
    if not fits:
        raise TypeError(f'the field {name} of the term is {ranges.quoted(value)}: give {words}')
