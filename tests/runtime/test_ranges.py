"""What a value may be, by annotation: ranges hold what they say, and say it in words."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import jax
import numpy as np
import pytest

from gan_jax.runtime import ranges
from gan_jax.runtime.ranges import (
    FLOAT32,
    INT32,
    Block,
    Choice,
    Flag,
    Integer,
    Number,
    Pair,
    Row,
    Text,
)

HALF_OPEN = Number(0, 1, below=True)


@pytest.mark.parametrize(
    ('one', 'held', 'refused', 'words'),
    [
        (Integer(1, 3), [1, 3], [0, 4, 1.0, True, '1', None, 10**400], 'an integer from 1 to 3'),
        (Number(0, 1), [0, 1, 0.5, 1.0], [-1e-9, 1.1, True, '0', math.nan], 'a number from 0 to 1'),
        (HALF_OPEN, [0, 0.999], [1, 1.0, -1], 'a number from 0 to below 1'),
        (Number(0, 1, above=True), [1e-9, 1], [0, 0.0, 2], 'a number above 0, up to 1'),
        (Number(0, 1, True, True), [0.5], [0, 1], 'a number above 0, below 1'),
        (Number(-FLOAT32, FLOAT32), [FLOAT32, -3], [1e39, math.inf, 10**400], 'a number from -3.4'),
        (Flag(), [True, False], [0, 1, 'true', None], 'True or False'),
        (Text(), ['', 'a\nb'], [1, None, b'a'], 'a text'),
        (Text('a+', 'some a'), ['a', 'aa'], ['', 'ab', 'a\n'], 'some a'),
        (Choice(('a', 'b')), ['a'], ['c', None, []], "'a' or 'b'"),
        (Choice((1,)), [1], [True, 1.0], '1'),
        (Row((Integer(1, 3),)), [[], [1], (2, 3)], [[0], 1, 'a', [[1]]], 'a list, each an integer'),
        (Pair(Integer(1, 3)), [[1, 3], (2, 2)], [[1], [1, 4], [1, 2, 3], 2, '12'], 'two integers'),
        (Block(), [{}, {'a': 1}], [[], 1, None], 'a block of values'),
    ],
)
def test_a_range_holds_what_it_says(one, held, refused, words):
    assert [v for v in held if ranges.instead(one, v)] == []
    assert [v for v in refused if not ranges.instead(one, v)] == []
    assert str(one).startswith(words) and ranges.instead(one, refused[0]) == str(one)


@pytest.mark.parametrize(
    ('annotation', 'expected'),
    [
        (int, [Integer(-INT32, INT32)]),
        (float, [Number(-FLOAT32, FLOAT32)]),
        (bool, [Flag()]),
        (str, [Text()]),
        (None, [Choice((None,))]),
        (int | None, [Integer(-INT32, INT32), Choice((None,))]),
        (Literal['a', 'b'] | None, [Choice(('a', 'b')), Choice((None,))]),
        (Annotated[float, HALF_OPEN], [HALF_OPEN]),
        (Annotated[float, HALF_OPEN] | None, [HALF_OPEN, Choice((None,))]),
        (Annotated[bool, 'a comment'], [Flag()]),
        (HALF_OPEN, [HALF_OPEN]),
        (Sequence[bool], [Row([Flag()])]),
        (tuple[int, ...], [Row([Integer(-INT32, INT32)])]),
        (list, [Row([])]),
        (Mapping[str, int], [Block()]),
        (float | jax.Array, [Number(-FLOAT32, FLOAT32)]),
    ],
)
def test_an_annotation_says_its_ranges(annotation, expected):
    assert ranges.of(annotation) == expected


@pytest.mark.parametrize(
    'nothing', [Any, Any | None, object, Callable[[int], int], jax.Array, np.ndarray, 'int', []]
)
def test_what_is_no_type_of_a_configs_values_says_nothing(nothing):
    assert ranges.of(nothing) == [] and ranges.instead(nothing, 'anything') == ''


def test_all_that_would_do_is_said_once():
    assert ranges.instead(bool | None, 3) == 'True or False or None'
    assert ranges.instead(Literal['a'] | Literal['a'], 3) == "'a'"


def test_a_value_in_a_sentence_is_cut():
    assert ranges.quoted('a') == "'a'"
    assert ranges.quoted(10**5000) == 'a number of thousands of digits'
    assert len(ranges.quoted('a' * 1000)) == ranges.LONG + 3
