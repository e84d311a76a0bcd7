"""Objects by path, and what is said when the path or the keywords are wrong."""

import sys

import optax
import pytest

from gan_jax.experiment.kinds import OPTIMIZER, TERM
from gan_jax.runtime import load
from gan_jax.runtime.nearest import nearest
from gan_jax.terms import adversarial

ANY = load.Kind('a part', 'of whatever type', reserved=('weight',))


def test_resolves_a_function():
    assert load.resolve('gan_jax.terms.adversarial.hinge', TERM) is adversarial.hinge


def test_builds_with_the_blocks_other_keys_and_what_is_supplied(tmp_path, monkeypatch):
    (tmp_path / 'fork.py').write_text('def f(a, b): return a, b\nx = 3\n')
    monkeypatch.syspath_prepend(tmp_path)
    block = {'fn': 'fork.f', 'a': 1, 'weight': 2}
    assert load.build(block, ANY, b=3) == (1, 3)
    assert load.faults({'fn': 'fork.x'}, ANY) == ['fork.x is not a function']
    assert load.faults(block, ANY, supplied=('b', 'c')) == [
        "fork.f takes no 'c', which it would be given"
    ]


def test_optimisers_are_built():
    assert isinstance(
        load.build({'fn': 'optax.adam', 'b1': 0.5}, OPTIMIZER, learning_rate=1.0),
        optax.GradientTransformation,
    )


@pytest.mark.parametrize(
    ('path', 'sentence'),
    [
        ('hinge', 'not an importable path'),
        ('.gan_jax.terms', 'not an importable path'),
        ('gan_jax..terms.hinge', 'not an importable path'),
        ('gan_jax.terms.adversarial.hinge()', 'not an importable path'),
        ('gan_jax.nothing.hinge', "cannot import 'gan_jax.nothing'"),
        ('gan_jax.terms.adversarial.hing', "has no 'hing'; did you mean 'hinge'"),
    ],
)
def test_a_wrong_path_is_named(path, sentence):
    with pytest.raises(ValueError, match=sentence):
        load.resolve(path, TERM)


def test_a_module_that_misses_an_import_says_which(tmp_path, monkeypatch):
    (tmp_path / 'needs_more.py').write_text('import not_installed_anywhere\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="No module named 'not_installed_anywhere'"):
        load.resolve('needs_more.f', TERM)


def test_a_module_that_raises_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / 'raises_at_once.py').write_text('{}["why"]\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="KeyError: 'why' .in .*raises_at_once.py, line 1"):
        load.resolve('raises_at_once.f', TERM)


@pytest.mark.parametrize('first', ['', 'from __future__ import annotations\n'])
def test_values_are_judged_by_the_annotations_of_the_function(first, tmp_path, monkeypatch):
    source = """from typing import Annotated, Any
from gan_jax.runtime.ranges import Integer
def f(a: Annotated[int, Integer(1, 3)], b: bool = False, c=1, d: Any = 2, e: float | None = None):
    return a
"""
    (tmp_path / 'said.py').write_text(first + source)
    monkeypatch.syspath_prepend(tmp_path)
    right = {'fn': 'said.f', 'a': 2, 'b': True, 'c': 'x', 'd': [], 'e': None}
    assert load.misfits(right, ANY) == {} and load.build(right, ANY) == 2
    wrong = {'fn': 'said.f', 'a': 4, 'b': 0, 'e': 'x', 'f': 1, 'weight': 'x'}
    assert list(load.misfits(wrong, ANY)) == ['a', 'b', 'e']
    assert load.misfits(wrong, ANY, supplied=('a',)).keys() == {'b', 'e'}
    with pytest.raises(TypeError, match='a is 4: give an integer from 1 to 3; b is 0'):
        load.build({'fn': 'said.f', 'a': 4, 'b': 0}, ANY)


def test_annotations_that_name_what_is_not_there_say_nothing(tmp_path, monkeypatch):
    (tmp_path / 'unsaid.py').write_text('def f(a: "Nothing", b: int = 1): return a\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert load.misfits({'fn': 'unsaid.f', 'a': 'x', 'b': 3}, ANY) == {}


def test_a_kinds_own_ranges_stand_before_annotations():
    kind = load.Kind('a part', 'of whatever type', keywords={'x': bool})
    assert load.misfits({'fn': 'math.sqrt', 'x': 4.0}, kind) == {'x': 'True or False'}


def test_the_packages_that_allow_would_have_to_name(tmp_path, monkeypatch):
    (tmp_path / 'forked.py').write_text(
        'from gan_jax.terms.adversarial import hinge\nfrom math import sqrt\ndef f(): pass\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load.outside('gan_jax.terms.adversarial.hinge', TERM) == set()
    assert load.outside('forked.f', TERM) == load.outside('forked.hinge', TERM) == {'forked'}
    assert load.outside('forked.sqrt', TERM) == {'forked', 'math'}
    for name in ('f', 'hinge', 'sqrt'):
        load.resolve(f'forked.{name}', TERM, load.outside(f'forked.{name}', TERM))


def test_a_package_outside_the_allowed_is_not_even_imported(tmp_path, monkeypatch):
    (tmp_path / 'canary_module.py').write_text('def f(): pass\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match='--allow=canary_module'):
        load.resolve('canary_module.f', TERM, allow=())
    assert 'canary_module' not in sys.modules
    assert load.resolve('canary_module.f', TERM, allow=('canary_module',))


@pytest.mark.parametrize(
    ('block', 'sentence'),
    [
        ({'fn': 'gan_jax.terms.contrastive.cntr', 'temprature': 1}, "did you mean 'temperature'"),
        ({'fn': 'gan_jax.terms.adversarial.hinge', 'x': 1}, "hinge takes no 'x'"),
        ({'fn': 'gan_jax.terms.contrastive.nt_xent', 'a': 1, 'b': 2}, "needs 'temperature'"),
        ({}, 'give the path of a function'),
    ],
)
def test_wrong_keywords_are_a_type_error_that_names_the_function(block, sentence):
    with pytest.raises(TypeError, match=sentence):
        load.build(block, ANY)
    assert sentence in load.faults(block, ANY)[0]


@pytest.mark.parametrize('home', [None, 3])
def test_a_callable_that_was_defined_nowhere_is_in_no_package(home, tmp_path, monkeypatch):
    """A method of an object written in C says None of its module: no package of that name helps."""
    (tmp_path / 'homeless.py').write_text(f'def f(): pass\nf.__module__ = {home}\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert load.resolve('homeless.f', ANY).__module__ == home
    with pytest.raises(ValueError, match="^'homeless.f' does not say which module ") as caught:
        load.resolve('homeless.f', ANY, allow=('homeless', 'None', '3', ''))
    assert '--allow=' not in str(caught.value)
    assert ', '.join.__module__ is None


def test_all_faults_of_a_block_are_listed():
    block = {'fn': 'gan_jax.terms.contrastive.cntr', 'x': 1, 'y': 2}
    assert len(load.faults(block, ANY)) == 2


def test_the_nearest_word_or_a_short_list_of_all():
    assert nearest('weigth', ['weight', 'seed']) == "; did you mean 'weight'?"
    assert nearest('zzz', ['b', 'a']) == '; known: a, b'
    assert nearest('zzz', [f'word{i}' for i in range(13)]) == ''
    assert nearest('zzz', []) == ''
    assert nearest('lr', ['b1', 'learning_rate']) == "; did you mean 'learning_rate'?"
    assert nearest('lr', ['b1']) == '; known: b1'
