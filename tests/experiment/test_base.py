"""The defaults of a run: complete, documented, and no cover for a misspelt key."""

import pytest

from gan_jax.experiment import blocks, config
from gan_jax.experiment.base import base
from gan_jax.runtime.errors import UserError

BASED = """from gan_jax.experiment.base import base
def get_config():
    c = base()
    {}
    return c
"""
BY_HAND = """from ml_collections import ConfigDict
def get_config():
    return ConfigDict({!r})
"""


def written(folder, text):
    path = folder / 'mine.py'
    path.write_text(text)
    return str(path)


def test_it_is_a_config_without_faults_and_without_further_keys():
    settings = base().to_dict()
    assert config.faults(settings) == []
    functions = {name.split('.')[0] for name, *_ in blocks.blocks(settings)}
    own = [
        key
        for key in config.flat(settings)
        if key in config.VALUES or key.split('.')[0] not in functions
    ]
    assert sorted(own) == sorted([*config.VALUES, 'averages', 'writers'])


def test_it_is_new_at_each_call():
    base().optim.g.b1 = 0.0
    base().terms.adversarial.weight = 2.0
    assert base().optim.g.b1 == base().optim.d.b1 == 0.5
    assert base().terms.adversarial.weight == 1.0
    c = base()
    c.optim.g.b1 = 0.0
    assert c.optim.d.b1 == 0.5


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('c.stpes = 5', "config has no use for 'stpes'; did you mean 'steps'?"),
        ('c.lerning_rate = 1e-3', "config has no use for 'lerning_rate'"),
        ('c.every.smaple = 5', "config has no use for 'every.smaple'; did you mean 'every.sample'"),
        ('c.evaluate.update(nmu=5)', "config has no use for 'evaluate.nmu'"),
        ('c.data = dict(nmae="digits")', "config has no use for 'data.nmae'"),
        ('c.generator.widht = 0.5', "Generator takes no 'widht'; did you mean 'width'?"),
        ('c.optim.g.lerning_rate = 1e-3', "takes no 'lerning_rate'; did you mean 'learning_rate'?"),
        (
            'c.evalute.num = 5',
            'line 4: AttributeError: \'evalute\': Did you mean "evaluate" instead of "evalute"?',
        ),
        ('c.steps = "many"', "config.steps is 'many': give an integer from 1"),
    ],
)
def test_a_misspelt_key_is_refused_with_a_sentence(line, said, tmp_path):
    with pytest.raises(UserError) as caught:
        config.load_config(written(tmp_path, BASED.format(line)))
    assert caught.value.status == 2
    assert said in str(caught.value)


def test_a_misspelt_block_is_named_once(tmp_path):
    text = BASED.format('c.genrator = dict(fn="x", width=1.0)')
    with pytest.raises(UserError) as caught:
        config.load_config(written(tmp_path, text))
    assert str(caught.value) == "config has no use for 'genrator'; did you mean 'generator'?"


def test_a_function_and_a_term_can_be_added(tmp_path):
    lines = (
        'c.generator = dict(fn="gan_jax.models.resnet.Generator")\n'
        '    c.terms.penalty = dict(fn="gan_jax.terms.penalty.r1", weight=0.01)'
    )
    c = config.load_config(written(tmp_path, BASED.format(lines)))
    assert 'width' not in c.generator
    assert [*c.terms] == ['adversarial', 'penalty']


def test_a_config_may_give_every_key_by_hand(tmp_path):
    by_hand = config.load_config(written(tmp_path, BY_HAND.format(base().to_dict())))
    based = config.load_config(written(tmp_path, BASED.format('pass')))
    assert by_hand.to_dict() == based.to_dict()
