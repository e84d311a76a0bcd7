"""Networks that terms bring: who trains them, what they add to records, what is refused."""

import functools
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import networks
from gan_jax.critique import discriminate
from gan_jax.models.critic import Critic
from gan_jax.players import make_losses
from gan_jax.run.start_from import _is_wanted
from gan_jax.runtime import checkpoint
from gan_jax.runtime.errors import PartError
from gan_jax.runtime.leaves import by_name
from gan_jax.state import create
from gan_jax.step import make_train_step
from gan_jax.terms import Network, Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.contrastive import ProjectionHead
from gan_jax.terms.fields import check_fields
from gan_jax.views import View
from tests import small

SIZE = 3
PREDICTOR = 'd/mine/predictor'


class Predictor(nn.Module):
    """Vectors [N, 3] to vectors [N, 3]: one layer, and BatchNorm if asked."""

    norm: bool = False

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Dense(SIZE)(x)
        return nn.BatchNorm(not train, momentum=0.9)(x) if self.norm else jnp.tanh(x)


def predicted(out, name='real'):
    """The prediction of a projection by the network, as in BYOL."""
    return out['networks']['predictor'](out[name]['head']['projection'])


def byol_like(side='d', module=None, part=lambda out: jnp.mean(predicted(out) ** 2)):
    """A predictor on one side that both players' losses use: its prediction is to be small."""

    def d(out, state, key):
        return {'real': part(out)}, state, {}

    def g(out, state, key):
        return {'fake': jnp.mean(predicted(out, 'fake') ** 2)}, state, {}

    network = Network(module or Predictor(), side, ((SIZE,),))
    return Term(
        d=Objective({'real': View('real')}, d),
        g=Objective({'fake': View('fake')}, g),
        head=ProjectionHead(4, SIZE),
        networks={'predictor': network},
    )


def run(term, *, g=0.1, d=0.1, steps=1, batch=None, **options):
    """(state before, state after, metrics) of a smooth game with the term as 'mine'."""
    terms = {'base': hinge(), 'mine': term}
    gan = small.smooth_gan(terms, **options)
    state = small.first_state(gan, terms, dtype=np.float64)
    step, after = small.jit(make_train_step(gan, terms)), state
    for _ in range(steps):
        hyper = small.make_hyper({'base': 1, 'mine': 1}, g=g, d=d)
        after, metrics = step(after, batch or small.make_batch(), hyper)
    return state, after, metrics


# Who trains them ----------------------------------------------------------------------------------


@pytest.mark.parametrize('side', 'dg')
def test_a_network_moves_with_its_player_alone(side, x64):
    """Both losses use it; where its own player has a rate of 0 it stands still to the bit."""
    name = f'{side}/mine/predictor'
    for rates, moves in (({'g': 0, 'd': 0.1}, side == 'd'), ({'g': 0.1, 'd': 0}, side == 'g')):
        before, after, metrics = run(byol_like(side), **rates)
        assert {*after.nets} == {name}
        same = small.same(before.nets[name].params, after.nets[name].params)
        assert same == (not moves)
        assert (metrics[f'{name}/update_norm'] > 1e-3) == moves
        assert metrics[f'{name}/grad_norm'] > 1e-3


def test_it_moves_by_the_gradient_of_its_players_loss(x64):
    """Of D's: a layer and tanh of the projections, by hand."""
    seen = {}

    def kept(out):
        seen['projection'] = out['real']['head']['projection']
        return jnp.mean(predicted(out) ** 2)

    term = byol_like(part=kept)
    term = term._replace(
        d=term.d._replace(
            loss=lambda out, state, key: (
                {'real': kept(out)},
                {'x': seen['projection']},
                {},
            )
        ),
        init=lambda: {'x': np.zeros((small.BATCH, SIZE))},
    )
    before, after, metrics = run(term, g=0, d=0.25)
    x = np.asarray(after.terms['mine']['x'])
    layer = before.nets[PREDICTOR].params['Dense_0']
    y = np.tanh(x @ layer['kernel'] + layer['bias'])
    slope = 2 * y * (1 - y**2) / y.size
    moved = after.nets[PREDICTOR].params['Dense_0']
    expected = {'kernel': layer['kernel'] - 0.25 * x.T @ slope}
    expected['bias'] = layer['bias'] - 0.25 * slope.sum(0)
    assert small.distance(jax.device_get(moved), expected) < 1e-12
    norm = np.sqrt((slope.sum(0) ** 2).sum() + ((x.T @ slope) ** 2).sum())
    assert float(metrics[f'{PREDICTOR}/grad_norm']) == pytest.approx(norm, rel=1e-9)
    assert float(metrics[f'{PREDICTOR}/update_norm']) == pytest.approx(0.25 * norm, rel=1e-9)


def test_the_norms_of_a_player_are_of_the_player_alone(x64):
    term = byol_like()
    small_step = run(term, g=0, d=0.25)
    moves = jax.tree.map(lambda a, b: a - b, small_step[1].d.params, small_step[0].d.params)
    length = np.sqrt(sum(float(np.sum(x**2)) for x in jax.tree.leaves(moves)))
    assert float(small_step[2]['d/update_norm']) == pytest.approx(length, rel=1e-9)


@pytest.mark.slow
def test_it_has_a_state_of_its_players_optimiser(x64):
    """Adam's moments are of its own parameters; the other player's optimiser is another."""
    adam = {'d': optax.adam(1.0), 'g': optax.sgd(1.0)}
    _, after, _ = run(byol_like('d'), optimizers=adam, steps=2)
    moments = after.nets[PREDICTOR].opt[0]
    assert int(moments.count) == 2
    assert jax.tree.structure(moments.mu) == jax.tree.structure(after.nets[PREDICTOR].params)
    _, after, _ = run(byol_like('g'), optimizers=adam)
    assert not jax.tree.leaves(after.nets['g/mine/predictor'].opt)


@pytest.mark.slow
def test_updates_of_d_move_it_each_time(x64):
    once, twice = (run(byol_like(), batch=small.make_batch(d_steps=k))[1] for k in (1, 2))
    assert small.distance(once.nets[PREDICTOR].params, twice.nets[PREDICTOR].params) > 1e-4


@pytest.mark.slow
def test_parts_of_a_batch_give_the_gradient_of_the_whole(x64):
    """The loss is a mean over reals without draws."""
    whole, parts = (run(byol_like(), g=0, accumulate=n)[1].nets[PREDICTOR] for n in (1, 2))
    assert small.distance(whole.params, parts.params) < 1e-12


@pytest.mark.slow
def test_its_parameters_and_gradients_are_gathered(x64):
    """As in tests/test_step.py: halved where they are read, and the gradient after it."""

    def halved(tree):
        return jax.tree.map(lambda x: x / 2, tree)

    terms = {'base': hinge(), 'mine': byol_like()}
    gan = small.smooth_gan(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper({'base': 0, 'mine': 1}, g=0, d=1)

    def move(state, **options):
        step = small.jit(make_train_step(gan, terms, **options))
        after = step(state, small.make_batch(), hyper)[0]
        a, b = (s.nets[PREDICTOR].params for s in (state, after))
        return jax.tree.map(lambda x, y: x - np.asarray(y), a, b)

    half = {'g': state.g, 'd': state.d, **state.nets}
    half = {n: net.replace(params=halved(net.params)) for n, net in half.items()}
    players = {side: half.pop(side) for side in 'gd'}
    found = move(state, gather_params=halved)
    assert small.distance(found, halved(move(state.replace(**players, nets=half)))) < 1e-12
    assert small.distance(found, halved(move(state))) > 1e-4


def test_a_term_that_does_not_act_leaves_its_network_alone(x64):
    terms = {'base': hinge(), 'mine': byol_like()}
    gan = small.smooth_gan(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    step = make_train_step(gan, {'base': terms['base']})
    after, metrics = small.jit(step)(state, small.make_batch(), small.make_hyper({'base': 1}))
    assert small.same(after.nets, state.nets)
    assert not any('predictor' in name for name in metrics)


# Collections --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_collections_move_once_an_update_of_their_player(x64):
    """By the first call of the loss: BatchNorm's running mean of the predictor's layer."""

    def twice(out):
        return jnp.mean(predicted(out) ** 2) + jnp.mean(
            out['networks']['predictor'](10 * out['real']['head']['projection'])
        )

    def once(out):
        return jnp.mean(predicted(out) ** 2)

    ends = [
        run(byol_like(module=Predictor(norm=True), part=part), g=0.1, d=0)[:2]
        for part in (once, twice)
    ]
    (before, one), (_, two) = ends
    stats = [state.nets[PREDICTOR].stats for state in (before, one, two)]
    assert small.distance(stats[0], stats[1]) > 1e-3
    assert small.same(stats[1], stats[2])


def test_those_of_the_other_side_stand_still(x64):
    """G's loss calls D's predictor too; D's own is left out."""
    term = byol_like(module=Predictor(norm=True))._replace(d=None)
    before, after, _ = run(term)
    assert small.same(before.nets[PREDICTOR].stats, after.nets[PREDICTOR].stats)


def test_a_call_inside_a_transformation_moves_none(x64):
    """A gradient penalty on a network of its own."""

    def steep(out):
        def total(x):
            return jnp.sum(jnp.tanh(out['networks']['predictor'](x)))

        return jnp.mean(jax.grad(total)(out['real']['head']['projection']) ** 2)

    before, after, _ = run(byol_like(module=Predictor(norm=True), part=steep), g=0)
    assert small.same(before.nets[PREDICTOR].stats, after.nets[PREDICTOR].stats)
    assert not small.same(before.nets[PREDICTOR].params, after.nets[PREDICTOR].params)


# What they give -----------------------------------------------------------------------------------


class Warp(nn.Module):
    """A learned augmentation: a gain for each colour, and noise."""

    @nn.compact
    def __call__(self, image, *, train):
        gain = self.param('gain', nn.initializers.ones, (1, 1, 1, small.COLOURS))
        return image * gain + 0.1 * jax.random.normal(self.make_rng('noise'), image.shape)


def warped(key, sources, policy, strength):
    own = sources['own']
    return {**own, 'image': own['warped']}


def test_a_learned_augmentation_is_a_network_and_a_view(x64):
    """Trained on D's side; its images are a view, and the loss sees the entry in the source."""

    def d(out, state, key):
        kept = {name: out['real'][name] for name in ('image', 'warped')}
        kept['view'] = out['other']['image']
        return {'real': jnp.mean(out['other']['logit'] ** 2)}, kept, {}

    term = Term(
        d=Objective({'other': View('real', warped)}, d),
        networks={'warp': Network(Warp(), 'd', ('image',), gives={'real': 'warped'})},
        init=lambda: {
            n: np.zeros((small.BATCH, *small.SHAPE)) for n in ('image', 'warped', 'view')
        },
    )
    before, after, _ = run(term)
    kept = after.terms['mine']
    gain = before.nets['d/mine/warp'].params['gain']
    noise = np.asarray(kept['warped'] - kept['image'] * gain) / 0.1
    assert abs(noise.mean()) < 0.2 and abs(noise.std() - 1) < 0.2
    np.testing.assert_array_equal(kept['view'], kept['warped'])
    assert not small.same(before.nets, after.nets)


# D reads more than the image ----------------------------------------------------------------------


class Sum(nn.Module):
    """Features [N, 1]: the sum of the image and ten times that of z."""

    reads: ClassVar[tuple[str, ...]] = ('z',)

    @nn.compact
    def __call__(self, image, *, z, train):
        gain = self.param('gain', nn.initializers.ones, ())
        return gain * (image.sum((1, 2, 3)) + 10 * z.sum(1))[:, None]


class First(nn.Module):
    @nn.compact
    def __call__(self, features, label, *, train):
        return {'logit': features[:, 0]}


VIEWS = (View('real'), View('fake'))


def looked(records, **options):
    critic = Critic(Sum(), {}, First())
    variables = {'params': {'trunk': {'gain': jnp.float32(1)}}}
    return discriminate(critic, variables, records, **options)[0]


def records(rng, rows=3):
    return {
        view: {
            'image': rng.random((rows, *small.SHAPE)).astype(np.float32),
            'label': np.zeros(rows, np.int32),
            'z': rng.standard_normal((rows, 5)).astype(np.float32),
        }
        for view in VIEWS
    }


@pytest.mark.parametrize(
    'options', [{}, {'joint': False}, {'with_dx': {VIEWS[1]: {('', 'logit')}}}]
)
def test_every_image_meets_its_own_entry(options):
    made = records(np.random.default_rng(0))
    seen = looked(made, **options)
    for view, record in made.items():
        expected = record['image'].sum((1, 2, 3)) + 10 * record['z'].sum(1)
        np.testing.assert_allclose(seen[view]['logit'], expected, rtol=1e-5)
        np.testing.assert_array_equal(seen[view]['z'], record['z'])


def test_a_view_that_lacks_an_entry_is_named():
    made = records(np.random.default_rng(0))
    del made[VIEWS[0]]['z']
    with pytest.raises(ValueError, match="reads 'z' beside the image, which the view of 'real' la"):
        looked(made)


def test_entries_of_other_shapes_are_named():
    made = records(np.random.default_rng(0))
    made[VIEWS[0]]['z'] = made[VIEWS[0]]['z'][:, :4]
    with pytest.raises(PartError, match="^the discriminator reads 'z': views .* one shape"):
        looked(made)


def test_a_critic_takes_what_it_reads_and_nothing_else():
    critic, image, label = Critic(Sum(), {}, First()), jnp.zeros((2, 8, 8, 2)), jnp.zeros(2, int)
    for module, more, words in (
        (critic, {}, 'D reads beside the image: z; it is called on: none'),
        (Critic(small.Trunk()), {'z': jnp.zeros((2, 5))}, 'reads .*: none; it is called on: z'),
    ):
        with pytest.raises(ValueError, match=words):
            module.init(jax.random.key(0), image, label, train=True, **more)


def test_the_first_state_has_the_entries_that_networks_give():
    """Of any shape: D reads a code of seven numbers."""

    class Coded(nn.Module):
        reads: ClassVar[tuple[str, ...]] = ('code',)

        @nn.compact
        def __call__(self, image, *, code, train):
            return nn.Dense(2)(code)

    class Coder(nn.Module):
        @nn.compact
        def __call__(self, image, label, *, train):
            return nn.Dense(7)(image.reshape(len(image), -1))

    gives = {'real': 'code', 'fake': 'code'}
    coder = Network(Coder(), 'g', ('image', 'label'), gives=gives)
    terms = {'base': hinge(), 'mine': Term(networks={'coder': coder})}
    gan = small.make_gan(terms, critic=Critic(Coded()))
    state = small.first_state(gan, terms)
    assert state.d.params['trunk']['Dense_0']['kernel'].shape == (7, 2)
    hyper = small.make_hyper({'base': 1, 'mine': 1})
    after, _ = small.jit(make_train_step(gan, terms))(state, small.make_batch(), hyper)
    assert not small.same(after.nets, state.nets)


# The tree -----------------------------------------------------------------------------------------


def first(terms, **options):
    gan = small.smooth_gan(terms)
    return create(
        *(gan.generator, gan.critic, terms, gan.optimizers),
        seed=0,
        latent_dim=small.LATENT,
        shape=small.SHAPE,
        **options,
    )


@functools.cache
def shapes_of(with_term):
    terms = {'base': hinge()} | ({'mine': byol_like('g')} if with_term else {})
    return jax.eval_shape(lambda: first(terms))


def test_without_networks_the_state_has_the_leaves_of_before():
    assert not any(name.startswith('nets') for name in by_name(shapes_of(False)))
    more = {n for n in by_name(shapes_of(True)) if n.startswith('nets')}
    layer = 'nets/g/mine/predictor/params/Dense_0'
    assert more == {f'{layer}/kernel', f'{layer}/bias'}


def test_networks_start_from_keys_of_their_own():
    one = {'a': byol_like(), 'b': byol_like('g')}
    made = {
        path: variables['params']['Dense_0']['kernel']
        for path, variables in networks.first_variables(
            one, jax.random.key(0), networks.example(small.SHAPE, small.LATENT)
        )[0].items()
    }
    assert {*made} == {'d/a/predictor', 'g/b/predictor'}
    assert small.distance(*made.values()) > 0.1


@pytest.mark.slow
def test_a_checkpoint_holds_them_and_a_resumed_run_is_the_same(x64, tmp_path):
    """Two steps, and one, a checkpoint and one: to the bit."""
    terms = {'base': hinge(), 'mine': byol_like(module=Predictor(norm=True))}
    gan = small.smooth_gan(terms, optimizers={side: optax.adam(1.0) for side in 'gd'})
    step = small.jit(make_train_step(gan, terms))
    hyper = small.make_hyper({'base': 1, 'mine': 1})
    batch = small.make_batch()
    middle = step(small.first_state(gan, terms, dtype=np.float64), batch, hyper)[0]
    with checkpoint.manager(tmp_path / 'checkpoints') as manager:
        checkpoint.save(manager, middle, {})
    restored = checkpoint.restore(tmp_path / 'checkpoints', middle).state
    assert small.same(step(restored, batch, hyper)[0], step(middle, batch, hyper)[0])
    assert not small.same(step(middle, batch, hyper)[0].nets, middle.nets)


@pytest.mark.parametrize(
    ('name', 'nets', 'taken'),
    [
        ('nets/g/mine/encoder/params/Dense_0/kernel', 'g', True),
        ('nets/g/mine/encoder/stats/batch_stats/mean', 'g', True),
        ('nets/g/mine/encoder/opt/0/mu/Dense_0/kernel', 'g', False),
        ('nets/g/mine/encoder/params/Dense_0/kernel', 'd,ema', False),
        ('nets/d/mine/predictor/params/Dense_0/kernel', 'd', True),
        ('g/params/Dense_0/kernel', 'g', True),
        ('g/opt/0/mu/Dense_0/kernel', 'g', False),
    ],
)
def test_a_run_begins_with_the_networks_beside_the_players_it_takes(name, nets, taken):
    assert _is_wanted(name, {'nets': nets, 'match': ''}) == taken


# What is refused ----------------------------------------------------------------------------------


def bringing(**fields):
    network = Network(Predictor(), 'd', ((SIZE,),))._replace(**fields)
    return Term(d=hinge().d, networks={'mine': network})


@pytest.mark.parametrize(
    ('gives', 'words'),
    [
        ({'reel': 'code'}, "gives 'reel' an entry, and the sources of images are real, fake"),
        ({'real': 'image'}, "gives 'real' the entry 'image', which is there already"),
        ({'fake': 'z'}, "gives 'fake' the entry 'z', which is there already"),
        ({'real': 'logit'}, "gives 'real' the entry 'logit', which is there already"),
    ],
)
def test_an_entry_that_cannot_be_given_is_named(gives, words):
    terms = {'term': bringing(inputs=('image',), gives=gives)}
    with pytest.raises(ValueError, match=f'a network of terms.term {words}'):
        make_losses(small.make_gan(terms), terms)


def test_two_networks_give_one_entry_once():
    terms = {name: bringing(gives={'real': 'code'}) for name in 'ab'}
    with pytest.raises(ValueError, match="a network of terms.b gives 'real' the entry 'code'"):
        make_losses(small.make_gan(terms), terms)


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'module': len}, r"networks\['mine'\].module of the term is .*: give a Flax module"),
        ({'side': 'both'}, r"networks\['mine'\].side of the term is 'both': give 'd' or 'g'"),
        ({'inputs': ('image', 3)}, r'inputs of the term is .*: give a tuple of names and shapes'),
        ({'inputs': 'image'}, r'inputs of the term is .*: give a tuple of names and shapes'),
        ({'gives': ('real', 'z')}, r'gives of the term is .*: give a dict {source: name of an e'),
    ],
)
def test_a_field_of_another_type_is_named(fields, words):
    with pytest.raises(TypeError, match=words):
        check_fields(bringing(**fields))


def test_networks_and_reads_of_another_type_are_named():
    for fields, words in (
        ({'networks': [1]}, 'the field networks of the term is .*: give a dict {name: Network}'),
        ({'networks': {'x': 1}}, r"networks\['x'\] of the term is 1: give a Network"),
        ({'reads': 'z'}, "the field reads of the term is 'z': give a tuple of names"),
    ):
        with pytest.raises(TypeError, match=words):
            check_fields(Term(d=hinge().d, **fields))


class Failing(nn.Module):
    """Fails, or returns something else than its rows."""

    how: str

    @nn.compact
    def __call__(self, image, *, train):
        if self.how == 'raises':
            raise KeyError('layer')
        gain = self.param('gain', nn.initializers.ones, ())
        return {'few': gain * image[:1], 'none': None, 'tree': {'x': gain * image}}[self.how]


@pytest.mark.parametrize(
    ('how', 'words'),
    [
        ('raises', "config.terms.mine: KeyError: 'layer'"),
        ('few', "config.terms.mine: what its network 'x' returns is an array .1, .* .2, "),
        ('none', "config.terms.mine: what its network 'x' returns is a NoneType where an array "),
        ('tree', "config.terms.mine: what its network 'x' returns is a dict where an array "),
    ],
)
def test_a_network_that_fails_or_gives_something_else_is_named(how, words):
    network = Network(Failing(how), 'd', ('image',), gives={'real': 'code'})
    terms = {'base': hinge(), 'mine': Term(networks={'x': network})}
    gan = small.smooth_gan(terms)
    with pytest.raises(PartError, match=f'^{words}'):
        state = small.first_state(gan, terms)
        hyper = small.make_hyper({'base': 1, 'mine': 1})
        jax.eval_shape(make_train_step(gan, terms), state, small.make_batch(), hyper)


def test_an_input_that_no_record_has_is_named():
    terms = {'mine': bringing(inputs=('w',))}
    with pytest.raises(PartError, match="terms.mine: its network reads 'w' of its example, which"):
        jax.eval_shape(lambda: first(terms))
    network = Network(Predictor(), 'd', ('z',), gives={'real': 'code'})
    terms = {'base': hinge(), 'mine': Term(networks={'x': network})}
    gan = small.smooth_gan(terms)
    with pytest.raises(PartError, match="terms.mine: its network reads 'z' of 'real', which has"):
        hyper = small.make_hyper({'base': 1, 'mine': 1})
        state = small.first_state(gan, terms)
        jax.eval_shape(make_train_step(gan, terms), state, small.make_batch(), hyper)


def test_an_entry_that_nothing_gives_is_named():
    class Reader(nn.Module):
        reads: ClassVar[tuple[str, ...]] = ('w',)

        def __call__(self, image, *, w, train):
            return w

    terms = {'base': hinge()}
    gan = small.make_gan(terms, critic=Critic(Reader()))
    with pytest.raises(ValueError, match="discriminator reads 'w' .*, which every record lacks"):
        small.first_state(gan, terms)


def test_random_streams_have_a_key_for_each_network():
    """Two networks with noise draw apart, and each update anew."""

    class Noise(nn.Module):
        @nn.compact
        def __call__(self, image, *, train):
            self.param('x', nn.initializers.ones, ())
            return jax.random.normal(self.make_rng('noise'), (len(image), 2))

    def loss(side, out, state, key):
        drawn = {n: out['real'][n] for n in ('one', 'two')}
        return {'none': jnp.float32(0)}, {**state, side: drawn}, {}

    blank = {n: np.zeros((small.BATCH, 2)) for n in ('one', 'two')}
    term = Term(
        d=Objective({}, functools.partial(loss, 'd')),
        g=Objective({}, functools.partial(loss, 'g')),
        networks={
            name: Network(Noise(), 'd', ('image',), gives={'real': name}) for name in ('one', 'two')
        },
        init=lambda: {'d': blank, 'g': blank},
    )
    with small.float64():
        _, after, _ = run(term)
    draws = [after.terms['mine'][side][name] for side in 'dg' for name in ('one', 'two')]
    assert len({float(x[0, 0]) for x in draws}) == 4


def test_parameters_of_a_network_are_frozen_by_their_names_in_the_state(x64):
    before, after, _ = run(byol_like(), freeze='nets/d/mine/predictor/params/.*kernel')
    old, new = (state.nets[PREDICTOR].params['Dense_0'] for state in (before, after))
    assert small.same(old['kernel'], new['kernel'])
    assert not small.same(old['bias'], new['bias'])
