"""The methods as blocks of a config: where the augmentation goes, and whose weights."""

from pathlib import Path

import pytest

from gan_jax.experiment import build, config, named_code
from gan_jax.experiment.kinds import TERM
from gan_jax.experiment.presets import DIFFAUGMENT, LABELLED, METHODS, method
from gan_jax.routing import route_views
from gan_jax.runtime import load

ROOT = Path(__file__).parents[2]
ZCR = {'dis': 5.0, 'gen': 0.5}
BCR = {'real': 10.0, 'fake': 10.0}


def test_methods_are_the_papers():
    """Zhao et al. 2020: where the augmentation goes, and λ = 10, or 5 beside Cntr's 0.1."""
    found = {}
    for name in METHODS:
        blocks = method(name, 'cutout', 0.3, num_classes=10)
        uses = [use for use in ('real', 'critic', 'view') if blocks['augment'][use] == 'cutout']
        weights = {term: block['weight'] for term, block in blocks['terms'].items()}
        assert weights.pop('adversarial') == (name not in ('multi_hinge', 'logan'))
        assert blocks['augment']['strength'] == 0.3
        found[name] = (uses, weights)
    assert found == {
        'none': ([], {}),
        'real_only': (['real'], {}),
        'real_fake': (['critic'], {}),
        'cr': (['view'], {'consistency': 10.0}),
        'bcr': (['view'], {'consistency': 10.0}),
        'zcr': ([], {'consistency': ZCR}),
        'icr': (['view'], {'consistency': BCR | ZCR}),
        'cntr': (['view'], {'contrastive': 0.1}),
        'bcr_cntr': (['view'], {'consistency': 5.0, 'contrastive': 0.1}),
        'rotation': ([], {'rotation': {'real': 1.0, 'fake': 0.2}}),
        'diffaugment': ([], {}),
        'lecam': ([], {'lecam': 0.3}),
        'r1': ([], {'penalty': 0.01}),
        'contrad': (['view'], {}),
        'acgan': ([], {'classes': 1.0}),
        'adcgan': ([], {'classes': 1.0}),
        'tacgan': ([], {'classes': 1.0}),
        'multi_hinge': (
            [],
            {'multi_hinge': {'real': 1.0, 'fake': 1.0, 'classes': 0.05}, 'matching': 1.0},
        ),
        'contragan': ([], {'classes': 1.0}),
        'reacgan': ([], {'classes': 0.5}),
        'barlow': (['view'], {'decorrelation': 0.01}),
        'vicreg': (['view'], {'decorrelation': 0.01}),
        'uniformity': (['view'], {'decorrelation': 0.1}),
        'feature_matching': ([], {'matching': 1.0}),
        'top_k': ([], {}),
        'cntr_latent': ([], {'latents': 0.1}),
        'jigsaw': ([], {'jigsaw': {'real': 1.0, 'fake': 0.2}}),
        'random_projection': (['view'], {'contrastive': 0.1}),
        'bcr_k': (['view'], {'consistency': 10.0}),
        'bcr_weak_strong': (['view'], {'consistency': 10.0}),
        'bcr_dual': (['view'], {'consistency': 1.0}),
        'ood': ([], {'ood': 0.25}),
        'san': ([], {}),
        'san_ns': ([], {}),
        'san_relativistic': ([], {}),
        'path_length': ([], {'path_length': 2.0}),
        'logan': ([], {'logan': {'real': 1.0, 'fake': 1.0, 'step': 0.1}}),
        'tangent': ([], {'tangent': 0.1}),
        'orthogonal': ([], {'orthogonal': 1e-4}),
        'ada': ([], {'ada': 1.0}),
        'apa': ([], {'apa': 1.0}),
        'moco': (['view'], {'momentum': 0.1}),
        'byol': (['view'], {'momentum': 0.1}),
        'insgen': (['view'], {'insgen': {'real': 1.0, 'fake': 1.0, 'gen': 0.1}}),
        'weight_clipping': ([], {'weight_clipping': 1.0}),
        'wgan_gp': ([], {'wgan_gp': 10.0}),
        'bigan': ([], {}),
        'icgan': ([], {}),
        'r3gan': (['critic'], {'r1': 0.05, 'r2': 0.05}),
    }


def test_the_game_is_hinge_but_where_a_method_brings_its_own():
    own = {
        'contrad': 'contrastive.contrad',
        'top_k': 'top_k.top_k',
        'san': 'san.hinge',
        'san_ns': 'san.non_saturating',
        'san_relativistic': 'san.relativistic',
        'weight_clipping': 'adversarial.wasserstein',
        'wgan_gp': 'adversarial.wasserstein',
        'bigan': 'bigan.bigan',
        'r3gan': 'adversarial.relativistic',
    }
    for name in METHODS:
        path = method(name, '', 0.0, num_classes=10)['terms']['adversarial']['fn']
        assert path == f'gan_jax.terms.{own.get(name, "adversarial.hinge")}'


def test_a_method_that_learns_from_labels_makes_the_generator_conditional():
    for name in METHODS:
        found = method(name, '', 0.0, num_classes=7)
        terms = {n for n, block in found['terms'].items() if 'num_classes' in block}
        assert terms == ({LABELLED[name]} if name in LABELLED else set())
        assert found.get('generator', {}) == ({'num_classes': 7} if name in LABELLED else {})
        for term in terms:
            assert found['terms'][term]['num_classes'] == 7
    with pytest.raises(
        ValueError, match="method 'acgan' learns from labels, which the data of thi"
    ):
        method('acgan', '', 0.0)


def test_methods_of_san_bigan_and_icgan_bring_their_logit():
    for name in METHODS:
        plain, conditional = (
            method(name, '', 0.0, conditional=flag, num_classes=7).get('logit')
            for flag in (False, True)
        )
        if name.startswith('san'):
            assert plain == {'fn': 'gan_jax.models.san.SanLogit'}
            assert conditional == {'fn': 'gan_jax.models.san.SanClassLogit'}
        elif name == 'bigan':
            assert plain == conditional == {'fn': 'gan_jax.models.bigan.PairLogit', 'units': 512}
        elif name == 'icgan':
            assert plain == conditional == {'fn': 'gan_jax.models.instances.InstanceLogit'}
        elif name not in ('weight_clipping', 'wgan_gp'):
            assert plain is conditional is None


def test_icgan_brings_its_latents_with_room_for_noise():
    for name in METHODS:
        latent = method(name, '', 0.0, num_classes=7).get('latent')
        assert ('fn' in (latent or {})) == (name == 'icgan')
    found = method('icgan', '', 0.0)['latent']
    assert found.pop('fn') == 'gan_jax.instances.instances'
    assert found == {'features': 'inception', 'neighbours': 50, 'dim': 128 + 2048}


@pytest.mark.parametrize(
    ('file', 'features', 'dim'),
    [
        ('digits', 'digits', 128 + 64),
        ('stacked_digits', 'digits', 128 + 3 * 64),
        ('cifar10_sndcgan', 'inception', 128 + 2048),
        ('cifar10_biggan', 'inception', 128 + 2048),  # cut into 4 equal parts
    ],
)
def test_configs_take_the_features_of_their_images(file, features, dim):
    c = config.load_config(f'{ROOT}/configs/{file}.py:method=icgan')
    assert (c.latent.features, c.latent.dim, c.latent.labels) == (features, dim, 'data')
    assert c.logit.fn == 'gan_jax.models.instances.InstanceLogit'
    assert c.logit.get('num_classes', 0) == (10 if file == 'cifar10_biggan' else 0)


def test_r3gan_pairs_images_of_one_class_and_both_players_meet_reals_of_their_own():
    for name in METHODS:
        found = method(name, 'cutout', 0.3, num_classes=7)
        pairs = name == 'r3gan'
        assert found.get('g_reals') == ('own' if pairs else None)
        assert found.get('latent', {}).get('labels') == ('real' if pairs else None)
    found = method('r3gan', 'cutout', 0.3)
    assert (found['augment']['critic'], found['augment']['shared']) == ('cutout', False)
    assert all('every' not in term for term in found['terms'].values())  # in every step


def test_clipped_and_penalised_weights_have_no_spectral_normalisation():
    for name in METHODS:
        found = method(name, '', 0.0, num_classes=7)
        bare = name in ('weight_clipping', 'wgan_gp')
        assert found.get('discriminator', {}) == ({'normalised': False} if bare else {})
        assert (found.get('logit') == {'normalised': False}) == bare


def test_diffaugment_has_its_own_policy():
    augment = method('diffaugment', 'cutout', 0.3)['augment']
    amounts = {'strength': 0.3, 'probability': 1.0}
    assert augment == {'real': '', 'critic': DIFFAUGMENT, 'view': '', 'shared': False, **amounts}


@pytest.mark.parametrize('conditional', [False, True])
@pytest.mark.parametrize('name', METHODS)
def test_weights_are_of_parts_that_there_are(name, conditional):
    """A weight by part names each part of the term and nothing else."""
    options = {'conditional': conditional, 'num_classes': 10}
    for block in method(name, '', 0.0, **options)['terms'].values():
        assert load.faults(block, TERM) == []
        if isinstance(block['weight'], dict):
            text = load.resolve(block['fn'], TERM).__doc__
            assert all(f"'{part}'" in text for part in block['weight'])


def test_zcr_of_a_conditional_model():
    for name in METHODS:
        plain, conditional = (
            method(name, 'cutout', 0.3, conditional=flag, num_classes=10)['terms']
            for flag in (False, True)
        )
        if name not in ('zcr', 'icr'):
            assert conditional == plain
            continue
        assert plain['consistency']['sigma'] == 0.03
        assert conditional['consistency']['sigma'] == 0.05
        changed = plain['consistency']['weight'] | {'dis': 20.0}
        assert conditional['consistency']['weight'] == changed


def test_blocks_are_the_callers_own():
    method('icr', '', 0.0)['terms']['consistency']['weight']['dis'] = 7.0
    assert method('icr', '', 0.0)['terms']['consistency']['weight']['dis'] == 5.0


# A policy of Cntr's own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('cntr', 'count'),
    [
        ({}, 6),
        # Its first views are those of bCR, wherever the policy stands.
        ({'cntr_policy': 'translation', 'cntr_strength': 0.15}, 6),
        ({'cntr_policy': 'simclr', 'cntr_strength': 0.3}, 8),
    ],
)
def test_terms_with_equal_policies_share_pixels(cntr, count):
    settings = config.load_config(f'{ROOT}/configs/digits.py').to_dict()
    settings |= method('bcr_cntr', 'translation', 0.15, **cntr)
    assert config.faults(settings) == []
    given = named_code.amounts(settings, 'strength')
    assert ('simclr' in given) == (count == 8)
    assert all(one.value == 0.3 for policy, one in given.items() if policy == 'simclr')
    built = build.build_experiment(settings, shape=(16, 16, 1), num_classes=10)
    planned = route_views(built.terms, 'd', built.gan.augment.view)
    assert len({*planned.views}) == count


def test_a_method_without_cntr_takes_no_policy_for_it():
    with pytest.raises(ValueError, match="method 'bcr' has no Cntr that could have a policy"):
        method('bcr', 'translation', 0.1, cntr_policy='simclr')


def test_unknown_method():
    with pytest.raises(ValueError, match="no method 'bcrr'; known: none, real_only, real_fake, cr"):
        method('bcrr', '', 0.0)
