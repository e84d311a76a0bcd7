"""What a step costs: passes of both networks, layer by layer, and nothing done twice."""

import functools
import re
from collections import Counter
from pathlib import Path

import flax.linen as nn
import jax
import numpy as np
import pytest

from gan_jax.experiment import presets
from gan_jax.experiment.kinds import NETWORK, TERM
from gan_jax.gan import Augment
from gan_jax.models.critic import Critic
from gan_jax.runtime import load
from gan_jax.step import make_train_step
from tests import small
from tests.jaxprs import equations

PAGE = Path(__file__).parent.parent / 'docs' / 'cost.md'
# The rows of the page's table: method -> {n, passes, v, w, D, G}.
COLUMNS = ('n', 'passes', 'v', 'w', 'd', 'g')
TABLE = {
    name: dict(zip(COLUMNS, map(int, cells), strict=True))
    for name, *cells in re.findall(
        r'^\| `(\w+)`' + r' \| (\d+)' * len(COLUMNS) + r' \|$', PAGE.read_text(), re.MULTILINE
    )
}
# Method -> views of the term's head in an update of D, there by the averaged D, and so of G.
OF_HEADS = {
    name: tuple(map(int, cells))
    for name, *cells in re.findall(
        r'^\| `(\w+)`' + r' \| (\d)' * 4 + r' \|$', PAGE.read_text(), re.MULTILINE
    )
}
D_LAYERS, G_LAYERS = 2, 1  # convolutions of the networks in `small`
NORMALISED = D_LAYERS + 1  # the logit's layer too
# They call the networks, D's average or an encoder beside the passes of the table.
BY_THEMSELVES = ('path_length', 'logan', 'moco', 'byol', 'insgen', 'bigan')
READ = {'cntr_latent': 1}  # latents whose images G's loss reads, where they are not all
PENALISED = {'r1': 1, 'tangent': 1, 'wgan_gp': 1, 'r3gan': 2}  # views whose input gradient is read
# Layers with spectral normalisation in the method's heads.
OWN_LAYERS = {
    **dict.fromkeys(('rotation', 'jigsaw', 'acgan', 'adcgan', 'multi_hinge'), 1),
    **dict.fromkeys(('tacgan', 'contragan', 'reacgan'), 2),
    # Their logit has none.
    **dict.fromkeys((*presets.SLICED, 'weight_clipping', 'wgan_gp'), -1),
    'contrad': 6,
    'icgan': 1,  # the projection of the instance
}
R1 = {'fn': 'gan_jax.terms.penalty.r1', 'weight': 10.0}


def test_the_page_has_every_method():
    assert set(TABLE) == {*presets.METHODS, 'r1'} - {*BY_THEMSELVES}
    rest = PAGE.read_text().partition('call the networks themselves')[2]
    assert all(f'| `{name}` |' in rest for name in BY_THEMSELVES)


def make(name):
    """The terms, the augmentation and the logit of a method of the table."""
    preset = 'none' if name == 'r1' else name
    blocks = presets.method(preset, 'translation', 0.4, num_classes=small.CLASSES)
    if name == 'r1':
        blocks['terms']['penalty'] = R1
    if name == 'ada':
        blocks['augment']['critic'] = 'ada_bg'  # the images have two channels, which are no colours
    if name == 'bigan':
        blocks['terms']['adversarial']['size'] = small.LATENT
    terms = {n: load.build(b, TERM) for n, b in blocks['terms'].items() if b['weight']}
    logit = {'fn': 'gan_jax.models.critic.Logit', **blocks.get('logit', {})}
    augment = Augment(*(blocks['augment'][use] for use in Augment._fields))
    return terms, augment, load.build(logit, NETWORK)


SEEN = []
HEADS = []


class Generator(nn.Module):
    """Notes how many images it makes."""

    @nn.compact
    def __call__(self, z, label, *, train):
        SEEN.append(('g', len(z)))
        return small.Generator(name='inner')(z, label, train=train)


class Trunk(nn.Module):
    """Notes how many images it is shown."""

    @nn.compact
    def __call__(self, image, *, train):
        SEEN.append(('d', len(image)))
        return small.Trunk(name='inner')(image, train=train)


class Head(nn.Module):
    """Notes how many images it meets."""

    head: nn.Module

    def __call__(self, features, label, *, train):
        HEADS.append(len(features))
        return self.head(features, label, train=train)


@functools.cache
def traced(name, d_steps):
    """The equations of a step of that method, and what its parts noted.

    Returns:
        equations, (network, images) of every call of a network, images of every call of a head.
    """
    terms, augment, logit = make(name)
    heads = {n: Head(term.head) for n, term in terms.items() if term.head is not None}
    nets = {'generator': Generator(), 'critic': Critic(Trunk(), heads, logit)}
    gan = small.make_gan(terms, augment=augment, **nets)
    batch = small.make_batch(d_steps=d_steps)
    if name == 'icgan':
        gan = gan._replace(latent=gan.latent._replace(gives=lambda z: {'h': z[:, :3]}))
        batch['h'] = np.ones((d_steps, small.BATCH, 3), np.float32)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    hyper = hyper._replace(
        strength={policy: np.float32(0.4) for policy in augment.policies.values()}
    )
    state = small.first_state(gan, terms)
    SEEN.clear()
    HEADS.clear()
    jaxpr = jax.make_jaxpr(make_train_step(gan, terms))(state, batch, hyper)
    return list(equations(jaxpr)), tuple(SEEN), tuple(HEADS)


methods_and_steps = pytest.mark.parametrize(
    ('name', 'd_steps'), [*((name, 2) for name in TABLE), ('none', 1), ('r1', 1)]
)


@pytest.mark.slow
@methods_and_steps
def test_images_that_each_network_meets(name, d_steps):
    """In every update n passes of G over B images each; D's over v views, in G's over w.

    The k updates of D are one function, called k times: it is traced once.
    """
    row, b, read = TABLE[name], small.BATCH, PENALISED.get(name, 0)
    # In an update of D the views whose gradient is read have a pass of their own.
    views = [count for count in (row['v'] - read, read) if count]
    assert len(views) == row['passes']
    fakes = row['n'] * [('g', b)]
    d_update = fakes + [('d', v * b) for v in views]
    assert list(traced(name, d_steps)[1]) == d_update + fakes + [('d', row['w'] * b)]


@pytest.mark.slow
@pytest.mark.parametrize('name', presets.METHODS)
def test_images_that_the_head_of_a_term_meets(name):
    """Its own views in an update of D, there by the averaged D, and so of G: once each."""
    views = OF_HEADS.get(name, ())
    assert list(traced(name, 2)[2]) == [v * small.BATCH for v in views if v]


def test_the_page_has_every_method_with_a_head():
    with_head = {n for n in presets.METHODS if any(term.head for term in make(n)[0].values())}
    assert with_head == OF_HEADS.keys()


@pytest.mark.parametrize('name', BY_THEMSELVES)
def test_images_of_terms_that_call_the_networks_themselves(name):
    b = small.BATCH
    fakes, reals, both = ('g', b), ('d', b), [('g', b), ('d', b)]
    expected = {
        'path_length': [fakes, ('d', 2 * b), fakes, ('d', b), ('g', b // 2)],
        # Once at z, for the gradient, and once at z'.
        'logan': [fakes, reals, *both, *both, fakes, *both, *both],
        'moco': [fakes, ('d', 3 * b), ('d', b), fakes, ('d', b)],
        'byol': [fakes, ('d', 4 * b), ('d', 2 * b), fakes, ('d', b)],
        'insgen': [
            *(fakes, fakes, ('d', 4 * b), ('d', 3 * b)),
            *(fakes, fakes, ('d', 2 * b), ('d', b)),
        ],
        'bigan': [fakes, ('d', 2 * b), fakes, ('d', 2 * b)],
    }
    assert list(traced(name, 2)[1]) == expected[name]


@pytest.mark.slow
@methods_and_steps
def test_convolutions_of_a_step(name, d_steps):
    """As many as the page says; the number of views is in none of the terms."""
    row, d, g = TABLE[name], D_LAYERS, G_LAYERS
    found = Counter(e.primitive.name for e in traced(name, d_steps)[0])
    read = name in PENALISED  # one call of D has its gradient differentiated
    d_update = row['n'] * g + (row['passes'] - read) * (3 * d - 1) + read * (6 * d - 1)
    g_update = (row['n'] + 2 * READ.get(name, row['n'])) * g + 2 * d
    assert found['conv_general_dilated'] == d_steps * d_update + g_update


@pytest.mark.parametrize('name', TABLE)
def test_costs_follow_from_the_counts(name):
    row = TABLE[name]
    assert row['d'] == 3 * (row['v'] + PENALISED.get(name, 0)) + 2 * row['w']
    assert row['g'] == 2 * row['n'] + 2 * READ.get(name, row['n'])


@pytest.mark.slow
@methods_and_steps
def test_one_power_iteration_for_each_layer_and_call_of_d(name, d_steps):
    """One iteration normalises two vectors, and nothing else takes a root of one number."""
    roots = [e for e in traced(name, d_steps)[0] if e.primitive.name == 'rsqrt']
    found = [e for e in roots if e.outvars[0].aval.size == 1]
    layers = NORMALISED + OWN_LAYERS.get(name, 0)
    calls = d_steps * TABLE[name]['passes'] + 1
    assert len(found) == 2 * layers * calls
