"""The networks of configs/digits_networks.py: a few steps of each, and what does not fit them."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.experiment import config
from gan_jax.experiment.presets import LABELLED, METHODS
from gan_jax.experiment.setup import build_setup
from gan_jax.extractors import digits
from gan_jax.runtime.errors import UserError

FILE = Path(__file__).parent.parent / 'configs' / 'digits_networks.py'
NETWORKS = ('dcgan', 'cgan', 'wgan_gp', 'progan', 'ladagan', 'projected')
# The shipped ones are narrow; these are for the compiler.
NARROW = {
    'dcgan': ('generator.width=0.05', 'discriminator.width=0.05'),
    'cgan': ('generator.width=0.05', 'discriminator.width=0.05'),
    'wgan_gp': ('discriminator.width=0.03',),
    'progan': ('generator.most=4', 'discriminator.most=4'),
    'ladagan': ('generator.hidden=4', 'discriminator.hidden=4'),
    'projected': ('generator.width=0.05', 'discriminator.mixed=2', 'discriminator.width=8'),
}


def settings_of(network, *changes):
    flags = [f'--config.{one}' for one in (*NARROW[network], 'batch_size=8', *changes)]
    return json.loads(config.load_config(f'{FILE}:network={network}', flags).to_json())


@pytest.mark.slow
@pytest.mark.usefixtures('quick')
@pytest.mark.parametrize('network', NETWORKS)
def test_a_few_steps_move_all_that_is_trained_and_stay_finite(network):
    setup = build_setup(settings_of(network))
    program, hyper = setup.program, setup.experiment.hyper
    first = jax.device_get(program.init(hyper))
    state = program.init(hyper)
    for step in range(3):
        state = program.update(state, step, hyper)
    last = jax.device_get(state)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last))
    frozen = [state.d.stats.get('frozen', {}) for state in (first, last)]
    assert jax.tree.all(jax.tree.map(np.array_equal, *frozen))
    if network == 'projected':
        found = frozen[1]['trunk'].pop('extractor')
        assert jax.tree.all(jax.tree.map(np.array_equal, found, digits.weights()))
        assert len(frozen[1]['trunk']) == 6  # two random layers for each scale
    still = {name for side in 'gd' for name in unmoved(*(getattr(s, side) for s in (first, last)))}
    # A number that is added to every logit leaves Wasserstein's loss and its penalty as they are.
    wasserstein = network in ('wgan_gp', 'progan')
    assert still == ({"['logit']['dense']['bias']"} if wasserstein else set())


def unmoved(before, after):
    """The names of the parameters that are the same in both."""
    same = jax.tree.map(lambda a, b: bool((a == b).all()), before.params, after.params)
    found = jax.tree_util.tree_leaves_with_path(same)
    return [jax.tree_util.keystr(path) for path, equal in found if equal]


def test_the_first_network_is_dcgan_and_arguments_reach_any():
    plain = config.load_config(str(FILE))
    assert plain.generator.fn == 'gan_jax.models.dcgan.Generator'
    assert plain.to_json() == config.load_config(f'{FILE}:network=dcgan').to_json()
    c = config.load_config(f'{FILE}:method=bcr,network=progan,augment=n_of(2,flip,cutout)')
    assert c.generator.fn == 'gan_jax.models.progan.Generator'
    assert c.augment.view == 'n_of(2,flip,cutout)' and 'consistency' in c.terms
    with pytest.raises(UserError, match="no network 'vgg'; known: dcgan, cgan, wgan_gp, progan, l"):
        config.load_config(f'{FILE}:network=vgg')


def test_losses_are_the_networks_own_but_where_a_method_brings_one():
    losses = {
        network: config.load_config(f'{FILE}:network={network}').terms.adversarial.fn
        for network in NETWORKS
    }
    assert losses == {
        **dict.fromkeys(('dcgan', 'cgan'), 'gan_jax.terms.adversarial.non_saturating'),
        **dict.fromkeys(('wgan_gp', 'progan'), 'gan_jax.terms.adversarial.wasserstein'),
        'ladagan': 'gan_jax.terms.patches.non_saturating',
        'projected': 'gan_jax.terms.patches.hinge',
    }
    c = config.load_config(f'{FILE}:network=ladagan,method=san')
    assert c.terms.adversarial.fn == 'gan_jax.terms.san.hinge' and 'penalty' not in c.terms
    c = config.load_config(f'{FILE}:network=dcgan,method=acgan')
    assert (c.generator.num_classes, c.logit.normalised) == (10, False)


@pytest.mark.parametrize('network', ['dcgan', 'cgan', 'projected'])
def test_a_penalty_of_one_image_or_clipped_weights_leave_out_the_batch_norm(network):
    for method in METHODS:
        c = config.load_config(f'{FILE}:network={network},method={method}')
        bare = method in ('wgan_gp', 'weight_clipping', 'r1', 'r3gan', 'tangent')
        assert c.discriminator.normalised == (not bare), method
        assert not bare or not c.logit.get('normalised', False), method


def test_a_classifier_replaces_the_class_beside_the_features():
    for method in METHODS:
        c = config.load_config(f'{FILE}:network=cgan,method={method}')
        assert not (method in LABELLED and c.logit.fn.endswith('ConcatLogit')), method
        assert c.generator.num_classes == 10
    c = config.load_config(f'{FILE}:network=cgan,method=reacgan')
    assert c.logit.to_dict() == {'fn': 'gan_jax.models.critic.Logit', 'normalised': False}


def test_the_conditional_gan_tells_both_networks_the_class():
    c = config.load_config(f'{FILE}:network=cgan')
    assert c.logit.fn == 'gan_jax.models.cgan.ConcatLogit'
    assert c.generator.num_classes == c.logit.num_classes == 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ('network', 'layer'), [('dcgan', 'norm_1'), ('progan', 'spread'), ('projected', 'norm_16')]
)
def test_what_looks_across_the_batch_needs_passes_of_its_own(network, layer):
    with pytest.raises(
        UserError, match=f'looks across the batch .*{layer}.*Set config.joint=False'
    ):
        build_setup(settings_of(network, 'joint=True'))
