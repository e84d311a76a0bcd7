"""Policies as text."""

import functools

import jax
import numpy as np
import pytest

from gan_jax.augment import branches, ops, policy
from gan_jax.keys import named
from gan_jax.testing import check_policy
from tests.small import new_key

IMAGES = np.random.default_rng(0).uniform(size=(6, 8, 8, 3)).astype(np.float32)


def test_empty_text_is_the_identity():
    for text in ('', '  '):
        assert policy.parse(text)(new_key(1), IMAGES, 0.5) is IMAGES
        assert not policy.needs_strength(text)
        policy.check(text, 0.5)


def test_ops_follow_one_another_each_with_its_own_key():
    out = policy.parse('flip|brightness(0.25)|cutout')(new_key(1), IMAGES, 0.6)
    expected = ops.flip(named(new_key(1), 0, 'flip'), IMAGES, None)
    expected = ops.brightness(named(new_key(1), 1, 'brightness'), expected, 0.25)
    expected = ops.cutout(named(new_key(1), 2, 'cutout'), expected, 0.6)
    np.testing.assert_array_equal(out, expected)


def test_the_same_op_twice_draws_twice():
    first = policy.parse('brightness(0.2)')(new_key(1), IMAGES * 0 + 0.5, 0.0) - 0.5
    both = policy.parse('brightness(0.2)|brightness(0.2)')(new_key(1), IMAGES * 0 + 0.5, 0.0) - 0.5
    assert np.all(np.abs(both - 2 * first).max(axis=(1, 2, 3)) > 1e-4)


def test_a_number_is_the_strength_whatever_the_policys():
    fixed = policy.parse('brightness(0.3)')
    np.testing.assert_array_equal(fixed(new_key(1), IMAGES, 0.0), fixed(new_key(1), IMAGES, 0.9))
    np.testing.assert_array_equal(
        fixed(new_key(1), IMAGES, None),
        policy.parse('brightness')(new_key(1), IMAGES, 0.3),
    )


def test_spaces_and_equal_texts_do_not_matter():
    plain = policy.parse('flip|cutout(0.25)')(new_key(1), IMAGES, 0.0)
    for text in (
        'flip|cutout(0.25)',
        ' flip | cutout ( 0.25 ) ',
        'flip|cutout(25e-2)',
    ):
        np.testing.assert_array_equal(policy.parse(text)(new_key(1), IMAGES, 0.0), plain)


def test_strength_is_traced():
    traces = []

    @jax.jit
    def run(strength):
        traces.append(strength)
        return policy.parse('flip|brightness|cutout(0.2)')(new_key(1), IMAGES, strength)

    results = [np.asarray(run(strength)) for strength in (0.1, 0.2, 0.3)]
    assert len(traces) == 1
    assert np.any(results[0] != results[1])


@pytest.mark.parametrize(
    'text',
    [
        '',
        'flip',
        'flip|translation(0.125)|cutout',
        'diffaugment_color|diffaugment_translation',
        'p(translation)|one_of(flip, cutout|p(0.5, hue))',
        'mix(brightness, n_of(2, flip, contrast, cutout(0.2)))',
    ],
)
def test_a_chain_keeps_every_promise(text):
    check_policy(text)


@pytest.fixture
def fork(tmp_path, monkeypatch):
    (tmp_path / 'fork_of_ops.py').write_text(
        'def darken(key, images, strength):\n    return images * (1 - strength)\n\nNUMBER = 1\n'
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_a_dotted_name_is_imported(fork):
    policy.check('fork_of_ops.darken', 7.0)  # of an undecorated op no range is known
    assert policy.needs_strength('fork_of_ops.darken')
    out = policy.parse('fork_of_ops.darken|fork_of_ops.darken(0.5)')(new_key(1), IMAGES, 0.25)
    np.testing.assert_allclose(out, IMAGES * 0.75 * 0.5, rtol=1e-6)


def test_a_dotted_name_keeps_the_range_of_the_op():
    with pytest.raises(ValueError, match=r'the strength must lie in \[0, 1\)'):
        policy.parse('gan_jax.augment.ops.translation(2)')


def test_dotted_names_can_be_restricted(fork):
    for function in (policy.parse, policy.needs_strength, policy.needs_probability, policy.mixes):
        for text in ('flip|fork_of_ops.darken', 'p(0.5, mix(flip, hue|fork_of_ops.darken(0.5)))'):
            with pytest.raises(ValueError, match=r"'fork_of_ops\.darken' is code of fork_of_ops"):
                function(text, allow=())
    with pytest.raises(ValueError, match=r"'fork_of_ops\.darken' is code of fork_of_ops"):
        policy.check('fork_of_ops.darken', 0.5, allow=())
    policy.parse('flip|fork_of_ops.darken', allow=('fork_of_ops',))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('flip|translatoin', r"unknown augmentation 'translatoin' .*did you mean 'translation'\?"),
        ('Flip', "unknown augmentation 'Flip'"),
        ('_crop', "unknown augmentation '_crop'"),
        ('flip||cutout', "policy 'flip||cutout' has an empty part"),
        ('flip|', 'has an empty part'),
        ('|', 'has an empty part'),
        ('translation(a)', "'a' of 'translation.a.' in policy .* is not a number"),
        ('translation()', "'' of 'translation..' in policy .* is not a number"),
        ('translation(0.1', "'translation.0.1' in policy .* is not written as op or op.number."),
        ('translation 0.1', 'is not written as op or op.number.'),
        ('translation(0.1)(0.2)', 'is not written as op or op.number.'),
        ('translation, flip', 'is not written as op or op.number.'),
        ('.flip', 'is not written as op or op.number.'),
        ('translation(1)', r"'translation\(1\)' in policy .* the strength must lie in \[0, 1\)"),
        ('cutout(1.5)', r'the strength must lie in \[0, 1\]'),
        ('cutout(-0.1)', r'the strength must lie in \[0, 1\]'),
        ('cutout(nan)', r'the strength must lie in \[0, 1\]'),
        ('flip(0.5)', "'flip' has no strength, write 'flip'"),
        ('fork_of_ops.nothing', "'fork_of_ops' has no 'nothing'"),
        ('fork_of_ops.NUMBER', 'fork_of_ops.NUMBER is not a function'),
        ('fork_of_ops.darken(inf)', 'the strength must lie in'),
        ('nowhere.at_all', "cannot import 'nowhere'"),
    ],
)
def test_faults_are_told_in_a_sentence(fork, text, message):
    for function in (policy.parse, policy.needs_strength, lambda text: policy.check(text, 0.1)):
        with pytest.raises(ValueError, match=message.replace('||', r'\|\|')) as caught:
            function(text)
        assert '\n' not in str(caught.value)


def test_needs_strength():
    assert policy.needs_strength('translation')
    assert policy.needs_strength('translation(0.1)|cutout')
    assert not policy.needs_strength('flip|translation(0.1)')


def test_check_compares_the_strength_with_each_op_that_takes_it():
    policy.check('cutout|brightness', 1.0)
    policy.check('flip|translation(0.1)', 9.0)  # nobody reads it
    policy.check('simclr', np.float32(0.3))
    message = (
        r"augmentation 'translation' of policy 'cutout\|translation' takes a strength in \[0, 1\)"
    )
    with pytest.raises(ValueError, match=message + ', got 1.0'):
        policy.check('cutout|translation', 1.0)
    for strength in (-0.1, float('nan'), float('inf')):
        with pytest.raises(ValueError, match='takes a strength'):
            policy.check('brightness', strength)


def test_a_path_to_what_is_not_called_as_an_op_is_refused():
    with pytest.raises(ValueError, match="hinge' is not called with a key, images and a strength"):
        policy.parse('gan_jax.terms.adversarial.hinge')
    assert policy.paths('flip|gan_jax.augment.ops.flip|cutout(0.2)') == ['gan_jax.augment.ops.flip']


def test_an_op_in_a_nested_policy_has_the_key_of_its_place():
    out = policy.parse('flip|p(1, brightness|cutout(0.5))')(new_key(1), IMAGES, 0.4)
    flipped = ops.flip(named(new_key(1), 0, 'flip'), IMAGES, None)
    inside = named(new_key(1), 1, 'p', 0)
    expected = ops.brightness(named(inside, 0, 'brightness'), flipped, 0.4)
    expected = ops.cutout(named(inside, 1, 'cutout'), expected, 0.5)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(
        policy.parse('p(0, brightness)')(new_key(1), IMAGES, 0.4, 1.0), IMAGES
    )


@pytest.mark.parametrize(
    ('text', 'join'),
    [
        ('p(0.5, hue|cutout(0.5))', lambda key, x, some: branches.sometimes(key, x, some[0], 0.5)),
        ('one_of(hue|cutout(0.5), brightness)', branches.one_of),
        ('n_of(1, hue|cutout(0.5), brightness)', lambda *given: branches.n_of(*given, 1)),
        ('mix(hue|cutout(0.5), brightness)', branches.mix),
    ],
)
def test_a_combination_joins_the_policies_in_its_brackets(text, join):
    inside = [policy.parse(part) for part in ('hue|cutout(0.5)', 'brightness')]
    inside = [lambda key, x, part=part: part(key, x, 0.3) for part in inside]
    expected = join(named(new_key(2), 0, text.partition('(')[0]), IMAGES, inside)
    np.testing.assert_array_equal(policy.parse(text)(new_key(2), IMAGES, 0.3), expected)
    assert np.any(expected != IMAGES)


def test_a_number_of_p_precedes_the_policys_probability():
    text = 'p(0.5, p(brightness))'
    for probability in (0.0, 0.25, 1.0):
        inner = functools.partial(
            lambda p, key, x: policy.parse('p(brightness)')(key, x, 0.3, p), probability
        )
        expected = branches.sometimes(named(new_key(2), 0, 'p'), IMAGES, inner, 0.5)
        out = policy.parse(text)(new_key(2), IMAGES, 0.3, probability)
        np.testing.assert_array_equal(out, expected)
    assert np.any(out != IMAGES)


def test_the_policys_probability_is_1_unless_given():
    apply = policy.parse('p(brightness)')
    np.testing.assert_array_equal(
        apply(new_key(1), IMAGES, 0.3), apply(new_key(1), IMAGES, 0.3, np.float32(1))
    )
    np.testing.assert_array_equal(apply(new_key(1), IMAGES, 0.3, 0.0), IMAGES)


def test_strength_and_probability_are_traced():
    traces = []

    @jax.jit
    def run(strength, probability):
        traces.append(strength)
        text = 'p(brightness)|one_of(flip, p(0.5, cutout))'
        return policy.parse(text)(new_key(1), IMAGES, strength, probability)

    numbers = [(0.1, 0.0), (0.2, 0.5), (0.3, 1.0)]
    results = [np.asarray(run(*pair)) for pair in numbers]
    assert len(traces) == 1
    assert np.any(results[1] != results[2])


def test_questions_about_a_policy_see_nested_ones():
    assert policy.needs_strength('p(0.5, one_of(flip, cutout))')
    assert not policy.needs_strength('p(0.5, one_of(flip, cutout(0.2)))')
    assert policy.needs_probability('flip|mix(flip, p(cutout))')
    assert not policy.needs_probability('mix(flip, p(0.5, cutout))|flip')
    assert policy.mixes('n_of(1, flip, p(mixup))')
    assert not policy.mixes('mix(flip, cutout)')
    assert policy.paths('p(mix(flip, gan_jax.augment.ops.hue))') == ['gan_jax.augment.ops.hue']


def test_check_sees_nested_ops_and_the_probability():
    policy.check('p(cutout)', 0.5, 0.25)
    with pytest.raises(ValueError, match="'translation' of policy .* takes a strength in .0, 1."):
        policy.check('p(one_of(cutout, translation))', 1.0)
    for probability in (-0.1, 1.5, float('nan')):
        with pytest.raises(ValueError, match=r"'p\(cutout\)' takes a probability in \[0, 1\], got"):
            policy.check('p(cutout)', 0.5, probability)


def test_an_error_inside_a_nested_policy_names_the_op(monkeypatch):
    def broken(key, images, strength):
        raise ValueError('no such table')

    monkeypatch.setitem(policy.OPS, 'mine', broken)
    with pytest.raises(ValueError, match=r"^the augmentation 'mine': no such table \(in "):
        policy.parse('p(0.5, mix(flip, mine))')(new_key(1), IMAGES, 0.5)


def test_the_program_of_a_chain_is_its_ops_and_nothing_else():
    def chain(key, images, strength):
        images = ops.flip(named(key, 0, 'flip'), images, strength)
        return ops.brightness(named(key, 1, 'brightness'), images, 0.25)

    programs = [
        str(jax.make_jaxpr(function)(new_key(1), IMAGES, 0.5))
        for function in (chain, policy.parse('flip|brightness(0.25)'))
    ]
    assert programs[0] == programs[1]
