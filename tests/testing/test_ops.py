"""Each promise of an op, broken by an op that keeps the others up to it."""

import jax
import jax.numpy as jnp
import pytest

from gan_jax.augment import ops as ours
from gan_jax.augment.operation import CLOSED, op
from gan_jax.testing import check_op, ops


def made(function, strengths=CLOSED, **options):
    """An op of that name, whatever the function is called."""
    function.__name__ = function.__qualname__ = 'mine'
    return op(strengths, **options)(function)


def amounts(key, images, strength):
    drawn = jax.random.uniform(key, (len(images), 1, 1, 1), jnp.float32)
    return strength * drawn.astype(images.dtype)


def darkened(key, images, strength):
    """An op that keeps every promise."""
    return images * (1 - amounts(key, images, strength) / 2)


def undecorated(function):
    """Called as an op is, without the checks of the decorator."""
    function.__name__ = 'mine'
    function.strengths, function.mixes = CLOSED, False
    return function


def cropped(key, images, strength):
    return darkened(key, images, strength)[:, 1:]


def brightened(key, images, strength):
    return images * (1 + amounts(key, images, strength))


def always_darker(key, images, strength):
    return 0.9 * darkened(key, images, strength)


def doubled(key, images, strength):
    """The identity at 0, by its values alone."""
    return darkened(key, images, strength) + without_value(images)


def without_value(images):
    """0, with the gradient of the images."""
    return images - jax.lax.stop_gradient(images)


def one_draw(key, images, strength):
    return images * (1 - strength * jax.random.uniform(key, (), images.dtype) / 2)


def deaf(key, images, strength):
    return darkened(jax.random.key(0), images, strength)


_calls = iter(range(10**6))


def forgetful(key, images, strength):
    """Another result whenever Python runs it."""
    return darkened(jax.random.fold_in(key, next(_calls)), images, strength)


def branching(key, images, strength):
    """Needs the strength while it is traced."""
    return images if float(strength) == 0 else darkened(key, images, strength)


def lost(key, images, strength):
    moved = darkened(key, images, strength)
    return jnp.where(strength > 0, jax.lax.stop_gradient(moved), images)


def replaced(key, images, strength):
    return darkened(key, images, strength).at[0].set(0.5)


def bent(key, images, strength):
    moved = darkened(key, images, strength)
    return jnp.where(strength > 0, moved + 0.1 * without_value(images), images)


def other_draws(key, images, strength):
    wide = images.dtype == jnp.float64
    return darkened(jax.random.fold_in(key, 1) if wide else key, images, strength)


def named(strength, key, images):
    return darkened(key, images, strength)


def anything(key, images, strength):
    return images


def floats(key, images, strength):
    if images.dtype == jnp.uint8:
        raise TypeError('mine: floats only')
    return images


def batches(key, images, strength):
    if images.ndim != 4:
        raise ValueError('mine: batches only')
    return floats(key, images, strength)


def wordless(key, images, strength):
    raise TypeError('no')


BROKEN = [
    (ops.check_signature, undecorated(named), r'takes \(strength, key, images\)'),
    (
        ops.check_shape,
        made(cropped),
        r'makes bfloat16 \[16, 8, 12, 1\] of bfloat16 \[16, 9, 12, 1\]',
    ),
    (ops.check_range, made(brightened), r'leaves \[0, 1\]: from 0 to 1\.'),
    (ops.check_identity, made(always_darker), 'changes images at strength 0'),
    (ops.check_identity, made(doubled), 'at strength 0 has another gradient'),
    (ops.check_draws, made(one_draw), 'makes 1 different images of 16 equal ones'),
    (ops.check_key, made(deaf), 'gives one result for two keys'),
    (ops.check_compiled, made(forgetful), 'differs under jax.jit'),
    (ops.check_gradient, made(lost), 'gradient of mine is not its slope'),
    (ops.check_gradient, made(replaced), 'mine lets no gradient through for some image'),
    (ops.check_gradient, made(bent), 'gradient of mine is not its slope'),
    (ops.check_precision, made(other_draws), 'other numbers for float64 images: draw in float32'),
    (ops.check_refusals, undecorated(anything), '^mine takes uint8 images'),
    (ops.check_refusals, undecorated(floats), r'^mine takes images \[9, 12, 3\]'),
    (ops.check_refusals, undecorated(batches), '^mine takes a strength for each image'),
    (ops.check_refusals, undecorated(wordless), '^mine refuses uint8 images by TypeError: no'),
]


def trial(broken, **options):
    settings = dict(shape=(16, 9, 12, 3), strength=0.4, clips=True, identity=True, results=None)
    return ops.Trial(broken, **(settings | options))


@pytest.mark.parametrize(('check', 'broken', 'words'), BROKEN)
def test_an_op_that_breaks_a_promise_is_found(check, broken, words):
    with pytest.raises(AssertionError, match=words) as error:
        check(trial(broken))
    assert '\n' not in str(error.value)


def test_what_breaks_nothing_passes():
    check_op(made(darkened), results=None)


def test_an_op_is_put_to_every_check():
    """And every check is shown an op that breaks it, here or in a test of its own."""
    shown = {check for check, _, _ in BROKEN} | {ops.check_vmap}
    assert shown == {*ops.CHECKS}
    with pytest.raises(AssertionError, match='gives one result for two keys'):
        check_op(made(deaf))


def test_an_op_that_asks_for_its_strength_cannot_be_traced():
    with pytest.raises(jax.errors.ConcretizationTypeError):
        ops.check_compiled(trial(made(branching)))


def test_an_op_that_is_traced_for_each_strength_is_found(monkeypatch):
    def retraced(key, images, strength):
        ops.traces[broken] += 1
        return broken(key, images, strength)

    broken = made(darkened)
    monkeypatch.setattr(ops, 'compiled', lambda op: retraced)
    with pytest.raises(AssertionError, match='mine is traced again for another strength'):
        ops.check_compiled(trial(broken))


def test_an_op_that_differs_under_vmap_is_found(monkeypatch):
    monkeypatch.setattr(ops.small, 'jit', lambda function: lambda *given: 2 * function(*given))
    monkeypatch.setattr(ops, 'compiled', lambda op: op)
    with pytest.raises(AssertionError, match='mine differs under jax.vmap'):
        ops.check_vmap(trial(made(darkened)))


def test_two_results_for_one_key_are_found(monkeypatch):
    monkeypatch.setattr(ops, 'compiled', lambda op: op)
    with pytest.raises(AssertionError, match='mine gives two results for one key'):
        ops.check_key(trial(made(forgetful)))


def test_white_may_not_become_more():
    """Random images do not show that weights of 1/3 sum to 1 + 1e-7."""

    def summed(key, images, strength):
        white = jnp.all(images == 1)
        return darkened(key, images, jnp.where(white, 0, strength)) * jnp.where(white, 1 + 2e-7, 1)

    with pytest.raises(AssertionError, match=r'mine leaves \[0, 1\]: from 1\.0000002'):
        ops.check_range(trial(made(summed)))


def test_a_gradient_that_is_not_finite_is_found():
    def rooted(key, images, strength):
        return darkened(key, images, strength) + 0 * jnp.sqrt(images - images)

    with pytest.raises(AssertionError, match='the gradient of mine is not finite'):
        ops.check_gradient(trial(made(rooted)))


def test_exceptions_are_given_by_name():
    check_op(made(brightened), clips=False)
    check_op(made(always_darker), identity=False, clips=False)
    with pytest.raises(AssertionError, match='flip makes 2 different images'):
        check_op(ours.flip)


def test_an_op_that_jumps_has_no_slope():
    def rounded(key, images, strength):
        return images + strength * (jnp.round(8 * images) / 8 - images) * amounts(key, images, 1)

    with pytest.raises(AssertionError, match='gradient of mine is not its slope'):
        ops.check_gradient(trial(made(rounded)))
    ops.check_gradient(trial(made(rounded), smooth=False))
    with pytest.raises(AssertionError, match='mine lets no gradient through for some image'):
        ops.check_gradient(trial(made(replaced), smooth=False))


def test_an_op_may_refuse_channels():
    def coloured(key, images, strength):
        if images.shape[3] not in (1, 3):
            raise ValueError('no colours')
        return darkened(key, images, strength)

    check_op(made(coloured), channels=(1, 3))
    with pytest.raises(ValueError, match='no colours'):
        check_op(made(coloured))


def test_larger_values_round_more():
    assert ops.close([0.0, 5.0], [0.0, 5.0 + 9e-6], 2e-6)
    assert not ops.close([0.0, 5.0], [0.0, 5.0 + 1.1e-5], 2e-6)
    assert not ops.close([0.5, 0.6], [0.5, 0.6 + 3e-6], 2e-6)


def test_what_is_no_op_is_refused():
    with pytest.raises(AssertionError, match='darkened says no range.*decorate it'):
        check_op(darkened_plainly)


def darkened_plainly(key, images, strength):
    return images * (1 - strength)


darkened_plainly.__name__ = 'darkened'
