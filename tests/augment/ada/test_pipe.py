"""The whole pipe against the published code, its chances, and its reference in float64."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import ops, policy
from gan_jax.augment.ada import pipe
from gan_jax.testing import small
from gan_jax.testing.ops import compiled
from tests.augment.family import batch
from tests.augment.ramps import LIKELY, texture
from tests.augment.references import ada
from tests.augment.references.published import differs, numbers
from tests.small import new_key

ADA = [ops.ada_bg, ops.ada_bgc, ops.ada_bgcfnc, ops.ada_r3gan]
every_pipe = pytest.mark.parametrize('op', ADA, ids=lambda op: op.__name__)

GEOMETRY = ('geometry/uniforms', 'geometry/normals', 'geometry/gates')
COLOUR = ('colour/uniforms', 'colour/normals', 'colour/gates')
BANDS = ('bands/normals', 'bands/gates')
CORRUPTION = ('corruption/normal', 'corruption/gates', 'corruption/noise', 'corruption/centre')


@pytest.mark.parametrize('probability', [0.5, 1])
def test_is_the_published_code(probability, monkeypatch):
    drawn = numbers(f'pipe/{probability}', *GEOMETRY, *COLOUR, *BANDS, *CORRUPTION)
    drawn = [array[None] if array.ndim == 1 else array for array in drawn]

    def next_draw(key, images, count=1):
        assert drawn[0].shape in ((count, len(images)), images.shape)
        return drawn.pop(0)

    fake = types.SimpleNamespace(uniform=next_draw, gaussian=next_draw, normal=next_draw)
    monkeypatch.setattr(pipe, 'draws', fake)
    (images,) = numbers('pipe', 'images')
    run = small.jit(lambda images: ops.ada_bgcfnc(new_key(3), images, probability))
    found = run((images + 1) / 2)
    assert drawn == [] and differs(2 * found - 1, f'pipe/{probability}') < 2e-5


# Flip and luma flip act on half of the images for which they are drawn, a quarter turn on three
# quarters; the two turns count as one.
UNTOUCHED = {
    ops.ada_bg: lambda p: (1 - p / 2) * (1 - 3 * p / 4) * (1 - p) ** 5,
    ops.ada_bgc: lambda p: UNTOUCHED[ops.ada_bg](p) * (1 - p / 2) * (1 - p) ** 4,
    ops.ada_bgcfnc: lambda p: UNTOUCHED[ops.ada_bgc](p) * (1 - p) ** 6,
    ops.ada_r3gan: lambda p: UNTOUCHED[ops.ada_bg](p) * (1 - p / 4) * (1 - p / 2) ** 4 * (1 - p),
}


@pytest.mark.slow
@pytest.mark.parametrize('probability', [0.05, 0.2])
@every_pipe
def test_an_image_keeps_its_bits_unless_something_acts_on_it(op, probability):
    images = texture(4000, 3, 3, 3).astype(np.float32)
    out = np.asarray(compiled(op)(new_key(7), images, probability))
    kept = int(np.sum(np.all(out == images, axis=(1, 2, 3))))
    share = UNTOUCHED[op](probability)
    assert stats.binomtest(kept, len(images), share).pvalue > LIKELY


@pytest.mark.slow
@every_pipe
def test_is_its_reference_in_float64(op, x64):
    """Not compiled, since a compiler may round the draws, which are float32, in another way."""
    images = batch(op, dtype=np.float64, count=4, channels=3)
    for probability in (0.5, 1.0):
        out = op(new_key(5), images, probability)
        expected = getattr(ada, op.__name__)(new_key(5), images, probability)
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-10)


def test_amounts_do_not_depend_on_the_chance():
    """An image that is touched at p is the same at p' if the same transformations act."""
    images = texture(200, 6, 6, 3).astype(np.float32)
    few, more = (np.asarray(compiled(ops.ada_bg)(new_key(7), images, p)) for p in (0.1, 0.12))
    touched = np.any(few != images, axis=(1, 2, 3))
    same = np.all(few == more, axis=(1, 2, 3))
    assert np.mean(touched & same) > 0.3


def test_the_strength_is_a_probability():
    policy.check('ada_bgcfnc|ada_bg(0)', 1.0)
    with pytest.raises(ValueError, match=r'takes a strength in \[0, 1\], got 1.1'):
        policy.check('ada_bg', 1.1)


def test_colours_of_two_channels_are_refused():
    with pytest.raises(ValueError, match='3 channels or of 1, got 2'):
        jax.eval_shape(ops.ada_bgc, new_key(3), jnp.zeros((2, 4, 4, 2)), 0.5)
