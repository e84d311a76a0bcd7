"""Objects by importable path: how a config block names the function that it configures.

`dict(fn='gan_jax.terms.adversarial.hinge', weight=1.0)` needs no registry: a fork's new part is a
new file and a path, and every name can be grepped.
"""

import difflib
import importlib
import inspect
from collections.abc import Collection, Mapping
from typing import Any

# What a config that came with somebody's workdir may name; --allow=PACKAGE adds to it.
TRUSTED = ('gan_jax', 'optax', 'flax')

FEW = 12  # words that still make a readable sentence


def nearest(word: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?` for the known word closest to `word`, else the known words if few."""
    close = difflib.get_close_matches(word, list(known), n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f'; known: {", ".join(sorted(known))}' if 0 < len(known) <= FEW else ''


def resolve(path: str, allow: Collection[str] | None = None) -> Any:
    """The object at an importable path such as 'gan_jax.terms.adversarial.hinge'.

    Args:
        path: module, a dot, and the name of an attribute of that module.
        allow: the top-level packages that may be imported; None trusts every path.

    Raises:
        ValueError: one sentence that names the path: not a path, not allowed, no such module or
            name.
    """
    module_name, _, name = path.rpartition('.')
    if not module_name:
        raise ValueError(f"'{path}' is not an importable path such as 'package.module.name'")
    top = path.split('.')[0]
    if allow is not None and top not in allow:
        raise ValueError(
            f"'{path}' lies outside {', '.join(allow)} and would run code that this config "
            f'brings; if you trust it, add --allow={top}'
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # The module may exist and miss an import of its own: the cause says which.
        raise ValueError(f"cannot import '{module_name}' for '{path}': {error}") from error
    if not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith('_')]
        raise ValueError(f"'{module_name}' has no '{name}'{nearest(name, public)}")
    return getattr(module, name)


def faults(
    block: Mapping[str, Any],
    *,
    reserved: Collection[str] = (),
    allow: Collection[str] | None = None,
    supplied: Collection[str] = (),
) -> list[str]:
    """Everything that would make `build` fail on this block, a sentence each; [] when nothing."""
    if not isinstance(block.get('fn'), str):
        return ["needs fn='package.module.function'"]
    try:
        function = resolve(block['fn'], allow)
    except ValueError as error:
        return [str(error)]
    if not callable(function):
        return [f'{block["fn"]} is not a function']
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    # Modules of flax take `name` and `parent`, which a config has no use for.
    known = [n for n in parameters if n not in (*supplied, 'name', 'parent')]
    given = [k for k in block if k != 'fn' and k not in reserved]
    wrong = [f"{block['fn']} takes no '{k}'{nearest(k, known)}" for k in given if k not in known]
    wrong += [
        f"{block['fn']} takes no '{k}', which it would be given"
        for k in supplied
        if k not in parameters
    ]
    missing = [
        f"{block['fn']} needs '{n}'"
        for n in known
        if parameters[n].default is inspect.Parameter.empty and n not in given
    ]
    return wrong + missing


def build(
    block: Mapping[str, Any],
    *,
    reserved: Collection[str] = (),
    allow: Collection[str] | None = None,
    **supplied: Any,
) -> Any:
    """Call `block['fn']` with the other keys of the block as keywords.

    Args:
        block: a config block with an importable path at 'fn'.
        reserved: keys of the block that are not the function's (a term's 'weight').
        allow: as in `resolve`.
        **supplied: keywords that the caller knows and a config cannot (an image's shape).

    Raises:
        TypeError: one sentence that names the path and the key or module that is wrong.
    """
    wrong = faults(block, reserved=reserved, allow=allow, supplied=supplied)
    if wrong:
        raise TypeError('; '.join(wrong))
    options = {k: v for k, v in block.items() if k != 'fn' and k not in reserved}
    return resolve(block['fn'], allow)(**options, **supplied)
