"""The grammar of augmentation policies: text to a tree of ops.

    chain:  item | item | ...
    item:   op, op(number), p(chain), p(number, chain), one_of(chain, chain, ...),
            n_of(number, chain, chain, ...), mix(chain, chain, ...)

An op's name with a dot is an importable path. Spaces mean nothing. `policy` says what the items do.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from gan_jax.augment import lookup
from gan_jax.augment.operation import CLOSED, FINITE, Op, Range
from gan_jax.runtime import brackets

# Items that take policies, and an example of each for messages.
COMBINATORS = {
    'p': 'p(0.5, a)',
    'one_of': 'one_of(a, b)',
    'n_of': 'n_of(2, a, b, c)',
    'mix': 'mix(a, b)',
}
DEEPEST = 16  # brackets in brackets; Python would end deep recursion without a sentence

PART = re.compile(r'([^\W\d][\w.]*)\s*(?:\(([^()]*)\))?')  # name or name(number)
CALL = re.compile(r'([^\W\d][\w.]*)\s*\((.*)\)', re.DOTALL)  # name(anything)


class Part(NamedTuple):
    """One op of a chain.

    Attributes:
        name: as the policy has it.
        op: the function.
        strength: the number in the policy; None takes the policy's strength.
        strengths: the range of the op's strength; None for an op without a strength.
    """

    name: str
    op: Op
    strength: float | None
    strengths: Range | None


class Combination(NamedTuple):
    """One item of a chain that takes policies.

    Attributes:
        name: a key of `COMBINATORS`.
        number: the probability of `p`, None for the policy's own; the count of `n_of`; None for
            `one_of` and `mix`.
        branches: the policies; `p` has one, the others have two or more.
    """

    name: str
    number: float | None
    branches: 'tuple[Chain, ...]'


Chain = tuple[Part | Combination, ...]


class Source(NamedTuple):
    """The policy's whole text, for messages, and the packages that its paths may name."""

    text: str
    allow: Collection[str] | None


def read(text: str, allow: Collection[str] | None = None) -> Chain:
    """The chain that a text describes; () for the empty text.

    Args:
        text: a policy.
        allow: packages that a dotted name may come from, as in `load.resolve`.

    Raises:
        ValueError: one sentence that quotes the faulty item and the policy.
    """
    return _chain(text, Source(text, allow), 0) if text.strip() else ()


def parts(chain: Chain) -> Iterator[Part]:
    """Every op of a chain and of the policies in it, in the order of the text."""
    for item in chain:
        if isinstance(item, Part):
            yield item
        else:
            for branch in item.branches:
                yield from parts(branch)


def combinations(chain: Chain) -> Iterator[Combination]:
    """Every item of a chain that takes policies, and those inside it."""
    for item in chain:
        if isinstance(item, Combination):
            yield item
            for branch in item.branches:
                yield from combinations(branch)


def split(text: str, mark: str, policy: str) -> list[str]:
    """A text cut at every mark that stands outside of all brackets, without surrounding spaces.

    Args:
        text: a part of the policy.
        mark: '|' or ','.
        policy: the whole policy, for messages.

    Raises:
        ValueError: a bracket is not closed, or was not opened.
    """
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == '(') - (letter == ')')
        if depth < 0:
            word = brackets.split(text[: place + 1], mark)[-1]
            raise _unreadable(word, policy, ': a bracket was not opened')
    words = [word.strip() for word in brackets.split(text, mark)]
    if depth > 0:
        raise _unreadable(words[-1], policy, ': a bracket is not closed')
    return words


def _unreadable(word: str, policy: str, reason: str = '') -> ValueError:
    return ValueError(
        f"'{word.strip()}' in policy '{policy}' is not written as op or op(number){reason}"
    )


def _chain(text: str, source: Source, depth: int) -> Chain:
    return tuple(_item(word, source, depth) for word in split(text, '|', source.text))


def _item(word: str, source: Source, depth: int) -> Part | Combination:
    if not word:
        raise ValueError(f"policy '{source.text}' has an empty part between its bars")
    call = CALL.fullmatch(word)
    if (call[1] if call else word) in COMBINATORS:
        return _combination(word, call, source, depth)
    match = PART.fullmatch(word)
    if match:
        return _part(word, match[1], match[2], source)
    if call:
        _find(call[1], source)  # an unknown name is the likelier mistake
    raise _unreadable(word, source.text)


def _combination(word: str, call: re.Match | None, source: Source, depth: int) -> Combination:
    where = f"'{word}' in policy '{source.text}'"
    if call is None:
        raise ValueError(f'{where} takes policies in brackets, as in {COMBINATORS[word]}')
    if depth == DEEPEST:
        raise ValueError(f'{where} lies in more than {DEEPEST} brackets')
    name, given = call[1], split(call[2], ',', source.text)
    if '' in given:
        raise ValueError(f'{where} has nothing in place {given.index("") + 1} of its brackets')
    number = _leading(name, given, where)
    branches = given if number is None else given[1:]
    for branch in branches:
        if _is_number(branch):
            raise ValueError(f"'{branch}' of {where} is a number and not a policy")
    _check_count(name, len(branches), where)
    value = None if number is None else _value(name, number, len(branches), where)
    return Combination(name, value, tuple(_chain(branch, source, depth + 1) for branch in branches))


def _leading(name: str, given: list[str], where: str) -> str | None:
    """The text of the number that comes before the policies; None for `p` without one."""
    if name == 'n_of' or (name == 'p' and len(given) > 1):
        if not _is_number(given[0]):
            raise ValueError(f"'{given[0]}' of {where} is not a number: write {COMBINATORS[name]}")
        return given[0]
    return None


def _check_count(name: str, count: int, where: str) -> None:
    if name == 'p' and count != 1:
        raise ValueError(f'{where} has {count} policies and takes one: write {COMBINATORS[name]}')
    if name != 'p' and count < 2:
        raise ValueError(f'{where} has {count or "no"} policy and takes two or more')


def _value(name: str, number: str, branches: int, where: str) -> float:
    value = float(number)
    if name == 'p' and not CLOSED.holds(value):
        raise ValueError(f'{where}: the probability must lie in {CLOSED}')
    if name == 'n_of' and value not in range(1, branches + 1):
        raise ValueError(f'{where}: the first number must be an integer from 1 to {branches}')
    return int(value) if name == 'n_of' else value


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _part(word: str, name: str, number: str | None, source: Source) -> Part:
    op = _find(name, source)
    strengths = getattr(op, 'strengths', FINITE)
    if number is None:
        return Part(name, op, None, strengths)
    if strengths is None:
        raise ValueError(
            f"'{word}' in policy '{source.text}': '{name}' has no strength, write '{name}'"
        )
    return Part(name, op, _number(number, word, source.text, strengths), strengths)


def _find(name: str, source: Source) -> Op:
    return lookup.find(name, source.text, source.allow, COMBINATORS)


def _number(number: str, word: str, text: str, strengths: Range) -> float:
    try:
        strength = float(number)
    except ValueError as error:
        raise ValueError(f"'{number}' of '{word}' in policy '{text}' is not a number") from error
    if not strengths.holds(strength):
        raise ValueError(f"'{word}' in policy '{text}': the strength must lie in {strengths}")
    return strength
