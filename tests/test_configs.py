"""Every shipped config, with every method: locked, without faults, and its shapes fit together."""

import ast
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gan_jax import config, data, experiment, sharding
from gan_jax.errors import UserError
from gan_jax.methods import METHODS, arguments, method
from gan_jax.program import make_program

ROOT = Path(__file__).parent.parent
FILES = sorted(p for p in (ROOT / 'configs').glob('*.py') if not p.name.startswith('_'))
every_file = pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)


def test_the_search_finds_the_configs():
    assert {file.stem for file in FILES} >= {'digits', 'stacked_digits'}


@functools.cache
def dataset(name, size):
    return data.load(name, size=size)


def program_of(settings):
    """What the check before a run builds: shapes of the first state and of a step, no numbers."""
    images = dataset(settings['data']['name'], settings['data']['size'])
    shape = images.images.shape[1:]
    parts = experiment.build(settings, shape=shape, num_classes=images.num_classes)
    size = settings['batch_size']
    mesh = sharding.make_mesh(settings['mesh']['data'], size)
    return parts, make_program(parts, images, mesh, batch_size=size, d_steps=settings['d_steps'])


@every_file
def test_locks(file):
    c = config.read(str(file))
    for block in (c, c.terms, c.generator, c.optim.d, c.augment):
        assert block.is_locked
        with pytest.raises(AttributeError, match='nonsense'):
            block.nonsense = 1


@every_file
@pytest.mark.parametrize('name', METHODS)
def test_shapes_of_first_state_and_step(file, name):
    settings = config.read(f'{file}:method={name}').to_dict()
    parts, program = program_of(settings)
    assert parts.terms.keys() == {'adversarial', *METHODS[name][1]}
    # Everything is 32 bits, and what a step measures is in the state.
    for leaf in jax.tree.leaves(program.shapes):
        assert leaf.dtype in (jnp.float32, jnp.int32)
    measured = {name.split('/')[1] for name in program.shapes.metrics}
    assert measured == parts.terms.keys()


@every_file
def test_docstring_says_how_to_run_it(file):
    text = ast.get_docstring(ast.parse(file.read_text()))
    assert f'python -m gan_jax.train --config=configs/{file.name} --workdir=' in text
    assert 'Methods' in text


@every_file
def test_unknown_method(file):
    with pytest.raises(UserError, match="there is no method 'bcrr'; known: none, real_only"):
        config.read(f'{file}:method=bcrr')


@every_file
def test_arguments_reach_the_config(file):
    c = config.read(f'{file}:method=bcr,augment=cutout|flip,strength=0.5')
    assert (c.augment.view, c.augment.strength) == ('cutout|flip', 0.5)
    with pytest.raises(UserError, match="does not take 'nonsense=1'; it takes method=bcr_cntr"):
        config.read(f'{file}:nonsense=1')


# Methods ------------------------------------------------------------------------------------------


def test_methods_are_the_papers():
    """Zhao et al. 2020: where the augmentation goes, and λ = 10, or 5 beside Cntr's 0.1."""
    found = {}
    for name in METHODS:
        blocks = method(name, 'cutout', 0.3)
        uses = [use for use in ('real', 'critic', 'view') if blocks['augment'][use] == 'cutout']
        weights = {term: block['weight'] for term, block in blocks['terms'].items()}
        assert weights.pop('adversarial') == 1.0
        assert blocks['augment']['strength'] == 0.3
        found[name] = (uses, weights)
    assert found == {
        'none': ([], {}),
        'real_only': (['real'], {}),
        'real_fake': (['critic'], {}),
        'bcr': (['view'], {'consistency': 10.0}),
        'cntr': (['view'], {'contrastive': 0.1}),
        'bcr_cntr': (['view'], {'consistency': 5.0, 'contrastive': 0.1}),
    }


def test_arguments_take_the_type_of_their_default():
    assert arguments('n=3,x=2', n=1, x=1.0, name='a') == {'n': 3, 'x': 2.0, 'name': 'a'}
    assert isinstance(arguments('x=2', x=1.0)['x'], float)
    for text in ('n=one', 'm=1', 'n'):
        with pytest.raises(ValueError):
            arguments(text, n=1)


# A weight of 0 ------------------------------------------------------------------------------------


def test_terms_of_weight_zero_are_not_in_the_program():
    """The compiled step is, letter for letter, that of a config without them."""
    path = f'{ROOT}/configs/digits.py'
    off = [f'--config.terms.{term}.weight=0' for term in ('consistency', 'contrastive')]
    zero, absent = config.read(path, off).to_dict(), config.read(path).to_dict()
    absent['terms'] = {'adversarial': absent['terms']['adversarial']}
    texts = [program_of(settings)[1].lower().as_text() for settings in (zero, absent)]
    assert texts[0] == texts[1]
