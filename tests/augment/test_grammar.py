"""Policies as text, read to trees."""

import pytest

from gan_jax.augment import grammar, ops
from gan_jax.augment.grammar import Combination, Part


def written(chain):
    """The text of a chain, which `read` undoes."""
    return '|'.join(_written(item) for item in chain)


def _written(item):
    if isinstance(item, Part):
        return item.name if item.strength is None else f'{item.name}({item.strength})'
    number = [] if item.number is None else [str(item.number)]
    return f'{item.name}({",".join([*number, *map(written, item.branches)])})'


def test_a_tree_has_the_parts_of_the_text():
    assert grammar.read('') == grammar.read('  ') == ()
    flip, cutout = Part('flip', ops.flip, None, None), grammar.read('cutout(0.5)')[0]
    assert (cutout.op, cutout.strength) == (ops.cutout, 0.5)
    assert grammar.read(
        'flip | p(0.25, cutout(0.5)|flip) | n_of(2, flip, p(flip), cutout(0.5))'
    ) == (
        flip,
        Combination('p', 0.25, ((cutout, flip),)),
        Combination('n_of', 2, ((flip,), (Combination('p', None, ((flip,),)),), (cutout,))),
    )


@pytest.mark.parametrize(
    'text',
    [
        'flip|translation(0.125)|cutout',
        'p(flip)',
        'p(0.8,one_of(flip,cutout|p(0.5,mix(hue(0.1),hue,shift))))|n_of(1,flip,gan_jax.augment.ops.flip)',
    ],
)
def test_a_tree_written_as_text_is_read_as_the_same_tree(text):
    assert written(grammar.read(text)).replace('.0,', ',') == text
    spaced = text.replace('(', ' ( ').replace(',', ' ,\n ').replace('|', ' | ')
    assert grammar.read(spaced) == grammar.read(written(grammar.read(text))) == grammar.read(text)


def test_parts_and_combinations_are_found_at_every_depth():
    chain = grammar.read('flip|p(mix(cutout, n_of(1, hue, blur)))|shift')
    assert [part.name for part in grammar.parts(chain)] == [
        'flip',
        'cutout',
        'hue',
        'blur',
        'shift',
    ]
    assert [one.name for one in grammar.combinations(chain)] == ['p', 'mix', 'n_of']


def test_a_text_is_split_outside_of_brackets_alone():
    assert grammar.split('a, b(c, d(e, f)) ,', ',', '') == ['a', 'b(c, d(e, f))', '']
    assert grammar.split('', '|', '') == ['']


FAULTS = [
    # Brackets.
    ('flip|one_of(flip, cutout(0.2)', "'one_of.flip, cutout.0.2.' in policy .* is not closed"),
    ('p(0.5, flip))|hue', "'p.0.5, flip..' in policy .* a bracket was not opened"),
    ('p(flip)(cutout)', "'flip.' in policy .* a bracket was not opened"),
    ('p', "'p' in policy 'p' takes policies in brackets, as in p.0.5, a."),
    ('flip|one_of', "'one_of' in policy .* takes policies in brackets, as in one_of.a, b."),
    ('one_of 2', "'one_of 2' in policy .* is not written as op or op.number."),
    # Nothing.
    ('one_of(flip,, cutout)', "'one_of.flip,, cutout.' in policy .* has nothing in place 2"),
    ('p()', "'p..' in policy .* has nothing in place 1 of its brackets"),
    ('n_of(2, flip, )', 'has nothing in place 3'),
    (
        'mix(flip, hue||cutout)',
        "policy 'mix.flip, hue||cutout.' has an empty part between its bars",
    ),
    # Names.
    ('p(0.5, flop)', "unknown augmentation 'flop' in policy 'p.0.5, flop.'; did you mean 'flip'"),
    ('oneof(flip, cutout(0.2))', "unknown augmentation 'oneof'.*did you mean 'one_of'"),
    ('mux(flip, hue)', "unknown augmentation 'mux'.*did you mean"),
    ('cutout(flip(0.2))', "'cutout.flip.0.2..' in policy .* is not written as op or op.number."),
    ('mix(flip, 3|flip)', "'3' in policy .* is not written as op or op.number."),
    ('mix(flip, nowhere.at_all)', "cannot import 'nowhere'"),
    # Numbers of policies.
    ('one_of(flip)', "'one_of.flip.' in policy .* has 1 policy and takes two or more"),
    ('mix(hue(0.1))', 'has 1 policy and takes two or more'),
    ('n_of(1, flip)', 'has 1 policy and takes two or more'),
    ('n_of(1)', 'has no policy and takes two or more'),
    ('p(0.5, flip, hue)', 'has 2 policies and takes one: write p.0.5, a.'),
    # Numbers.
    ('p(0.5)', "'0.5' of 'p.0.5.' in policy .* is a number and not a policy"),
    ('one_of(0.5, flip, hue)', "'0.5' of 'one_of.0.5, flip, hue.' .* is a number and not a policy"),
    ('mix(flip, hue, 1e-3)', "'1e-3' of .* is a number and not a policy"),
    ('p(flip, hue)', "'flip' of 'p.flip, hue.' in policy .* is not a number: write p.0.5, a."),
    ('n_of(flip, hue)', "'flip' of .* is not a number: write n_of.2, a, b, c."),
    ('p(1.5, flip)', r"'p.1.5, flip.' in policy .*: the probability must lie in \[0, 1\]"),
    ('p(-0.1, flip)', r'the probability must lie in \[0, 1\]'),
    ('p(nan, flip)', r'the probability must lie in \[0, 1\]'),
    ('n_of(0, flip, hue)', "'n_of.0, flip, hue.' in .* must be an integer from 1 to 2"),
    ('n_of(3, flip, hue)', 'must be an integer from 1 to 2'),
    ('n_of(1.5, flip, hue)', 'must be an integer from 1 to 2'),
    ('n_of(nan, flip, hue)', 'must be an integer from 1 to 2'),
    ('p(0.5, cutout(1.5))', r"'cutout.1.5.' in policy .* the strength must lie in \[0, 1\]"),
    ('p(flip(0.5))', "'flip' has no strength, write 'flip'"),
]


@pytest.mark.parametrize(('text', 'message'), FAULTS, ids=[text for text, _ in FAULTS])
def test_faults_are_told_in_a_sentence(text, message):
    with pytest.raises(ValueError, match=message.replace('||', r'\|\|')) as caught:
        grammar.read(text)
    assert '\n' not in str(caught.value)


def test_nesting_ends_before_python_does():
    def nested(depth):
        return 'p(' * depth + 'flip' + ')' * depth

    assert len([*grammar.combinations(grammar.read(nested(grammar.DEEPEST)))]) == grammar.DEEPEST
    for depth in (grammar.DEEPEST + 1, 5000):
        with pytest.raises(ValueError, match='lies in more than 16 brackets'):
            grammar.read(nested(depth))
