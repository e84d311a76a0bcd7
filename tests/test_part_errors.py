"""A part that raises, or gives something else, when it is built or traced: its key is named."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gan_jax import data
from gan_jax.experiment import config, setup
from gan_jax.runtime.errors import PartError, UserError, blamed, of_part

TINY = Path(__file__).parent / 'sweeps' / 'tiny.py'
FORK = """
import flax.linen as nn
import jax.numpy as jnp
import optax
from gan_jax.terms import Objective, Term
from gan_jax.views import View

VIEWS = {'fake': View('fake')}

def _term(loss, **more):
    return Term(d=Objective(VIEWS, loss), g=Objective(VIEWS, loss), **more)

def _sound(out, state, key):
    return {'fake': jnp.mean(out['fake']['logit'])}, state, {}

def two():
    return _term(lambda out, state, key: (1, 2))

def vector():
    return _term(lambda out, state, key: ({'fake': out['fake']['logit']}, state, {}))

def no_parts():
    return _term(lambda out, state, key: ([], state, {}))

def key_error():
    return _term(lambda out, state, key: out['nothing'])

def only_d():
    return Term(d=Objective(VIEWS, _sound))

def nothing():
    return None

def broken():
    raise RuntimeError('no disk')

def first_state():
    return _term(_sound, init=lambda: 1 / 0)

def latents():
    return _term(_sound, latents={'near': lambda key, z: z[0, 0, 0]})

def no_objective():
    return Term(d=_sound)

def names():
    return Term(d=Objective(['fake'], _sound))

def text():
    return Term(d=Objective({'fake': 'fake'}, _sound))

def no_maker():
    return Term(d=Objective({'fake': View('fake', make='plain')}, _sound))

def pairs():
    return Term(d=Objective({'fake': View('fake', options={'turns': 1})}, _sound))

def letters():
    return Term(d=Objective(VIEWS, _sound, 'fake'))

def whose():
    return Term(d=Objective(VIEWS, _sound, ('fake',), None))

def no_loss():
    return Term(d=Objective(VIEWS, None))

def a_head():
    return _term(_sound, head=len)

def no_latents():
    return _term(_sound, latents='near')

def a_latent():
    return _term(_sound, latents={'near': 1})

def a_state():
    return _term(_sound, init={})

class Head(nn.Module):
    def __call__(self, features, label, *, train):
        raise KeyError('head')

def head():
    return _term(_sound, head=Head())

class Net(nn.Module):
    shape: tuple = ()
    dtype: str = ''

    def __call__(self, *inputs, train):
        raise RuntimeError('no network')

class Fixed(nn.Module):
    like: str = ''
    shape: tuple = ()
    dtype: str = ''

    @nn.compact
    def __call__(self, x, label=None, *, train=True):
        n, gain = x.shape[0], self.param('gain', nn.initializers.ones, ())
        flat = gain * x.reshape(n, -1)
        return {
            'dict': {'features': flat},
            'list': [flat],
            'none': None,
            'map': flat.reshape(n, 4, -1),
            'one': flat[:1],
            'logits': {'logit': flat[:, :1]},
            'no_logit': {'score': flat[:, 0]},
            'tree': {'logit': flat[:, 0], 'more': {'deep': flat}},
            'image': jnp.ones((n, 8, 8, 1)) * gain,
        }[self.like]

class Untold(nn.Module):
    def __call__(self, features, label):
        return {}

def untold_head():
    return _term(_sound, head=Untold())

def head_of_list():
    return _term(_sound, head=Fixed(like='list'))

def head_of_trees():
    return _term(_sound, head=Fixed(like='tree'))

def latent_shape():
    return _term(_sound, latents={'near': lambda key, z: z[:1]})

class Normed(nn.Module):
    dtype: str = ''

    @nn.compact
    def __call__(self, image, *, train):
        return nn.BatchNorm(not train)(nn.Dense(3)(image.reshape(image.shape[0], -1)))

def optimiser(learning_rate):
    def update(grads, state, params=None):
        raise KeyError('moment')
    return optax.GradientTransformation(lambda params: (), update)

def op(key, images, strength):
    return images['none']
"""


@pytest.fixture
def fork(tmp_path, monkeypatch):
    (tmp_path / 'raising_fork.py').write_text(FORK)
    monkeypatch.syspath_prepend(tmp_path)


def fault(**changes):
    """The sentence of `setup.build_trainer` on the tiny config with other values, by dotted key."""
    settings = json.loads(config.load_config(f'{TINY}:method=bcr,augment=translation').to_json())
    for key, value in changes.items():
        *parents, last = key.split('__')
        block = settings
        for parent in parents:
            block = block[parent]
        block[last] = value
    assert config.faults(settings) == []
    with pytest.raises(UserError) as caught:
        setup.build_trainer(settings, data.load('digits', size=16))
    assert caught.value.status == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('two', 'its loss returns (1, 2) where three things are wanted'),
        ('vector', "its loss returns 'fake' of the shape ["),
        ('no_parts', 'its loss returns parts or metrics that are no dict'),
        ('key_error', "KeyError: 'nothing'"),
        ('nothing', 'raising_fork.nothing makes a NoneType, and not a term'),
        ('broken', 'RuntimeError: no disk'),
        ('first_state', 'ZeroDivisionError: '),
        ('head', "KeyError: 'head'"),
        ('untold_head', 'the head Untold of the term is not told whether it trains: give its __ca'),
    ],
)
def test_a_term_that_fails_is_named(fork, name, said):
    found = fault(terms__mine={'fn': f'raising_fork.{name}', 'weight': 1.0})
    assert found.startswith(f'config.terms.mine: {said}')


@pytest.mark.parametrize(
    ('name', 'field', 'wanted'),
    [
        ('no_objective', 'd', 'an Objective or None'),
        ('names', 'd.views', 'a dict {name: View}'),
        ('text', "d.views['fake']", 'a View'),
        ('no_maker', "d.views['fake'].make", 'a function'),
        ('pairs', "d.views['fake'].options", 'a tuple of pairs (name, value)'),
        ('letters', 'd.input_grads', "a tuple of names, such as ('real',)"),
        ('whose', 'd.grad_of', "a text, such as 'contrad'"),
        ('no_loss', 'd.loss', 'a function'),
        ('a_head', 'head', 'a Flax module or None'),
        ('no_latents', 'latents', 'a dict {name: function}'),
        ('a_latent', "latents['near']", 'a function'),
        ('a_state', 'init', 'a function'),
    ],
)
def test_a_field_of_a_term_that_has_another_type_is_named(fork, name, field, wanted):
    found = fault(terms__mine={'fn': f'raising_fork.{name}', 'weight': 1.0})
    assert found.startswith(f'config.terms.mine: the field {field} of the term is ')
    assert found.endswith(f': give {wanted}')


@pytest.mark.parametrize('place', ['generator', 'discriminator', 'logit'])
def test_a_network_that_fails_is_named(fork, place):
    found = fault(**{place: {'fn': 'raising_fork.Net'}})
    assert found.startswith(f'config.{place}: ') and 'no network' in found


@pytest.mark.parametrize(
    ('place', 'like', 'said'),
    [
        ('discriminator', 'no_logit', "its 'features' is a NoneType where an array [2, F]"),
        ('discriminator', 'list', 'what it returns is a list where an array [2, F] is wanted'),
        ('discriminator', 'none', 'what it returns is a NoneType where an array [2, F] is wanted'),
        ('discriminator', 'map', 'is an array [2, 4, 64] where an array [2, F] is wanted'),
        ('discriminator', 'one', 'is an array [1, 256] where an array [2, F] is wanted'),
        ('logit', 'map', 'where a dict of arrays [2, ...] is wanted'),
        ('logit', 'logits', "its 'logit' is an array [2, 1] where an array [2] is wanted"),
        ('logit', 'no_logit', "its 'logit' is a NoneType where an array [2] is wanted"),
        ('logit', 'tree', "what it returns['more'] is a dict where an array [2, ...] is wanted"),
        ('generator', 'dict', 'is a NoneType where an array [8, 16, 16, 1] is wanted'),
        ('generator', 'image', 'is an array [8, 8, 8, 1] where an array [8, 16, 16, 1] is wanted'),
    ],
)
def test_a_network_that_returns_something_else_is_named(fork, place, like, said):
    """None of it is lost in silence."""
    found = fault(**{place: {'fn': 'raising_fork.Fixed', 'like': like}})
    assert found.startswith(f'config.{place}: ') and said in found


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('head_of_list', "its head's output is a list where a dict of arrays [2, ...] is wanted"),
        ('head_of_trees', "its head's output['more'] is a dict where an array [2, ...] is wanted"),
    ],
)
def test_a_head_that_returns_something_else_is_named(fork, name, said):
    found = fault(terms__mine={'fn': f'raising_fork.{name}', 'weight': 1.0})
    assert found == f'config.terms.mine: {said}'


def test_latents_of_another_shape_are_named(fork):
    found = fault(terms__mine={'fn': 'raising_fork.latent_shape', 'weight': 1.0})
    assert found.startswith("the latents 'near' of a term: what they return is an array [1, ")


def test_a_layer_that_looks_across_the_batch_is_refused_where_passes_are_joint(fork):
    found = fault(discriminator={'fn': 'raising_fork.Normed'})
    assert found.startswith('config.joint is True, and the discriminator looks across the batch')
    settings = json.loads(config.load_config(f'{TINY}:method=bcr,augment=translation').to_json())
    settings |= {'discriminator': {'fn': 'raising_fork.Normed'}, 'joint': False}
    setup.build_trainer(settings, data.load('digits', size=16))


def test_a_penalty_of_a_logit_that_nobody_plays_with_is_refused():
    gan = {'fn': 'gan_jax.terms.contrastive.contrad', 'weight': 1.0}
    steep = {'fn': 'gan_jax.terms.penalty.r1', 'weight': 1.0}
    found = fault(terms={'adversarial': gan, 'steep': steep})
    assert found.startswith('config.terms.steep bounds the gradient of a logit that trains nothing')


def test_an_optimiser_that_fails_is_named(fork):
    block = {'fn': 'raising_fork.optimiser', 'learning_rate': 0.1}
    assert fault(optim__d=block).startswith("config.optim.d: KeyError: 'moment'")


def test_latents_and_an_augmentation_that_fail_are_named(fork):
    mine = {'fn': 'raising_fork.latents', 'weight': 1.0}
    assert fault(terms__mine=mine).startswith("the latents 'near' of a term: ")
    assert "the augmentation 'raising_fork.op': " in fault(augment__view='raising_fork.op')


def test_a_player_that_no_term_trains_is_refused(fork):
    terms = {'mine': {'fn': 'raising_fork.only_d', 'weight': 1.0}}
    assert 'no term of config.terms trains the generator: add one' in fault(terms=terms)


def test_codes_of_another_size_than_latents_are_named():
    pairs = {'fn': 'gan_jax.terms.bigan.bigan', 'weight': 1.0, 'size': 5, 'width': 0.05}
    logit = {'fn': 'gan_jax.models.bigan.PairLogit', 'units': 4}
    found = fault(terms={'pairs': pairs}, logit=logit)
    assert found.startswith("the discriminator reads 'z': views of one step must have one shape")
    found = fault(terms={'pairs': {**pairs, 'size': 4, 'every': 2}}, logit=logit)
    assert 'gives it every 2 steps: take out config.terms.pairs.every' in found
    found = fault(terms={'pairs': {**pairs, 'size': 4}})
    assert found.startswith("config.terms.pairs is for a discriminator that reads 'z'")
    hinge = {'fn': 'gan_jax.terms.adversarial.hinge', 'weight': 1.0}
    found = fault(terms={'adversarial': hinge}, logit=logit)
    assert "reads 'z' beside the image, which the view of 'real' lacks" in found


def test_the_innermost_part_is_named():
    with pytest.raises(PartError, match=r'^inner: x \(in '), of_part('outer'), of_part('inner'):
        raise ValueError('x')


def test_the_line_of_one_s_own_code_is_named_and_the_way_to_its_traceback(fork, tmp_path):
    """The innermost line, also of a network whose fault shows in the library that it calls."""
    lines = FORK.splitlines()
    line = lines.index("        raise RuntimeError('no network')") + 1
    place = f'(in {tmp_path}/raising_fork.py, line {line}; --debug shows the traceback)'
    assert fault(generator={'fn': 'raising_fork.Net'}).endswith(place)
    line = lines.index("    return _term(lambda out, state, key: out['nothing'])") + 1
    found = fault(terms__mine={'fn': 'raising_fork.key_error', 'weight': 1.0})
    assert f'raising_fork.py, line {line}; --debug' in found


@pytest.mark.parametrize('call', [lambda: json.loads('{'), lambda: jnp.ones(3) + jnp.ones(4)])
def test_code_of_this_package_and_of_libraries_is_nobody_s_own(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        jax.vmap(lambda x: call())(jnp.ones(2))
    found = blamed(caught.value)
    assert f'{Path(__file__).name}, line ' in found and 'site-packages' not in found
    assert blamed(ValueError('raised nowhere')) == ''
