"""Names of scores: what they say, and what they must say."""

import pytest

from gan_jax.evaluate import names, scores
from gan_jax.runtime.errors import UserError


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
        ('lid10k_test', ('lid', 10_000, 'test', 'tf1')),
    ],
)
def test_a_name_says_how_to_measure(name, meant):
    found = names.parse_score(name)
    assert found[:5] == (name, *meant) and not (found.intra or found.biased)


def test_a_name_says_what_else_is_meant():
    biased = names.parse_score('fid100_test_biased')
    assert biased.biased and biased.num == 100 and biased.extractor == 'inception'
    apart = names.parse_score('intra_kid50k_train')
    assert apart.intra and (apart.kind, apart.num, apart.split) == ('kid', 50_000, 'train')
    other = names.parse_score('fd5k_test_biased@my_package.net.features')
    assert other.extractor == 'my_package.net.features' and other.kind == 'fd'


def test_the_least_distance_is_the_best():
    for name in (
        'fd_digits',
        'fid10k_test',
        'kid5k_train_clean',
        'intra_fid50k_train',
        'kd1k_test@digits',
    ):
        assert names.is_distance(name)
    for name in ('modes', 'diversity', 'is50k', 'pr10k_test', 'knn', 'fd_digits_floor', ''):
        assert not names.is_distance(name)


@pytest.mark.parametrize(
    'name',
    [
        'fd5k_test@digits.',
        'fd5k_test@.a',
        'fd_digits',
        'modes',
        'fid0_test',
        'fid10m_test',
        'fid10k_a',
        '',
    ],
)
def test_other_names_are_not_of_this_form(name):
    assert names.parse_score(name) is None


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('fid', "'fid' does not say of how many images: write fid10k_test"),
        ('is', "'is' does not say of how many images: write is10k"),
        ('fid10k', "'fid10k' does not say which real images: write fid10k_test, or _train"),
        ('kid5k_clean', 'write kid5k_test_clean, or _train'),
        ('fd', "'fd' does not say of how many images: write fd10k_test@digits"),
        ('is10k_test', "is an Inception Score, which sees no real images: leave out '_test'"),
        ('is10k@a.b', 'needs probabilities of classes, and a.b makes features alone'),
        ('kd10k@digits', 'write kd10k_test@digits, or _train'),
        ('intra_dc10k_test', 'class by class: intra_fid, intra_kid and intra_pr are'),
        ('kid500_test_biased', "has no bias to allow: leave out '_biased'"),
        ('fd10k_test_clean@digits', "another network than Inception: leave out '_clean'"),
        ('fd10k_test', 'write fd10k_test@digits, or fid for Inception'),
        ('fd10k_test_clean', 'write fd10k_test@digits, or fid for Inception'),
        ('fid10k@digits', "is not in Inception's features: write fd10k@digits"),
        ('fid10k_test@inception', "leave out '@inception'"),
        ('fd10k_test@inception', "leave out '@inception'"),
        ('is9', 'is of too few images: take at least 10'),
        ('pr3_test', 'take at least 4'),
        ('dc5_test', 'take at least 6'),
        ('lid20_test', 'take at least 21'),
        ('kid1_test', 'take at least 2'),
        ('fd1_test_biased@digits', 'take at least 2'),
        ('kid1001k_test', 'is of too many images: take at most 1,000,000'),
        (f'is{"9" * 5000}', 'is of too many images'),
        ('intra_kid10k_test@digits', 'write intra_kd10k_test@digits'),
        ('fid2047_test', '2,047 images in 2,048 features give a Fréchet distance that is mostly'),
        ('fid2047_test', 'take kid2047_test, which has none, or more images'),
        ('fid1k_train_clean', 'all the same write fid1k_train_clean_biased'),
    ],
)
def test_what_a_name_leaves_out_is_said(name, said):
    with pytest.raises(UserError) as caught:
        names.parse_score(name)
    assert said in str(caught.value)


def test_every_kind_can_be_measured():
    assert {*scores.KINDS} == {*names.KINDS}
