"""The ops that may be applied to an autoencoder's codes, which are not bound to [0, 1]."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import ops, policy
from tests.augment.family import OPS, STRENGTH, batch
from tests.small import new_key

TAKEN = {name: op for name, op in OPS.items() if op.codes}
FILLS = (0.0, 0.5)  # what covers a place: the lowest of images, or the middle
FACTOR, ADDED = 5.0, -2.0


def test_they_are_those_that_move_cover_or_average():
    assert {*TAKEN} == {
        *('flip', 'rotate90', 'translation', 'translation_x', 'translation_y', 'shift'),
        *('zoom_in', 'zoom_out', 'cutout', 'cutmix', 'mixup', 'patch_mask'),
        *('diffaugment_translation', 'diffaugment_cutout', 'ada_bg'),
    }


@pytest.mark.parametrize('name', [name for name in TAKEN if name != 'ada_bg'])
def test_they_do_to_any_numbers_what_they_do_to_images(name):
    """op(a·x + b) = a·op(x) + b, also far outside of [0, 1], but for places that are covered."""
    op = OPS[name]
    images = jnp.asarray(batch(op, channels=5, count=6))
    inside = np.asarray(op(new_key(3), images, STRENGTH))
    outside = np.asarray(op(new_key(3), FACTOR * images + ADDED, STRENGTH))
    alike = np.isclose(outside, FACTOR * inside + ADDED, atol=1e-5)
    covered = np.isin(outside, FILLS) & np.isin(inside, FILLS)
    assert (alike | covered).all()
    assert alike.mean() > 0.4


@pytest.mark.slow
def test_adas_geometry_does_too():
    test_they_do_to_any_numbers_what_they_do_to_images('ada_bg')


def test_a_policy_says_which_of_its_ops_are_for_images_alone():
    assert policy.of_colours('flip|p(0.3, ada_bg)|one_of(cutout(0.2), mixup)') == []
    text = 'flip|p(0.3, ada_bgc)|one_of(brightness(0.1), cutout)'
    assert policy.of_colours(text) == ['ada_bgc', 'brightness']


def test_an_op_of_ones_own_is_what_its_author_says():
    assert policy.of_colours('tests.a_fork.operations.negative') == [
        'tests.a_fork.operations.negative'
    ]
    assert policy.of_colours('tests.augment.test_ops_on_codes.bare') == []


def bare(key, images, strength):
    """An operation without the decorator."""
    return images


def test_noise_and_colours_are_none_of_them():
    assert not ops.instance_noise.codes and not ops.random_erasing.codes
