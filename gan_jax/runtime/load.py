"""Objects by importable path: a config block names a function and its keywords.

`dict(fn='gan_jax.terms.adversarial.hinge', weight=1.0)` needs no registry: a fork's new part is a
new file and a path, and every name can be grepped. A config from somebody else's workdir may name
only functions that are meant for the block in which they stand: each block has a `Kind`.
"""

import functools
import importlib
import inspect
import shlex
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gan_jax.runtime import ranges
from gan_jax.runtime.errors import place, sentence
from gan_jax.runtime.nearest import nearest

# These packages hold functions that call, write or delete whatever they are given. No --allow opens
# them: a path in them must be of the block's `Kind`.
OURS = ('gan_jax', 'optax', 'flax')


class Kind(NamedTuple):
    """The kind of function that a config block may name.

    Attributes:
        what: the kind in words, 'a network'.
        mark: functions that need no --allow, in words, 'a class of Flax modules of gan_jax.models'.
        packages: packages that define the functions which need no --allow; () if there are none.
        fits: object defined in `packages` -> whether it is such a function.
        makes: type of the functions' results.
        reserved: keys of the block that are not keywords of the function (a term's 'weight').
        keywords: ranges of keywords, by name, that replace annotations which say too little.
        unused: keywords of every such function that a config must not set.
    """

    what: str
    mark: str
    packages: tuple[str, ...] = ()
    fits: Callable[[Any], bool] = callable
    makes: type = object
    reserved: tuple[str, ...] = ()
    keywords: Mapping[str, Any] = MappingProxyType({})
    unused: tuple[str, ...] = ()


def resolve(path: str, kind: Kind, allow: Collection[str] | None = None) -> Any:
    """The callable at an importable path such as 'gan_jax.terms.adversarial.hinge'.

    Args:
        path: module, a dot, and the name of an attribute of that module.
        kind: kind of the block that names the path.
        allow: None trusts every path. Otherwise the path must name a function of this kind, or a
            callable of one of these packages. The module that defines the object must pass the
            same check, so that nothing is reached through a module that imports it. No other
            module is imported.

    Raises:
        ValueError: one sentence: not a path, not allowed, no such module or name, or not callable.
    """
    if not ('.' in path and all(part.isidentifier() for part in path.split('.'))):
        raise ValueError(f"'{path}' is not an importable path such as 'package.module.name'")
    module_name, _, name = path.rpartition('.')
    if allow is not None:
        _check_path(path, kind, allow)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # The module may exist and lack a dependency: the cause names it.
        raise ValueError(f"cannot import '{module_name}' for '{path}': {error}") from error
    except Exception as error:  # a module is Python: it may raise anything
        said = sentence(error) + (f' (in {where})' if (where := place(error)) else '')
        raise ValueError(f"cannot import '{module_name}' for '{path}': {said}") from error
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
    """The packages that `allow` must contain for a resolvable path."""
    found = resolve(path, kind)
    homes = {_top(path)} if _fits(found, kind) else {_top(path), _top(_home(found))}
    return homes - {*OURS, ''}


def unresolved(block: Mapping[str, Any], kind: Kind, allow: Collection[str] | None = None) -> str:
    """A sentence if the block's 'fn' names no function; '' if it names one."""
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
    """The reasons for which `build` would refuse a block, a sentence each, except for its values.

    `misfits` checks the values.
    """
    if fault := unresolved(block, kind, allow):
        return [fault]
    function = resolve(block['fn'], kind, allow)
    parameters = _parameters(function)
    if parameters is None:
        return [f'{block["fn"]} does not say which keywords it takes: call it in a function']
    given = _options(block, kind)
    known = [n for n in parameters if n not in (*supplied, *kind.unused)]
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    wrong = [
        f"{block['fn']} takes no '{k}'{nearest(k, [*known, *kind.reserved])}"
        for k in given
        if k in (*supplied, *kind.unused) or (k not in known and not anything)
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
    """The keywords of a block with values out of range, and the range in words: {keyword: words}.

    The range of a keyword is in `Kind.keywords`, or else in its annotation; see `ranges`. {} if
    the function cannot be resolved, see `faults`.
    """
    annotations = keywords(block, kind, allow=allow, supplied=supplied)
    given = {k: v for k, v in _options(block, kind).items() if k in annotations}
    wrong = {name: ranges.instead(annotations[name], value) for name, value in given.items()}
    return {name: words for name, words in wrong.items() if words}


def keywords(
    block: Mapping[str, Any],
    kind: Kind,
    *,
    allow: Collection[str] | None = None,
    supplied: Collection[str] = (),
) -> dict[str, Any]:
    """The ranges of the keywords of a block's function, by name, as annotations; see `ranges.of`.

    {} if the function cannot be resolved.
    """
    try:
        parameters = _parameters(resolve(block['fn'], kind, allow)) or {}
    except (KeyError, TypeError, ValueError):
        return {}
    annotations = {n: kind.keywords.get(n, p.annotation) for n, p in parameters.items()}
    return {
        n: annotation for n, annotation in annotations.items() if n not in (*supplied, *kind.unused)
    }


def build(
    block: Mapping[str, Any],
    kind: Kind,
    *,
    allow: Collection[str] | None = None,
    **supplied: Any,
) -> Any:
    """Calls `block['fn']` with the other keys of the block as keywords.

    Args:
        block: a config block with an importable path at 'fn'.
        kind: kind of the block.
        allow: as in `resolve`.
        **supplied: keywords that the caller knows and a config cannot (an image's shape).

    Raises:
        TypeError: one sentence that names the path and the key or module that is wrong, or says
            that the result is not a `kind.makes`.
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


def partial(
    block: Mapping[str, Any], kind: Kind, allow: Collection[str] | None = None, **supplied: Any
) -> Callable[..., Any]:
    """The function of a block that `build` has accepted, with its keywords, for further ones."""
    function = resolve(block['fn'], kind, allow)
    return functools.partial(function, **_options(block, kind), **supplied)


def _parameters(function: Callable) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of a function; None if it has no signature, as some functions in C."""
    for evaluated in (True, False):  # postponed annotations may name what cannot be imported
        try:
            return inspect.signature(function, eval_str=evaluated).parameters
        except Exception:
            continue
    return None


def _options(block: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    return {k: v for k, v in block.items() if k not in ('fn', *kind.reserved)}


def _check_path(path: str, kind: Kind, allow: Collection[str]) -> None:
    """Refuses a path by its text, before anything is imported."""
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
    """Refuses an object, not of this kind, by the module that defines it."""
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
    """The module that defines an object, or the type of an instance.

    '' if the object does not name its module: a method of an object in C says None.
    """
    home = getattr(found, '__module__', None)
    return home if isinstance(home, str) else ''


def _top(path: str) -> str:
    return path.partition('.')[0]


def _within(module_name: str, packages: Collection[str]) -> bool:
    """True if a module is one of these packages or lies in one; a mere prefix does not count."""
    return any(module_name == p or module_name.startswith(f'{p}.') for p in packages)


def _misplaced(path: str, kind: Kind) -> str:
    return f"'{path}' is not {kind.what}: in the config of a workdir that is {kind.mark}"


def _untrusted(path: str, home: str) -> str:
    top = _top(home)
    return (
        f"'{path}' is code of {top}, outside {', '.join(OURS)}, and this config would run it; if "
        f'you trust all of {top}, add --allow={shlex.quote(top)}'
    )
