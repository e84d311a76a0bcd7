"""The contract of a term, for every factory of the package."""

from pathlib import Path

import jax
import pytest

from gan_jax.experiment import build, config
from gan_jax.terms import Objective, Term, total
from gan_jax.testing import check_term
from tests.terms.family import FACTORIES, check_options, make

ROOT = Path(__file__).parents[2]

every_factory = pytest.mark.parametrize('path', FACTORIES)


def test_the_search_finds_the_terms():
    names = {
        'adversarial': ('hinge', 'non_saturating', 'wasserstein', 'least_squares', 'relativistic'),
        'apa': ('apa',),
        'bigan': ('bigan',),
        'balanced': ('bcr_k', 'bcr_weak_strong', 'bcr_dual'),
        'consistency': ('cr', 'balanced', 'latent', 'improved'),
        'contrastive': ('cntr', 'contrad'),
        'decorrelation': ('barlow_twins', 'vicreg', 'uniformity'),
        'feature_matching': ('feature_matching',),
        'insgen': ('insgen',),
        'jigsaw': ('jigsaw',),
        'forced_norm': ('forced_norm',),
        'label_contrast': ('contragan', 'reacgan'),
        'labels': ('acgan', 'adcgan', 'multi_hinge', 'tacgan'),
        'latent_contrast': ('cntr_latent',),
        'latent_step': ('logan',),
        'lecam': ('lecam',),
        'ood': ('ood',),
        'orthogonal': ('orthogonal',),
        'patches': ('hinge', 'non_saturating'),
        'path_length': ('path_length',),
        'penalty': ('r1', 'r2', 'wgan_gp', 'dragan'),
        'random_projection': ('random_projection',),
        'rotation': ('rotation',),
        'san': ('hinge', 'non_saturating', 'relativistic'),
        'tangent': ('tangent',),
        'top_k': ('top_k',),
        'weight_clipping': ('weight_clipping',),
    }
    shipped = {f'gan_jax.terms.{file}.{name}' for file in names for name in names[file]}
    assert FACTORIES.keys() >= shipped


# Their steps take the longest to compile; views, heads and parts are those of quicker terms too.
SLOW = {
    f'gan_jax.terms.{name}'
    for name in (
        'ada.ada',
        'balanced.bcr_dual',
        'bigan.bigan',
        'insgen.insgen',
        'labels.acgan',
        'balanced.bcr_k',
        'balanced.bcr_weak_strong',
        'contrastive.contrad',
        'decorrelation.barlow_twins',
        'decorrelation.uniformity',
        'decorrelation.vicreg',
        'feature_matching.feature_matching',
        'jigsaw.jigsaw',
        'label_contrast.contragan',
        'label_contrast.reacgan',
        'labels.adcgan',
        'labels.multi_hinge',
        'labels.tacgan',
        'latent_contrast.cntr_latent',
        'latent_step.logan',
        'momentum.byol',
        'momentum.moco',
        'orthogonal.orthogonal',
        'patches.hinge',
        'path_length.path_length',
        'consistency.improved',
        'consistency.latent',
        'contrastive.cntr',
        'san.hinge',
        'lecam.lecam',
        'ood.ood',
        'patches.non_saturating',
        'penalty.dragan',
        'penalty.wgan_gp',
        'rotation.rotation',
        'san.non_saturating',
        'san.relativistic',
        'top_k.top_k',
        'random_projection.random_projection',
        'tangent.tangent',
    )
}


@pytest.mark.parametrize(
    'path',
    [pytest.param(path, marks=[pytest.mark.slow] * (path in SLOW)) for path in FACTORIES],
)
def test_keeps_every_promise(path):
    check_term(make(path), **check_options(path))


@every_factory
def test_weight_zero_in_the_config_removes_the_term(path):
    """Its views and its head never enter the program."""
    settings = config.load_config(f'{ROOT}/configs/digits.py:method=none').to_dict()
    options = {'shape': (16, 16, 1), 'num_classes': 10}
    bare = build.build_experiment(settings, **options)
    for weight in (0.0, {'real': 0.0, 'fake': 0.0}):
        settings['terms']['mine'] = {'fn': path, 'weight': weight}
        built = build.build_experiment(settings, **options)
        assert built.terms.keys() == built.every.keys() == built.hyper.weights.keys()
        assert built.terms.keys() == bare.terms.keys()
        assert built.gan.critic == bare.gan.critic


def test_each_term_draws_from_a_key_of_its_own():
    """The key of a loss changes with the term's name and with the update, and with nothing else."""

    def loss(out, state, key):
        return {'draw': jax.random.uniform(key)}, state, {}

    drawing = Term(d=Objective({}, loss))
    weights = {'a': 0.0, 'b': 0.0}

    def draws(names, update):
        terms = dict.fromkeys(names, drawing)
        states = {name: {} for name in names}
        return total(terms, weights, 'd', states, states, jax.random.key(update))[2]

    both, alone, later = draws('ab', 0), draws('b', 0), draws('b', 1)
    assert both['d/b/draw'] == alone['d/b/draw']
    assert len({float(x) for x in (*both.values(), *later.values())}) == 3
