"""Types and ranges of config values, and their descriptions in words.

The annotation of a keyword gives its range: `hidden: Units = 128`. A plain annotation (`bool`,
`float | None`, `Sequence[int]`, `Literal['a', 'b']`) gives the type alone. An annotation that no
config value can have (`Any`, a function, an array) allows every value.
"""

import re
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Union

# The largest int32 and float32: a compiled program counts and calculates with these types.
INT32, FLOAT32 = 2**31 - 1, 3.4e38

LONG = 100  # characters of a value in a sentence


class Integer(NamedTuple):
    """Integers from `low` to `high`; bools are excluded."""

    low: int
    high: int

    def holds(self, value: Any) -> bool:
        """True if the value is in the range."""
        return _is_integer(value) and self.low <= value <= self.high

    def __str__(self):
        return f'an integer from {self.low} to {self.high}'


class Number(NamedTuple):
    """Integers and floats from `low` to `high`, both finite.

    `above` excludes `low`, and `below` excludes `high`.
    """

    low: float
    high: float
    above: bool = False
    below: bool = False

    def holds(self, value: Any) -> bool:
        """True if the value is in the range."""
        if not (_is_integer(value) or isinstance(value, float)):
            return False
        excluded = (self.above and value == self.low) or (self.below and value == self.high)
        return self.low <= value <= self.high and not excluded

    def __str__(self):
        if self.above:
            return (
                f'a number above {self.low:g}, {"below" if self.below else "up to"} {self.high:g}'
            )
        return f'a number from {self.low:g} to {"below " if self.below else ""}{self.high:g}'


class Flag(NamedTuple):
    """True and False."""

    def holds(self, value: Any) -> bool:
        """True if the value is a bool."""
        return isinstance(value, bool)

    def __str__(self):
        return 'True or False'


class Text(NamedTuple):
    """Texts that match a regular expression.

    Attributes:
        form: regular expression for the whole text; by default, any text.
        words: the form in words.
    """

    form: str = r'(?s:.*)'
    words: str = 'a text'

    def holds(self, value: Any) -> bool:
        """True if the value is such a text."""
        return isinstance(value, str) and re.fullmatch(self.form, value) is not None

    def __str__(self):
        return self.words


class Pattern(NamedTuple):
    """Regular expressions of Python's `re`."""

    def holds(self, value: Any) -> bool:
        """True if the value is a text that compiles."""
        try:
            return isinstance(value, str) and bool(re.compile(value))
        except re.error:
            return False

    def __str__(self):
        return 'a regular expression'


class Choice(NamedTuple):
    """One of a few values."""

    values: Sequence[Any]

    def holds(self, value: Any) -> bool:
        """True if the value equals one of them and has the same type."""
        return any(type(value) is type(one) and value == one for one in self.values)

    def __str__(self):
        return _either(map(repr, self.values))


class Row(NamedTuple):
    """Lists and tuples; each element lies in one of the ranges `parts`, if there are any."""

    parts: Sequence[Any] = ()

    def holds(self, value: Any) -> bool:
        """True if the value is such a list or tuple."""
        if not isinstance(value, list | tuple):
            return False
        return not self.parts or all(any(p.holds(one) for p in self.parts) for one in value)

    def __str__(self):
        return f'a list, each {_either(map(str, self.parts))}' if self.parts else 'a list'


class Pair(NamedTuple):
    """Lists and tuples of two integers in a range."""

    part: Integer

    def holds(self, value: Any) -> bool:
        """True if the value is such a list or tuple."""
        return Row((self.part,)).holds(value) and len(value) == 2

    def __str__(self):
        return f'two integers from {self.part.low} to {self.part.high}'


class Block(NamedTuple):
    """Blocks of a config."""

    def holds(self, value: Any) -> bool:
        """True if the value is a mapping or a ConfigDict."""
        return isinstance(value, Mapping) or hasattr(value, 'to_dict')

    def __str__(self):
        return 'a block of values'


Range = Integer | Number | Flag | Text | Pattern | Choice | Row | Pair | Block

COUNT = Integer(1, INT32)
POSITIVE = Number(1e-30, 1e30)

# Annotations for keywords of networks and terms. No value in these ranges overflows by itself.
Units = Annotated[int, Integer(1, 2**16)]  # of a layer
Classes = Annotated[int, Integer(0, 2**20)]  # 0 where there are none
SomeClasses = Annotated[int, Integer(1, 2**20)]
Updates = Annotated[int, Integer(0, INT32)]
Width = Annotated[float, Number(0.001, 64)]  # factor on numbers of channels
Share = Annotated[float, Number(0, 1, below=True)]  # kept of an average, at each update
Scale = Annotated[float, Number(1e-4, 1e4)]  # a temperature, a standard deviation

# Marks a keyword of a term, in its annotation, as data of the compiled step: the factory is called
# again inside the step, with a traced number, so that a sweep over the keyword compiles once.
DATA = 'data of the step'

_PLAIN: Mapping[Any, Range] = {
    bool: Flag(),
    int: Integer(-INT32, INT32),
    float: Number(-FLOAT32, FLOAT32),
    str: Text(),
    type(None): Choice((None,)),
    dict: Block(),
    Mapping: Block(),
    **dict.fromkeys((list, tuple, Sequence, Collection, Iterable), Row()),
}


def instead(annotation: Any, value: Any) -> str:
    """The range of an annotation in words, if a value is not in it; '' if the value is.

    Args:
        annotation: annotation of a keyword, or a range.
        value: value in a config.
    """
    ranges = of(annotation)
    fits = not ranges or any(one.holds(value) for one in ranges)
    return '' if fits else words(annotation)


def words(annotation: Any) -> str:
    """The range of an annotation in words."""
    return _either(map(str, of(annotation)))


def of(annotation: Any) -> list[Range]:
    """The ranges that an annotation unites; [] if it allows every value."""
    if isinstance(annotation, Range):
        return [annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        given = [one for one in arguments[1:] if isinstance(one, Range)]
        return given or of(arguments[0])
    if origin is Literal:
        return [Choice(arguments)]
    if origin in (Union, types.UnionType):
        # Types that no config value has (an array, a function) add no range.
        anything = any(one in (Any, object) for one in arguments)
        return [] if anything else [r for one in arguments for r in of(one)]
    kind = type(None) if annotation is None else origin or annotation
    plain = _PLAIN.get(kind) if isinstance(kind, type) else None
    if isinstance(plain, Row):
        return [Row([r for one in arguments if one is not ... for r in of(one)])]
    return [] if plain is None else [plain]


def quoted(value: object) -> str:
    """The repr of a value for a message; a long one is cut."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print numbers of thousands of digits
        return 'a number of thousands of digits'
    return text if len(text) <= LONG else f'{text[:LONG]}...'


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _either(words: Iterable[str]) -> str:
    *others, last = dict.fromkeys(words)
    return f'{", ".join(others)} or {last}' if others else last
