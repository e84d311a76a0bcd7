"""Names of scores: what they say, and what they must say."""

import pytest

from gan_jax.errors import UserError
from gan_jax.evaluate import names, scores


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('fid10k_test', ('fid', 10_000, 'test', 'tf1')),
        ('fid50k_train_clean', ('fid', 50_000, 'train', 'clean')),
        ('fid2048_test', ('fid', 2048, 'test', 'tf1')),
        ('kid500_test', ('kid', 500, 'test', 'tf1')),
        ('is50k', ('is', 50_000, '', 'tf1')),
        ('is5k_clean', ('is', 5000, '', 'clean')),
        ('pr10k_train', ('pr', 10_000, 'train', 'tf1')),
        ('dc10k_test', ('dc', 10_000, 'test', 'tf1')),
    ],
)
def test_a_name_says_how_to_measure(name, meant):
    assert names.read(name) == (name, *meant)


@pytest.mark.parametrize('name', ['fd_digits', 'modes', 'fid0_test', 'fid10m_test', 'fid10k_a', ''])
def test_other_names_are_not_of_this_form(name):
    assert names.read(name) is None


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('fid', "'fid' does not say of how many images: write fid10k_test"),
        ('is', "'is' does not say of how many images: write is10k"),
        ('fid10k', "'fid10k' does not say which real images: write fid10k_test, or _train"),
        ('kid5k_clean', 'write kid5k_test_clean, or _train'),
        ('is10k_test', "'is10k_test': an Inception Score sees no real images; leave out '_test'"),
        ('fid2047_test', 'an FID of fewer than 2,048 images is mostly bias; take kid2047_test'),
        ('fid1k_train_clean', 'take kid1k_train_clean'),
    ],
)
def test_what_a_name_leaves_out_is_said(name, said):
    with pytest.raises(UserError) as caught:
        names.read(name)
    assert said in str(caught.value)


def test_every_kind_can_be_measured():
    assert tuple(scores.KINDS) == names.KINDS
