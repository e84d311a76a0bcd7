"""Parts that train and do not mean what they say: told before the first step, with their key."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from gan_jax.experiment import contracts
from gan_jax.models.bigan import Encoder
from gan_jax.models.critic import Critic, Logit
from gan_jax.models.san import SanLogit
from gan_jax.runtime.errors import PartError
from gan_jax.terms import Network, Objective, Term, san
from gan_jax.terms.adversarial import hinge, relativistic
from gan_jax.terms.bigan import bigan
from gan_jax.terms.consistency import balanced, latent
from gan_jax.terms.contrastive import cntr, contrad
from gan_jax.terms.labels import multi_hinge
from gan_jax.terms.lecam import lecam
from gan_jax.terms.penalty import dragan, r1, r2, wgan_gp
from gan_jax.terms.rotation import rotation
from gan_jax.views import View, augmented
from tests import small


class Spread(nn.Module):
    """The small trunk with the standard deviation of groups of images as one more feature."""

    group: int = 2

    @nn.compact
    def __call__(self, image, *, train):
        x = small.Trunk()(image, train=train)
        groups = x.reshape(self.group, -1, x.shape[-1])
        spread = jnp.std(groups, axis=0).mean(axis=1, keepdims=True)
        return jnp.concatenate([x, jnp.tile(spread, (self.group, 1))], axis=1)


class Normed(nn.Module):
    """The small trunk with a norm behind it."""

    norm: type = nn.BatchNorm

    @nn.compact
    def __call__(self, image, *, train):
        x = small.Trunk()(image, train=train)
        return nn.BatchNorm(not train)(x) if self.norm is nn.BatchNorm else self.norm()(x)


class ManyHeads(nn.Module):
    """A head that looks at the others of its batch."""

    @nn.compact
    def __call__(self, features, label, *, train):
        return {'far': features - features.mean(axis=0, keepdims=True)}


def check(terms, trunk=None, logit=None, every=None, **options):
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    gan = small.make_gan(
        terms, critic=Critic(trunk or small.Trunk(), heads, logit or Logit()), **options
    )
    state, hyper = small.first_state(gan, terms), small.make_hyper(dict.fromkeys(terms, 1.0))
    contracts.check_contracts(
        gan, terms, state, hyper, shape=small.SHAPE, batch_size=8, every=every
    )


# Layers that look across the batch ----------------------------------------------------------------


@pytest.mark.parametrize(
    ('trunk', 'layer'), [(Spread(), 'Critic/trunk'), (Normed(), 'Critic/trunk/BatchNorm_0')]
)
def test_a_trunk_that_looks_across_the_batch_needs_passes_of_its_own(trunk, layer):
    terms = {'adversarial': hinge(), 'consistency': balanced()}
    with pytest.raises(PartError, match=rf'^config\.joint is True, .* \({layer}\)') as caught:
        check(terms, trunk)
    assert 'Set config.joint=False, or leave out that layer' in str(caught.value)
    check(terms, trunk, joint=False)


def test_so_does_a_head():
    def loss(out, state, key):
        return {'x': sum(jnp.mean(out[v]['head']['far'] ** 2) for v in views)}, state, {}

    views = {source: View(source) for source in ('real', 'fake')}
    mine = Term(d=Objective(views, loss), head=ManyHeads())
    with pytest.raises(PartError, match=r'Critic/heads_mine'):
        check({'adversarial': hinge(), 'mine': mine})


def test_a_head_that_meets_one_view_in_a_pass_may_look_across_it():
    """The views of other terms are in its pass through the trunk, and not in its own."""

    def loss(out, state, key):
        return {'x': jnp.mean(out['real']['head']['far'] ** 2)}, state, {}

    mine = Term(d=Objective({'real': View('real')}, loss), head=ManyHeads())
    check({'adversarial': hinge(), 'mine': mine})


def test_with_penalties_views_share_a_second_pass():
    """Two views are in the pass of gradients, and none is beside them."""
    terms = {'adversarial': relativistic(), 'r1': r1(), 'r2': r2()}
    terms['adversarial'] = terms['adversarial']._replace(g=hinge().g)
    with pytest.raises(PartError, match=r'^config\.joint is True'):
        check(terms, Normed())


def test_where_a_penalty_rests_its_view_joins_the_others():
    """Reals have a pass of their own for their gradients, in every second step alone."""
    terms = {'adversarial': hinge(), 'r1': r1()}
    check(terms, Normed())
    with pytest.raises(PartError, match=r'^config\.joint is True'):
        check(terms, Normed(), every={'r1': 2})
    check(terms, Normed(), every={'r1': 2}, joint=False)


@pytest.mark.parametrize(
    ('every', 'sets'),
    [
        ({}, {'abc'}),
        ({'b': 2}, {'ac', 'abc'}),
        ({'b': 2, 'c': 4}, {'a', 'ab', 'abc'}),  # c never without b
        ({'b': 2, 'c': 3}, {'a', 'ab', 'ac', 'abc'}),
        ({'a': 2, 'b': 2, 'c': 2}, {'', 'abc'}),
    ],
)
def test_the_terms_of_every_step_are_looked_at(every, sets):
    found = [''.join(names) for names in contracts._acting(dict.fromkeys('abc'), every)]
    assert len(found) == len(sets) and {*found} == sets


def test_one_view_a_pass_is_no_joint_pass():
    def loss(out, state, key):
        return {'x': jnp.mean(out['x']['logit'])}, state, {}

    alone = Term(d=Objective({'x': View('real')}, loss), g=Objective({'x': View('fake')}, loss))
    check({'alone': alone}, Normed())


def test_layers_that_keep_to_their_image_are_accepted():
    terms = {
        'adversarial': hinge(),
        'consistency': balanced(),
        'latent': latent(),
        'contrastive': cntr(),
        'rotation': rotation(),
        'lecam': lecam(),
        'penalty': r1(),
    }
    check(terms)
    check(terms, Normed(nn.LayerNorm))
    check(terms, accumulate=2)


# Penalties of a logit that trains nothing ---------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize('penalty', [r1, r2, wgan_gp, dragan])
def test_a_penalty_beside_a_game_on_another_logit(penalty):
    terms = {'game': contrad(), 'steep': penalty()}
    with pytest.raises(PartError, match=r'^config\.terms\.steep bounds the gradient of a logit'):
        check(terms)
    check(terms | {'adversarial': hinge()})
    check({'adversarial': hinge(), 'steep': penalty()})
    check({'adversarial': san.hinge(), 'steep': penalty()}, logit=SanLogit())


@pytest.mark.slow
@pytest.mark.parametrize('penalty', [r1, r2, wgan_gp, dragan])
def test_a_penalty_that_follows_the_logit_of_the_head_that_plays(penalty):
    check({'game': contrad(), 'steep': penalty(of='game')})
    check({'game': contrad(), 'adversarial': hinge(), 'steep': penalty(of='game'), 'own': r1()})
    for of, words in (
        ('', "D's own logit"),
        ('game/detached', "'detached' of the head of terms.game"),
        ('game/real', "'real' of the head of terms.game"),
    ):
        with pytest.raises(
            PartError, match=rf'^config\.terms\.steep .* generator by {words}\. Foll'
        ):
            check({'game': contrad(), 'steep': penalty(of=of)})


def test_a_penalty_of_scores_follows_the_one_of_the_class():
    terms = {'game': multi_hinge(num_classes=small.CLASSES)}
    check({**terms, 'steep': r1(of='game/classes')})
    with pytest.raises(PartError, match=r"Follow one that does, by of='game/classes', or leave it"):
        check({**terms, 'steep': r1()})
    with pytest.raises(PartError, match=r'Leave it out, or add an adversarial term such as'):
        check(
            {'steep': r1(), 'game': terms['game']._replace(g=None), 'idle': of_g(lambda out: 0.0)}
        )


def of_g(part, **options):
    """A term of the generator with the loss out -> part []."""

    def g(out, state, key):
        return {'x': jnp.float32(part(out))}, state, {'seen': jnp.mean(out['fake']['logit'])}

    return Term(g=Objective({'fake': View('fake')}, g, **options))


@pytest.mark.parametrize(
    ('plays', 'part', 'options'),
    [
        (True, lambda out: jnp.mean({**out['fake']}['logit']), {}),
        (True, lambda out: jnp.mean(out['fake'].get('logit') ** 2), {}),
        (False, lambda out: jnp.mean(jax.lax.stop_gradient(out['fake']['logit'])), {}),
        (False, lambda out: jnp.mean(out['fake']['features']), {}),
        (
            False,
            lambda out: jnp.mean(out['x']['target']['logit']),
            {'targets': {'x': View('fake', augmented)}},
        ),
        (
            True,
            lambda out: jnp.mean(shown(out['players'], out['fake'])['logit']),
            {'players': True},
        ),
        (
            False,
            lambda out: jnp.mean(shown(out['players'], out['fake'])['features']),
            {'players': True},
        ),
        (
            False,
            lambda out: jnp.mean(
                out['players'].generate(out['fake']['z'], out['fake']['label'])['image']
            ),
            {'players': True},
        ),
    ],
)
def test_who_trains_the_generator_by_the_logit(plays, part, options):
    """Its gradient counts: what is reported, held still or read by an average trains none."""
    terms = {'base': Term(d=hinge().d), 'mine': of_g(part, **options), 'steep': r1()}
    if plays:
        return check(terms)
    with pytest.raises(PartError, match=r'^config\.terms\.steep bounds .* Leave it out'):
        check(terms)


def shown(players, fake):
    """The outputs of D for the fakes, asked by a term itself."""
    return players.discriminate(fake['image'], fake['label'])


def test_a_term_of_the_discriminator_alone_plays_no_game():
    """CR reads the logit too, but no generator learns from it."""
    terms = {'game': contrad(), 'consistency': balanced(), 'steep': r1()}
    with pytest.raises(PartError, match=r"D's own logit\. Follow one that does, by of='game', or"):
        check(terms)


def test_a_term_that_has_a_head_and_plays_with_the_logit():
    def g(out, state, key):
        x = out['fake']
        return {'fake': jnp.mean(x['logit']) + jnp.mean(x['head']['projection'])}, state, {}

    both = Term(d=hinge().d, g=Objective({'fake': View('fake')}, g), head=cntr().head)
    check({'both': both, 'steep': r1()})


def test_a_term_of_the_generator_may_read_the_input_gradient():
    def g(out, state, key):
        return {'fake': jnp.mean(out['fake']['dx'] ** 2)}, state, {}

    smooth = Term(g=Objective({'fake': View('fake')}, g, input_grads=('fake',)))
    check({'adversarial': hinge(), 'smooth': smooth, 'steep': r1()})


# Entries that the discriminator reads beside the image --------------------------------------------

PAIRS = {'logit': small.PairLogit()}


def test_a_term_for_pairs_needs_a_discriminator_that_reads_them():
    with pytest.raises(
        PartError, match=r"^config\.terms\.game is for a discriminator that reads 'z'"
    ):
        check({'game': bigan(small.LATENT, width=0.02)})
    check({'game': bigan(small.LATENT, width=0.02)}, **PAIRS)


def test_a_penalty_of_the_logit_of_pairs_is_one_of_a_game():
    check({'game': bigan(small.LATENT, width=0.02), 'steep': r1()}, **PAIRS)


def test_a_discriminator_of_pairs_may_not_look_across_the_batch():
    class Across(nn.Module):
        reads = ('z',)

        @nn.compact
        def __call__(self, features, label, *, z, train):
            return {'logit': nn.Dense(1)(features)[:, 0] + z.mean()}

    with pytest.raises(PartError, match=r'^config\.joint is True'):
        check({'game': bigan(small.LATENT, width=0.02)}, **PAIRS | {'logit': Across()})


def test_networks_as_functions_are_there_where_losses_are_tried():
    def g(out, state, key):
        code = out['networks']['coder'](out['fake']['image'])
        return {'fake': jnp.mean(out['fake']['logit']) + jnp.mean(code)}, state, {}

    coder = Network(Encoder(3, 0.02), 'g', ('image',))
    both = Term(d=hinge().d, g=Objective({'fake': View('fake')}, g), networks={'coder': coder})
    check({'both': both, 'steep': r1()})
