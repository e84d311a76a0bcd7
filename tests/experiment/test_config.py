"""Wrong configs are refused with sentences, all of them at once; right ones pass."""

import math
import re
from pathlib import Path

import pytest

from gan_jax.experiment import config, named_code
from gan_jax.runtime import ranges
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import Integer, Number

ROOT = Path(__file__).parents[2]
DIGITS = str(ROOT / 'configs' / 'digits.py')


SHIPPED = f'import runpy\nc = runpy.run_path({DIGITS!r})["get_config"]()\n'


def sentences(*overrides, path=DIGITS):
    with pytest.raises(UserError) as caught:
        config.load_config(path, [f'--config.{override}' for override in overrides])
    assert caught.value.status == 2
    return str(caught.value).splitlines()


def test_overrides_are_applied():
    c = config.load_config(DIGITS, ['--config.seed=7', '--config.terms.consistency.weight=2.5'])
    assert (c.seed, c.terms.consistency.weight) == (7, 2.5)


def test_arguments_of_the_file_choose_the_method():
    c = config.load_config(f'{DIGITS}:method=bcr,augment=cutout,strength=0.5')
    assert set(c.terms) == {'adversarial', 'consistency'}
    assert (c.augment.view, c.augment.strength) == ('cutout', 0.5)
    assert c.terms.consistency.weight == 10.0


def test_every_fault_is_named_in_one_go():
    found = sentences(
        'sed=1', 'batch_size=64.5', 'steps=0', 'ema.halflife_images=nan', 'joint=flase'
    )
    assert len(found) == 5
    for line, key in zip(
        found, ['sed', 'steps', 'batch_size', 'joint', 'ema.halflife_images'], strict=True
    ):
        assert key in line


@pytest.mark.parametrize(
    ('override', 'sentence'),
    [
        ('terms.consistency.wieght=1', "balanced takes no 'wieght'; did you mean 'weight'"),
        ('generator.widht=1', "Generator takes no 'widht'; did you mean 'width'"),
        ('genrator.width=1', "config has no 'genrator.width'; did you mean 'generator.width'"),
        ('nonsense_altogether=1', "config has no 'nonsense_altogether'"),
        ('seed=-1', 'config.seed is -1: give an integer from 0'),
        ('seed=2147483648', 'config.seed is 2147483648'),
        ('batch_size=1', 'config.batch_size is 1: give an integer from 2 to 2147483647'),
        ('d_steps=0', 'config.d_steps is 0: give an integer from 1 to 64'),
        ('accumulate=0', 'config.accumulate is 0: give an integer from 1 to 64'),
        ('accumulate=3', 'config.accumulate is 3, and config.batch_size 64 does not divide'),
        ('data.size=0', 'config.data.size is 0'),
        ('latent.dim=0', 'config.latent.dim is 0'),
        ('augment.strength=-0.1', 'config.augment.strength is -0.1'),
        ('augment.strength=inf', 'config.augment.strength is inf'),
        ('ema.halflife_images=0', 'config.ema.halflife_images is 0'),
        ('every.log=0', 'config.every.log is 0'),
        ('evaluate.num=1', 'config.evaluate.num is 1'),
        ('mesh.data=0', 'config.mesh.data is 0: give -1 or an integer from 1 to 2147483647'),
        ('dtype=float16', "config.dtype is 'float16': give 'float32' or 'bfloat16'"),
        ('optim.g.b1=nan', 'config.optim.g.b1 is nan: give a number from 0 to below 1'),
        ('optim.d.learning_rate=-1', 'config.optim.d.learning_rate is -1'),
        ('optim.d.learning_rate=inf', 'config.optim.d.learning_rate is inf'),
        ('terms.contrastive.weight=nan', 'config.terms.contrastive.weight is nan'),
        ('augment.view=tranlation', "did you mean 'translation'"),
        ('augment.view=translation(7)', 'translation'),
        ('augment.strength=3', 'translation'),
        ('terms.adversarial.fn=gan_jax.terms.adversarial.hing', "did you mean 'hinge'"),
        ('terms.adversarial.fn=gan_jax.terms.advers.hinge', "cannot import 'gan_jax.terms.advers'"),
        ('terms.adversarial.fn=hinge', "'hinge' is not an importable path"),
        ('generator.fn=gan_jax.models.sndcgan.Trunk', "Trunk takes no 'shape'"),
    ],
)
def test_one_fault_gets_one_sentence_that_names_it(override, sentence):
    found = sentences(override)
    assert len(found) == 1
    assert sentence in found[0]


NUMBERS = {
    key
    for key, expected in config.VALUES.items()
    if any(isinstance(one, Integer | Number) for one in ranges.of(expected))
}
EVERY = ('log', 'sample', 'evaluate', 'full', 'checkpoint', 'snapshot', 'report')
# One value above each bound: what it bounds would keep the program from answering, or overflow.
ABOVE = {
    'seed': 2**31,
    'steps': 2**31,
    'batch_size': 2**31,
    'd_steps': 65,
    'accumulate': 65,
    'steps_per_dispatch': 1001,
    'data.size': 1025,
    'data.fraction': 1.1,
    'data.subset_seed': 2**31,
    'latent.dim': 2**24 + 1,
    'augment.strength': 1e39,
    'augment.probability': 1.01,
    'ema.halflife_images': 1e31,
    'ema.ramp': 1e31,
    'evaluate.num': 1_000_001,
    'evaluate.batch_norm': 'standing(10000)',
    **{f'every.{name}': 2**31 for name in EVERY},
    'mesh.model': 2**31,
    'optim.g.learning_rate': 1e39,
    'terms.contrastive.weight': 1e39,
    'optim.g.b1': 1e39,
    'generator.width': 1e39,
}


@pytest.mark.parametrize(('key', 'value'), ABOVE.items(), ids=ABOVE)
def test_a_number_above_its_bound_is_refused_with_the_bound(key, value):
    found = sentences(f'{key}={value}')
    assert found[0].startswith(f'config.{key} is {value!r}: give '), found
    assert re.search(r'from .+ to \S|, up to 1|at most', found[0]), found


def test_every_number_of_a_config_has_a_bound():
    unbounded = {'mesh.data'}  # has the devices
    assert NUMBERS - unbounded <= {*ABOVE}
    assert config.faults(shipped(steps=10**400, optim__g__learning_rate=10**400))


def test_integers_and_rows_of_numbers_in_a_block_fit_the_program():
    tree = shipped(terms__contrastive__hidden=2**31, optim__g__b1=[[0.5], math.inf])
    assert config.faults(tree) == [
        'config.terms.contrastive.hidden is 2147483648: give an integer from 1 to 65536',
        'config.optim.g.b1 is [[0.5], inf]: give a number from 0 to below 1',
    ]
    tree = shipped(terms__contrastive__every=2**31)
    assert config.faults(tree) == [
        'config.terms.contrastive.every is 2147483648: give an integer from 1 to 2147483647'
    ]


def test_a_step_has_so_many_parts_at_most():
    (found,) = sentences('d_steps=17', 'accumulate=4')
    assert 'config.d_steps is 17 and config.accumulate 4' in found
    assert 'product is at most 64' in found
    assert config.faults(shipped(d_steps=16, accumulate=4)) == []


@pytest.mark.parametrize(
    ('override', 'key', 'value'),
    [
        ('steps=7', 'steps', 7),
        ('steps=0x10', 'steps', 16),
        ('generator.width=1', 'generator.width', 1.0),
        ('optim.g.learning_rate=1e-3', 'optim.g.learning_rate', 0.001),
        ('joint', 'joint', True),
        ('joint=false', 'joint', False),
        ('joint=1', 'joint', True),
        ('augment.view=', 'augment.view', ''),
        ('evaluate.unaugmented=a=b', 'evaluate.unaugmented', 'a=b'),
        ('mesh.data=-1', 'mesh.data', -1),
        # Further keywords of a block's function.
        ('optim.g.eps=1e-6', 'optim.g.eps', 1e-6),
        ('optim.d.nesterov=True', 'optim.d.nesterov', True),
        ('optim.g.mu_dtype=bfloat16', 'optim.g.mu_dtype', 'bfloat16'),
        ('terms.contrastive.hidden=64', 'terms.contrastive.hidden', 64),
        ('terms.adversarial.every=2', 'terms.adversarial.every', 2),
    ],
)
def test_an_override_has_the_type_of_what_it_replaces(override, key, value):
    found = config.flat(config.load_config(DIGITS, [f'--config.{override}']))[key]
    assert type(found) is type(value) and found == value


def test_a_flag_of_the_config_is_turned_off():
    assert config.load_config(DIGITS, ['--noconfig.joint']).joint is False
    for flag in ('--noconfig.joint=true', '--noconfig.steps'):
        with pytest.raises(UserError, match=f'^{flag} is no value for '):
            config.load_config(DIGITS, [flag])


@pytest.mark.parametrize(
    ('override', 'sentence'),
    [
        ('steps', '--config.steps is no value for steps: write --config.steps=VALUE'),
        ('steps=abc', "config.steps is 'abc': give an integer from 1 to 2147483647"),
        ('steps=10**9', "config.steps is '10**9': give an integer"),
        ('steps=' + '9' * 5000, "config.steps is '9999"),
        ('joint=flase', "config.joint is 'flase': give True or False"),
        ('optim.g.b1=[0.5', "config.optim.g.b1 is '[0.5': give a number from 0 to below 1"),
        ('optim.g.eps=tiny', "config.optim.g.eps is 'tiny': give a number"),
        ('optim.g.esp=1e-6', "config.optim.g: optax.adam takes no 'esp'; did you mean 'eps'?"),
        ('optim.g=3', "config has no 'optim.g'"),
        ('seed.x=3', "config has no 'seed.x'"),
        ('generator.a.b=3', "config has no 'generator.a.b'"),
        ('=3', "config has no ''"),
    ],
)
def test_an_override_that_does_not_fit_is_one_sentence(override, sentence):
    (found,) = sentences(override)
    assert found.startswith(sentence) and len(found) < 300


@pytest.mark.parametrize(
    ('override', 'words'),
    [
        ('generator.width=0', 'a number from 0.001 to 64'),
        ('generator.width=-1.0', 'a number from 0.001 to 64'),
        ('discriminator.width=True', 'a number from 0.001 to 64'),
        ('terms.contrastive.hidden=1.5', 'an integer from 1 to 65536'),
        ('terms.contrastive.hidden=True', 'an integer from 1 to 65536'),
        ('terms.contrastive.temperature=0', 'a number from 0.0001 to 10000'),
        ('logit.initializer=nromal', "'glorot', 'normal' or 'orthogonal'"),
        ('optim.g.b1=2', 'a number from 0 to below 1'),
        ('optim.g.b2=1', 'a number from 0 to below 1'),
        ('optim.g.eps=0', 'a number from 1e-30 to 1e+30'),
        ('optim.g.nesterov=maybe', 'True or False'),
        ('optim.d.learning_rate=1e39', 'a number from 0 to 3.4e+38'),
    ],
)
def test_a_keyword_out_of_its_range_is_one_sentence(override, words):
    (found,) = sentences(override)
    key, _, _ = override.partition('=')
    assert re.fullmatch(rf'config\.{key} is [^:]+: give {re.escape(words)}', found)


def test_a_number_of_classes_below_zero_is_refused():
    network = {'fn': 'gan_jax.models.biggan.Generator', 'num_classes': -1}
    (found,) = config.faults(shipped(generator=network))
    assert found == 'config.generator.num_classes is -1: give an integer from 0 to 1048576'


def test_terms_that_train_nothing_are_refused():
    weightless = {'adversarial': {'fn': 'gan_jax.terms.adversarial.hinge', 'weight': 0.0}}
    parts = {'adversarial': {**weightless['adversarial'], 'weight': {'real': 0, 'fake': 0.0}}}
    for terms in ({}, weightless, parts):
        (found,) = config.faults(shipped(terms=terms))
        assert found.startswith(
            'config.terms has no term with a weight, and so nothing to train by'
        )


def test_a_files_name_may_have_colons(tmp_path):
    folder = tmp_path / 'a:b'
    folder.mkdir()
    (folder / 'c:d.py').write_text(Path(DIGITS).read_text())
    found = config.load_config(f'{folder}/c:d.py:method=bcr')
    assert set(found.terms) == {'adversarial', 'consistency'}
    assert config.load_config(f'{folder}/c:d.py').terms.contrastive.weight == 0.1
    assert config.split('none.py:method=a:b') == (Path('none.py'), 'method=a:b')


def test_a_home_in_a_files_name(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'c.py').write_text(Path(DIGITS).read_text())
    assert set(config.load_config('~/c.py:method=none').terms) == {'adversarial'}


def test_what_a_config_names_of_other_packages(tmp_path, monkeypatch):
    (tmp_path / 'fork_a.py').write_text('from gan_jax.terms.adversarial import hinge\n')
    source = 'def op(key, images, strength): return images\ndef extract(images): return images\n'
    (tmp_path / 'fork_b.py').write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert named_code.outside(shipped()) == []
    assert named_code.outside(shipped(terms__adversarial__fn='fork_a.hinge')) == ['fork_a']
    assert named_code.outside(shipped(augment__view='flip|fork_b.op(0.5)')) == ['fork_b']
    named = shipped(
        terms__adversarial__fn='fork_a.hinge',
        evaluate__metrics='fd_digits,fd50_test@fork_b.extract',
    )
    assert named_code.outside(named) == ['fork_a', 'fork_b']
    assert config.faults(named, allow=named_code.outside(named)) == []
    assert len(config.faults(named, allow=['fork_a'])) == 1


def test_a_file_runs_once_whatever_is_overridden(tmp_path):
    runs = tmp_path / 'runs'
    runs.touch()
    (tmp_path / 'c.py').write_text(
        f'{SHIPPED}with open({str(runs)!r}, "a") as file:\n    file.write("x")\n'
        'def get_config():\n    return c\n'
    )
    overrides = ['--config.seed=7', '--config.steps=3', '--config.every.log=2']
    assert config.load_config(str(tmp_path / 'c.py'), overrides).steps == 3
    assert runs.read_text() == 'x'


def test_overrides_change_a_copy():
    run = config.run_config_file(DIGITS)
    assert config.overridden(run, ['--config.generator.width=0.5']).generator.width == 0.5
    assert run.generator.width == 0.25


def test_a_file_that_does_not_exist():
    assert sentences(path='configs/none.py') == ['there is no config file configs/none.py']


def test_the_resolved_config_of_a_run_is_no_config_file(tmp_path):
    (tmp_path / 'config.json').write_text('{"a": true}')
    place = f'{tmp_path}/config.json'
    assert sentences(path=place) == [
        f'--config={place} is JSON: give the Python file that the run was started with; its '
        'workdir keeps the resolved config as config.json'
    ]


def test_a_file_that_fails(tmp_path):
    (tmp_path / 'c.py').write_text('def get_config():\n    raise RuntimeError("broken")\n')
    assert sentences(path=str(tmp_path / 'c.py')) == [
        f'{tmp_path}/c.py, line 2: RuntimeError: broken'
    ]


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('return None', 'get_config returns None: return a ConfigDict'),
        ('return 3', 'get_config returns 3: return a ConfigDict'),
        ('raise SystemExit(0)', 'SystemExit: 0'),
        ('return c.terms.adversarial.nothing', 'AttributeError'),
    ],
)
def test_a_file_that_gives_no_config(line, said, tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f'{SHIPPED}\ndef get_config():\n    {line}\n')
    (sentence,) = sentences(path=str(path))
    assert str(path) in sentence and said in sentence


@pytest.mark.parametrize(('key', 'value'), [('seed', '10 ** 5000'), ('dtype', "'x' * 10 ** 6")])
def test_a_value_that_is_long_is_cut_in_its_sentence(key, value, tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f'{SHIPPED}\ndef get_config():\n    c.{key} = {value}\n    return c\n')
    (sentence,) = sentences(path=str(path))
    assert sentence.startswith(f'config.{key} is ') and len(sentence) < 200


def test_an_unknown_argument_of_a_file_names_the_known_ones():
    (line,) = sentences(path=f'{DIGITS}:mehtod=bcr')
    assert "does not take 'mehtod=bcr'; it takes method=bcr_cntr" in line
    (line,) = sentences(path=f'{DIGITS}:method=bcrr')
    assert "there is no method 'bcrr'; known: none, real_only" in line


def shipped(**changes):
    tree = config.load_config(DIGITS).to_dict()
    for path, value in changes.items():
        *parents, last = path.split('__')
        block = tree
        for parent in parents:
            block = block[parent]
        if value is None:
            del block[last]
        else:
            block[last] = value
    return tree


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        ({'seed': None}, 'config.seed is missing: give an integer'),
        ({'joint': 1}, 'config.joint is 1: give True or False'),
        ({'steps': True}, 'config.steps is True'),
        ({'extra': 3}, "config has no use for 'extra'"),
        ({'data__extra': 3}, "config has no use for 'data.extra'"),
        ({'ema__extra': {'': {}}}, "config has no use for 'ema.extra.'"),
        ({'data': 'digits'}, "^config.data is 'digits': give a block of values$"),
        ({'evaluate': []}, r'^config.evaluate is \[\]: give a block of values$'),
        ({'optim__x': {'fn': 'optax.adam'}}, "^config.optim has no use for 'x'$"),
        ({'optim__g__learning_rate': None}, 'config.optim.g.learning_rate is None'),
        ({'optim__g__b3': 1.0}, "optax.adam takes no 'b3'; known: b1, b2"),
        ({'terms__contrastive__weight': None}, 'config.terms.contrastive.weight is None'),
        (
            {'terms__contrastive__weight': {'real': 1.0, 'fake': 'much'}},
            "config.terms.contrastive.weight is {'real': 1.0, 'fake': 'much'}: give a number ",
        ),
        ({'terms__contrastive__every': 0}, 'config.terms.contrastive.every is 0'),
        ({'terms__contrastive__temprature': 1.0}, "did you mean 'temperature'"),
        (
            {'terms__contrastive__fn': None},
            'config.terms.contrastive.fn: give the path of a function',
        ),
        ({'terms__contrastive__policy': 'cutuot'}, "config.terms.contrastive: .*'cutout'"),
        (
            {'terms__contrastive__strength': 0.3},
            "config.augment.view and config.terms.contrastive give the policy 'translation' two "
            'strengths, 0.15 and 0.3',
        ),
    ],
)
def test_values_that_only_a_file_can_get_wrong(changes, sentence):
    (found,) = config.faults(shipped(**changes))
    assert re.search(sentence.replace('(', r'\('), found)


# The first number that is in a key's range, and the last one below it.
ONE, TWO, ABOVE_ZERO = (1, 0), (2, 1), (1e-9, 0.0)
FIRST = {
    'seed': (0, -1),
    'steps': ONE,
    'batch_size': TWO,
    'd_steps': ONE,
    'accumulate': ONE,
    'steps_per_dispatch': ONE,
    'data.size': ONE,
    'data.fraction': ABOVE_ZERO,
    'data.subset_seed': (0, -1),
    'latent.dim': ONE,
    'augment.strength': (0.0, -1e-9),
    'augment.probability': (0.0, -1e-9),
    'ema.halflife_images': ABOVE_ZERO,
    'ema.ramp': ABOVE_ZERO,
    'evaluate.num': TWO,
    'every.log': ONE,
    'every.sample': ONE,
    'every.evaluate': ONE,
    'every.full': ONE,
    'every.checkpoint': ONE,
    'every.snapshot': ONE,
    'every.report': (0, -1),
    'mesh.data': (-1, -2),
    'mesh.model': ONE,
}


@pytest.mark.parametrize(('key', 'first', 'below'), [(k, *edge) for k, edge in FIRST.items()])
def test_a_range_begins_where_it_says(key, first, below):
    path = key.replace('.', '__')
    assert [f for f in config.faults(shipped(**{path: first})) if f'config.{key} is' in f] == []
    (found,) = (f for f in config.faults(shipped(**{path: below})) if f'config.{key} is' in f)
    assert found.startswith(f'config.{key} is {below}: give ')


def test_the_first_number_of_every_range_is_tried():
    assert set(FIRST) == NUMBERS


def test_all_of_the_data_and_no_more_may_be_asked_for():
    assert config.faults(shipped(data__fraction=1.0)) == []
    (found,) = config.faults(shipped(data__fraction=1.0000001))
    assert found.startswith('config.data.fraction is 1.0000001: give a number above 0')


def test_two_policies_may_have_two_strengths():
    tree = shipped(terms__contrastive__strength=0.3, terms__contrastive__policy='simclr')
    assert config.faults(tree) == []
    found = {policy: one.value for policy, one in named_code.amounts(tree, 'strength').items()}
    assert found == {'translation': 0.15, 'simclr': 0.3}


def test_a_fixed_policy_has_no_strength():
    assert named_code.amounts(shipped(augment__view='flip|translation(0.125)'), 'strength') == {}


def test_nested_policies_are_read_as_deep_as_they_go():
    nested = 'p(0.8, one_of(cutout, flip|hue))'
    given = named_code.amounts(shipped(augment__view=nested), 'strength')
    assert {policy: one.value for policy, one in given.items()} == {nested: 0.15}
    (found,) = config.faults(shipped(augment__view=nested, augment__strength=0.7))
    assert f"augmentation 'hue' of policy '{nested}' takes a strength in [0, 0.5]" in found
    foreign = shipped(augment__view='flip|p(mix(flip, tests.testing.test_policies.drawn))')
    (found,) = config.faults(foreign, allow=())
    assert "'tests.testing.test_policies.drawn' is code of tests" in found
    assert named_code.outside(foreign) == ['tests']


def test_a_workdirs_config_may_not_name_foreign_code():
    tree = shipped(terms__contrastive__fn='os.system')
    (found,) = config.faults(tree, allow=())
    assert "config.terms.contrastive.fn: 'os.system' is code of os" in found
    assert found.endswith('if you trust all of os, add --allow=os')
    tree = shipped(augment__view='os.system')
    (found,) = config.faults(tree, allow=())
    assert "config.augment.view: 'os.system' is code of os" in found


def test_differences_leave_out_what_may_change():
    old, new = shipped(), shipped(seed=1, steps=5, every__log=7)
    assert config.differences(old, new) == ['seed: 0 -> 1']


# A resumed run may go on for longer, look more often and at other metrics, find its data elsewhere,
# on other devices.
MAY_CHANGE = re.compile(r'steps|every\..*|evaluate\..*|writers|data\.dir|mesh\..*')


def test_a_resumed_run_may_change_nothing_else():
    old = shipped()
    for key, value in config.flat(old).items():
        new = shipped(**{key.replace('.', '__'): 'another'})
        same = [] if MAY_CHANGE.fullmatch(key) else [f"{key}: {value!r} -> 'another'"]
        assert config.differences(old, new) == same
        assert config.differences(new, old) == [f"{key}: 'another' -> {value!r}" for _ in same]


def test_a_key_that_only_one_of_both_has_is_a_difference():
    old, new = shipped(), shipped(terms__contrastive=None)
    assert {line.split(':')[0] for line in config.differences(old, new)} == {
        f'terms.contrastive.{key}' for key in old['terms']['contrastive']
    }
    assert config.differences(old, new) != config.differences(new, old) != []


def test_each_value_replaced_by_junk_is_refused_or_still_a_number_in_range():
    junk = [None, -3, math.nan, math.inf, (1, 'a'), [], True]
    accepted = [
        (key, value)
        for key in (*config.VALUES, 'terms.adversarial.weight', 'optim.g.learning_rate')
        for value in junk
        if not config.faults(shipped(**{key.replace('.', '__'): value}))
    ]
    flags = [('joint', True), ('augment.shared', True)]
    assert accepted == [*flags, ('terms.adversarial.weight', -3)]


def test_a_config_without_terms_is_a_sentence():
    settings = config.load_config(DIGITS).to_dict()
    del settings['terms']
    assert config.faults(settings) == ['config.terms is missing: give a block of terms']
