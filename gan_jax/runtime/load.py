"""Objects by importable path: how a config block names the function that it configures.

`dict(fn='gan_jax.terms.adversarial.hinge', weight=1.0)` needs no registry: a fork's new part is a
new file and a path, and every name can be grepped. A config that came with somebody's workdir may
name only what is meant for the place: each place has a `Kind`.
"""

import difflib
import importlib
import inspect
import shlex
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gan_jax.runtime import ranges
from gan_jax.runtime.errors import sentence

# They hold functions that call, write or delete what they are told, so that no --allow opens them:
# of these a `Kind` alone says what may be named.
OURS = ('gan_jax', 'optax', 'flax')

# Modules of flax take them, and a config has no use for them.
UNUSED = ('name', 'parent')

FEW = 12  # words that still make a readable sentence


class Kind(NamedTuple):
    """What may stand in a place of a config.

    Attributes:
        what: in words, 'a network'.
        mark: what needs no --allow, in words, 'a class of Flax modules of gan_jax.models'.
        packages: that those are defined in; none where each is a fork's own.
        fits: whether an object that is defined there is one of them.
        makes: the type of what one makes.
        reserved: keys of its block that are not its keywords (a term's 'weight').
        keywords: what they may be where a definition's annotation says too little, by name.
    """

    what: str
    mark: str
    packages: tuple[str, ...] = ()
    fits: Callable[[Any], bool] = callable
    makes: type = object
    reserved: tuple[str, ...] = ()
    keywords: Mapping[str, Any] = MappingProxyType({})


def nearest(word: object, known: Collection[object]) -> str:
    """`; did you mean 'x'?` for the known word closest to `word`, else the known words if few."""
    words = sorted(map(str, known))
    close = difflib.get_close_matches(str(word), words, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f'; known: {", ".join(words)}' if 0 < len(words) <= FEW else ''


def resolve(path: str, kind: Kind, allow: Collection[str] | None = None) -> Any:
    """The callable at an importable path such as 'gan_jax.terms.adversarial.hinge'.

    Args:
        path: module, a dot, and the name of an attribute of that module.
        kind: what may stand where the path stands.
        allow: None trusts every path. Else the path may name what is of this kind, or a callable of
            one of these packages; both are judged by where the object is defined as well, so that
            nothing is reached by the path of a module that imports it, and nothing else is
            imported.

    Raises:
        ValueError: one sentence that names the path: not a path, not allowed, no such module or
            name, or no function.
    """
    if not ('.' in path and all(part.isidentifier() for part in path.split('.'))):
        raise ValueError(f"'{path}' is not an importable path such as 'package.module.name'")
    module_name, _, name = path.rpartition('.')
    if allow is not None:
        _check_path(path, kind, allow)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # The module may exist and miss an import of its own: the cause says which.
        raise ValueError(f"cannot import '{module_name}' for '{path}': {error}") from error
    except Exception as error:  # a module is Python: it may raise anything
        raise ValueError(
            f"cannot import '{module_name}' for '{path}': {sentence(error)}"
        ) from error
    if not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith('_')]
        raise ValueError(f"'{module_name}' has no '{name}'{nearest(name, public)}")
    found = getattr(module, name)
    if not callable(found):
        raise ValueError(f'{path} is not a function')
    if allow is not None and not _fits(found, kind):
        fitting = [n for n, x in vars(module).items() if _fits(x, kind)]
        _check_home(path, found, kind, allow, nearest(name, fitting))
    return found


def outside(path: str, kind: Kind) -> set[str]:
    """The packages that `allow` has to name for a path that can be resolved."""
    found = resolve(path, kind)
    homes = {_top(path)} if _fits(found, kind) else {_top(path), _top(_home(found))}
    return homes - {*OURS, ''}


def unresolved(block: Mapping[str, Any], kind: Kind, allow: Collection[str] | None = None) -> str:
    """A sentence where there is no function at the block's 'fn'; '' where there is one."""
    if not isinstance(block.get('fn'), str):
        return "give the path of a function, 'package.module.function'"
    try:
        resolve(block['fn'], kind, allow)
    except ValueError as error:
        return str(error)
    return ''


def faults(
    block: Mapping[str, Any],
    kind: Kind,
    *,
    allow: Collection[str] | None = None,
    supplied: Collection[str] = (),
) -> list[str]:
    """All but its values that would make `build` refuse this block, a sentence each.

    Of the values see `misfits`.
    """
    if wrong := unresolved(block, kind, allow):
        return [wrong]
    function = resolve(block['fn'], kind, allow)
    parameters = _parameters(function)
    if parameters is None:
        return [f'{block["fn"]} does not say which keywords it takes: call it in a function']
    given = _options(block, kind)
    known = [n for n in parameters if n not in (*supplied, *UNUSED)]
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    wrong = [
        f"{block['fn']} takes no '{k}'{nearest(k, [*known, *kind.reserved])}"
        for k in given
        if k in (*supplied, *UNUSED) or (k not in known and not anything)
    ]
    if anything:
        return wrong
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


def misfits(
    block: Mapping[str, Any],
    kind: Kind,
    *,
    allow: Collection[str] | None = None,
    supplied: Collection[str] = (),
) -> dict[str, str]:
    """The keywords of a block whose values do not fit, and what to give: {keyword: words}.

    A keyword has the range of its annotation, or that of `Kind.keywords`; see `ranges`. A block
    whose function cannot be had has none, see `faults`.
    """
    said = keywords(block, kind, allow=allow, supplied=supplied)
    given = {k: v for k, v in _options(block, kind).items() if k in said}
    wrong = {name: ranges.instead(said[name], value) for name, value in given.items()}
    return {name: words for name, words in wrong.items() if words}


def keywords(
    block: Mapping[str, Any],
    kind: Kind,
    *,
    allow: Collection[str] | None = None,
    supplied: Collection[str] = (),
) -> dict[str, Any]:
    """The ranges of the keywords of a block's function, by name, as annotations; see `ranges.of`.

    {} where the function cannot be had.
    """
    try:
        parameters = _parameters(resolve(block['fn'], kind, allow)) or {}
    except (KeyError, TypeError, ValueError):
        return {}
    said = {n: kind.keywords.get(n, p.annotation) for n, p in parameters.items()}
    return {n: annotation for n, annotation in said.items() if n not in (*supplied, *UNUSED)}


def build(
    block: Mapping[str, Any],
    kind: Kind,
    *,
    allow: Collection[str] | None = None,
    **supplied: Any,
) -> Any:
    """Call `block['fn']` with the other keys of the block as keywords.

    Args:
        block: a config block with an importable path at 'fn'.
        kind: what may stand in its place.
        allow: as in `resolve`.
        **supplied: keywords that the caller knows and a config cannot (an image's shape).

    Raises:
        TypeError: one sentence that names the path and the key or module that is wrong, or says
            that what is made is not of this kind.
    """
    wrong = faults(block, kind, allow=allow, supplied=supplied)
    if not wrong:
        unfit = misfits(block, kind, allow=allow, supplied=supplied)
        wrong = [
            f'{name} is {ranges.quoted(block[name])}: give {words}' for name, words in unfit.items()
        ]
    if wrong:
        raise TypeError('; '.join(wrong))
    made = resolve(block['fn'], kind, allow)(**_options(block, kind), **supplied)
    if not isinstance(made, kind.makes):
        raise TypeError(
            f'{block["fn"]} makes a {type(made).__name__}, and not {kind.what}: it has to return a '
            f'{_top(kind.makes.__module__)} {kind.makes.__name__}'
        )
    return made


def _parameters(function: Callable) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of a function; None where it does not say, as some that are written in C."""
    for evaluated in (True, False):  # annotations that are put off may name what is not there
        try:
            return inspect.signature(function, eval_str=evaluated).parameters
        except Exception:
            continue
    return None


def _options(block: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    return {k: v for k, v in block.items() if k not in ('fn', *kind.reserved)}


def _check_path(path: str, kind: Kind, allow: Collection[str]) -> None:
    """Before anything is imported."""
    module_name, _, _ = path.rpartition('.')
    if _top(path) in OURS:
        private = any(part.startswith('_') for part in path.split('.'))
        if private or not _within(module_name, kind.packages):
            raise ValueError(_misplaced(path, kind))
    elif not _within(module_name, allow):
        raise ValueError(_untrusted(path, module_name))


def _fits(found: Any, kind: Kind) -> bool:
    return _within(_home(found), kind.packages) and kind.fits(found)


def _check_home(path: str, found: Any, kind: Kind, allow: Collection[str], hint: str) -> None:
    """Of what is no part of ours."""
    home = _home(found)
    if _top(path) in OURS or _top(home) in OURS:
        raise ValueError(_misplaced(path, kind) + hint)
    if not home:
        raise ValueError(
            f"'{path}' does not say which module it is defined in, so that no --allow opens it: "
            'call it in a function'
        )
    if not _within(home, allow):
        raise ValueError(_untrusted(path, home))


def _home(found: Any) -> str:
    """The module that an object is defined in, whichever names it; of an instance its type's.

    '' where it names none: a method of an object written in C says None.
    """
    home = getattr(found, '__module__', None)
    return home if isinstance(home, str) else ''


def _top(path: str) -> str:
    return path.partition('.')[0]


def _within(module_name: str, packages: Collection[str]) -> bool:
    """Whether a module is one of these packages or lies in one; a prefix is no package."""
    return any(module_name == p or module_name.startswith(f'{p}.') for p in packages)


def _misplaced(path: str, kind: Kind) -> str:
    return f"'{path}' is not {kind.what}: in the config of a workdir that is {kind.mark}"


def _untrusted(path: str, home: str) -> str:
    top = _top(home)
    return (
        f"'{path}' is code of {top}, outside {', '.join(OURS)}, and this config would run it; if "
        f'you trust all of {top}, add --allow={shlex.quote(top)}'
    )
