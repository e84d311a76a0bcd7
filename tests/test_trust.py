"""What the config of somebody else's workdir can reach: parts for their places, nothing else."""

import ast
import functools
import importlib
import json
import pkgutil
import sys
import warnings
from pathlib import Path

import flax
import flax.linen as nn
import jax
import optax
import pytest

import gan_jax
from gan_jax import data, sample, train
from gan_jax.augment import policy
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.experiment import config, kinds
from gan_jax.experiment.build import build_experiment
from gan_jax.experiment.config import NETWORKS
from gan_jax.experiment.setup import build_setup
from gan_jax.run import unaugmented
from gan_jax.runtime import load
from gan_jax.runtime.errors import DATA, USAGE, UserError
from gan_jax.terms import Term
from tests import hostile

ROOT = Path(__file__).parent.parent
TINY = ROOT / 'tests' / 'sweeps' / 'tiny.py'
KINDS = {
    'network': kinds.NETWORK,
    'term': kinds.TERM,
    'optimizer': kinds.OPTIMIZER,
    'op': policy.OP,
    'latents': kinds.LATENT,
    'extractor': kinds.EXTRACTOR,
    'metric': kinds.METRIC,
    'autoencoder': kinds.AUTOENCODER,
    'feature network': kinds.FEATURE_NETWORK,
    'reader': kinds.READER,
    'writer': kinds.WRITER,
}
# What SETTINGS name themselves.
OWN = {'gan_jax.models.sndcgan', 'gan_jax.models.critic', 'gan_jax.terms.adversarial', 'optax'}
OWN |= {'gan_jax.latents', 'gan_jax.models.projected'}
OWN |= {f'gan_jax.terms.{name}' for name in ('consistency', 'contrastive')}


# Everything that can be named --------------------------------------------------------------------


def walked(package):
    """Names of the public modules of a package that can be imported here."""
    yield package.__name__
    broken = pkgutil.walk_packages(package.__path__, f'{package.__name__}.', lambda name: None)
    for name in (found.name for found in broken):
        if any(part.startswith('_') for part in name.split('.')):
            continue
        try:
            importlib.import_module(name)
        except ImportError:  # of a package that is not installed
            continue
        yield name


@pytest.fixture(scope='module')
def nameable():
    """Importable path -> object, for every public callable of the packages that were trusted."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        modules = [name for one in (gan_jax, flax, optax, jax) for name in walked(one)]
    return {
        f'{module}.{name}': found
        for module in modules
        for name, found in vars(sys.modules[module]).items()
        if callable(found) and not name.startswith('_')
    }


def reached(paths, kind, allow):
    found = set()
    for path in paths:
        try:
            load.resolve(path, kind, allow)
            found.add(path)
        except ValueError:
            pass
    return found


def named_in(package, marked):
    """Paths of what the source text of a package marks as a part, where defined or imported."""
    folder = ROOT / 'gan_jax' / package
    files = {file: ast.parse(file.read_text()) for file in folder.rglob('*.py')}
    defined = {(file, node.name) for file, tree in files.items() for node in marked(tree)}
    names = {name for _, name in defined}
    for file, tree in files.items():
        setup = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        for node in setup:
            if (node.module or '').startswith(f'gan_jax.{package}'):
                defined |= {(file, alias.name) for alias in node.names if alias.name in names}
    modules = {file: file.relative_to(ROOT).with_suffix('').parts for file in files}
    return {
        '.'.join([*(part for part in modules[file] if part != '__init__'), name])
        for file, name in defined
        if not name.startswith('_')
    }


def modules_of_flax(tree):
    bases = ('nn.Module', 'Conv', 'Dense')  # the latter two are ours that have children
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node for node in classes if {ast.unparse(base) for base in node.bases} & {*bases}]


def factories(tree):
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [node for node in functions if node.returns and ast.unparse(node.returns) == 'Term']


def decorated(tree):
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [
        node
        for node in functions
        if any(ast.unparse(one).startswith('operation.op(') for one in node.decorator_list)
    ]


def transformations(nameable):
    names = ('GradientTransformation', 'GradientTransformationExtraArgs')
    return {
        path
        for path, found in nameable.items()
        if path.startswith('optax.')
        and type(found).__name__ == 'function'
        and getattr(found.__annotations__.get('return'), '__name__', '') in names
    }


@pytest.mark.parametrize('allow', [(), load.OURS])
def test_only_parts_are_reached_each_in_its_place(nameable, allow):
    expected = {
        'network': named_in('models', modules_of_flax),
        'term': named_in('terms', factories),
        'optimizer': transformations(nameable),
        'op': named_in('augment', decorated),
        'latents': {
            'gan_jax.instances.instances',
            *(f'gan_jax.latents.{name}' for name in ('normal', 'uniform', 'truncated')),
        },
        'extractor': set(),
        'metric': set(),
        'autoencoder': {'gan_jax.data.cosines.cosines'},
        'feature network': {'gan_jax.extractors.digits.digits_net'},
        'reader': set(),
        'writer': {'gan_jax.run.wandb_writer.wandb'},
    }
    assert len(nameable) > 9000
    assert all(len(expected[name]) >= 15 for name in PARTS if name not in FEW)
    assert {'optax.adam', 'optax.adamw', 'optax.sgd', 'optax.lion'} <= expected['optimizer']
    found = {name: reached(nameable, kind, allow) for name, kind in KINDS.items()}
    assert found == expected


FEW = ('latents', 'feature network', 'autoencoder')  # of which there are few parts

# Places ------------------------------------------------------------------------------------------

CANARIES = (
    *hostile.CALLS,
    'gan_jax.terms.Term',  # makes terms of anything, and is not marked as a factory
    'gan_jax.terms.contrastive.nt_xent',
    'gan_jax.terms.contrastive.ProjectionHead',  # a Flax module, and a head in place of a network
    'gan_jax.models.layers.initializer',
    'gan_jax.augment.operation.op',
    'gan_jax.augment.policy.Part',  # it has `strengths`
    'gan_jax.augment.boxes.box',
    'gan_jax.evaluate.features.digits',
    'flax.linen.Dense',
    'flax.linen.Module',
    'optax.inject_hyperparams',
    'optax.GradientTransformation',
    'optax.cosine_decay_schedule',
    'optax.apply_updates',
    'optax._src.alias.adam',
    'jax.jit',
    'jax.pure_callback',
    'gan_jax_evil.f',
    'gan_jax.models_evil.f',
    'gan_jax.terms_evil.f',
    'optaxx.adam',
)
PARTS = {
    'network': 'gan_jax.models.sndcgan.Trunk',
    'term': 'gan_jax.terms.adversarial.hinge',
    'optimizer': 'optax.sgd',
    'op': 'gan_jax.augment.ops.flip',
    'latents': 'gan_jax.latents.uniform',
    'feature network': 'gan_jax.extractors.digits.digits_net',
    'autoencoder': 'gan_jax.data.cosines.cosines',
}
PLACES = {
    **dict.fromkeys(('generator', 'discriminator', 'logit'), 'network'),
    **{'terms.consistency': 'term', 'optim.g': 'optimizer', 'optim.d': 'optimizer'},
    'latent': 'latents',
    'discriminator.extractor': 'feature network',
    **{f'augment.{use}': 'op' for use in ('real', 'critic', 'view')},
    'terms.consistency.policy': 'op',
    'evaluate.metrics': 'extractor',
    'evaluate.full': 'extractor',
    'evaluate.mine': 'metric',
    'writers.mine': 'writer',
    'data': 'reader',
    'data.autoencoder': 'autoencoder',
}
NEW = {
    'evaluate.mine': {'every': 1},
    'writers.mine': {},
    'data.autoencoder': {},
}  # blocks that are not in SETTINGS
SETTINGS = hostile.settings()


def placed(path, place):
    """The faults of a workdir's config with this path in this place."""
    if PLACES[place] == 'extractor':
        change = {place: f'fd500_test@{path}'}
    elif place in NEW:
        change = {place: {'fn': path, **NEW[place]}}
    elif place == 'discriminator.extractor':
        change = {'discriminator': {'fn': hostile.PROJECTED, 'extractor': {'fn': path}}}
    elif place == 'data':
        change = {'data.fn': path, 'data.name': 'mine'}
    elif PLACES[place] == 'op':
        change = {place: path}
    else:
        change = {f'{place}.fn': path}
    return config.faults(hostile.changed(SETTINGS, change), allow=())


@pytest.mark.parametrize('place', PLACES)
def test_no_place_takes_what_is_no_part_of_it(place, monkeypatch):
    name, imported, real = PLACES[place], [], importlib.import_module
    monkeypatch.setattr(importlib, 'import_module', lambda n: imported.append(n) or real(n))
    for path in (*CANARIES, *(part for kind, part in PARTS.items() if kind != name)):
        (fault,) = placed(path, place)
        assert f'config.{place.removesuffix(".policy")}' in fault and f"'{path}' is " in fault
        assert ('--allow' in fault) == (path.split('.')[0] not in load.OURS)
    packages = KINDS[name].packages
    assert all(load._within(one, packages) or one in OWN for one in imported)


def test_every_place_takes_its_parts():
    for place, name in PLACES.items():
        if name in PARTS:
            faults = placed(PARTS[name], place)
            assert all(' takes no ' in fault or 'strength' in fault for fault in faults), faults


def test_a_wrong_part_says_what_may_stand_there_and_the_nearest():
    (fault,) = placed('gan_jax.terms.contrastive.nt_xent', 'terms.consistency')
    assert fault == (
        "config.terms.consistency.fn: 'gan_jax.terms.contrastive.nt_xent' is not a term: in the "
        "config of a workdir that is a function of gan_jax.terms that is annotated as '-> Term'; "
        'known: cntr, contrad'
    )
    (fault,) = placed('optax.adan_w', 'optim.g')
    assert fault.startswith("config.optim.g.fn: 'optax' has no 'adan_w'; did you mean 'adan'")


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A package that its user trusts, and what lies beside it."""
    (tmp_path / 'my_fork').mkdir()
    (tmp_path / 'my_fork' / '__init__.py').write_text('')
    (tmp_path / 'my_fork' / 'parts.py').write_text(
        'import functools\n'
        'from subprocess import run\n\n'
        'from gan_jax.runtime.load import build\n'
        'from gan_jax.terms.adversarial import hinge\n\n'
        'part = functools.partial(run)\n\n\n'
        'def make(**options):\n    return options\n'
    )
    (tmp_path / 'my_fork_evil.py').write_text('def f():\n    pass\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [n for n in sys.modules if n.startswith('my_fork')]:
        del sys.modules[name]


def test_what_is_allowed_is_the_code_of_that_package_and_no_other(fork):
    allow = ('my_fork',)
    assert load.resolve('my_fork.parts.make', kinds.TERM, allow)
    assert load.resolve('my_fork.parts.hinge', kinds.TERM, allow)  # a term, whoever names it
    for path, sentence in {
        'my_fork.parts.hinge': "'my_fork.parts.hinge' is not a network",
        'my_fork.parts.build': "'my_fork.parts.build' is not a network",
        'my_fork.parts.run': 'is code of subprocess, .* --allow=subprocess',
        'my_fork.parts.part': 'is code of functools, .* --allow=functools',
        'my_fork_evil.f': 'is code of my_fork_evil, .* --allow=my_fork_evil',
    }.items():
        with pytest.raises(ValueError, match=sentence):
            load.resolve(path, kinds.NETWORK, allow)
    assert load.resolve('my_fork.parts.run', kinds.NETWORK, (*allow, 'subprocess'))
    assert 'my_fork_evil' not in sys.modules


@pytest.mark.parametrize(
    'path', ['gan_jax.runtime.load.build', 'flax.io.rmtree', 'optax.apply_updates']
)
def test_no_flag_opens_what_the_program_is_made_of(path):
    for kind in KINDS.values():
        with pytest.raises(ValueError, match=f"'{path}' is not "):
            load.resolve(path, kind, allow=load.OURS)


def test_what_a_module_imports_is_not_reached_through_it(monkeypatch):
    monkeypatch.setattr('gan_jax.models.critic.Borrowed', nn.Dense, raising=False)
    monkeypatch.setattr('gan_jax.terms.lecam.borrowed', factory, raising=False)
    for path, kind in (('models.critic.Borrowed', 'network'), ('terms.lecam.borrowed', 'term')):
        with pytest.raises(ValueError, match=f"'gan_jax.{path}' is not "):
            load.resolve(f'gan_jax.{path}', KINDS[kind], allow=())


def factory() -> Term:
    return Term()


def test_an_annotation_may_be_put_off():
    def late() -> 'Term':
        return Term()

    def wrong() -> 'term':  # noqa: F821
        return Term()

    assert kinds.returns(late, Term) and not kinds.returns(wrong, Term)


def test_what_is_made_of_a_factory_is_none():
    assert kinds.returns(factory, Term)
    assert not kinds.returns(jax.jit(factory), Term)
    assert not kinds.returns(functools.partial(factory), Term)


# Keywords ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('generator.shape', [1, 1, 1]),
        ('generator.dtype', 'float64'),
        ('discriminator.dtype', 'float64'),
        *((f'{place}.{word}', 'x') for place in NETWORKS for word in ('name', 'parent')),
    ],
)
def test_a_config_gives_no_keyword_that_the_program_gives(key, value):
    (fault,) = config.faults(hostile.changed(SETTINGS, {key: value}), allow=())
    place, _, word = key.partition('.')
    assert fault.startswith(f'config.{place}: ') and f"takes no '{word}'" in fault


def test_not_even_to_a_function_that_takes_all(fork):
    for word in ('shape', 'name', 'parent'):
        block = {'fn': 'my_fork.parts.make', word: 1, 'width': 2}
        (fault,) = load.faults(block, kinds.NETWORK, supplied=('shape',))
        assert f"make takes no '{word}'" in fault


@pytest.mark.parametrize(
    ('place', 'what'),
    [('logit', 'a network'), ('generator', 'a network'), ('optim.g', 'an optimiser')],
)
def test_what_a_block_makes_is_looked_at(fork, place, what):
    """Of a config that the user runs himself, too."""
    tree = hostile.changed(SETTINGS, {f'{place}.fn': 'my_fork.parts.make'})
    for allow in (None, ('my_fork',)):
        with pytest.raises(
            ValueError, match=f'^config.{place}: .*make makes a dict, and not {what}'
        ):
            build_experiment(tree, shape=(16, 16, 1), num_classes=10, allow=allow)


def test_what_is_built_is_judged_again():
    tree = hostile.changed(SETTINGS, {'logit.fn': 'evil_module.f'})
    with pytest.raises(ValueError, match='config.logit: .* --allow=evil_module'):
        build_experiment(tree, shape=(16, 16, 1), num_classes=10, allow=())


def test_what_a_term_makes_is_looked_at(fork):
    tree = hostile.changed(SETTINGS, {'terms.consistency': {'fn': 'builtins.dict', 'weight': 1.0}})
    (fault,) = config.faults(tree)
    assert fault == (
        'config.terms.consistency: builtins.dict does not say which keywords it takes: call it in '
        'a function'
    )
    tree['terms']['consistency']['fn'] = 'my_fork.parts.make'
    with pytest.raises(ValueError, match='make makes a dict, and not a term: .* a gan_jax Term'):
        build_experiment(tree, shape=(16, 16, 1), num_classes=10)


# Shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize('junk', [3, 'x', [], None])
def test_a_config_that_is_no_tree_of_blocks(junk):
    assert config.faults(junk, allow=()) == [f'config is {junk!r}: give a block of values']
    for place in ('terms', 'terms.consistency', 'optim', 'optim.d', *NETWORKS):
        (fault,) = config.faults(hostile.changed(SETTINGS, {place: junk}), allow=())
        assert fault == f'config.{place} is {junk!r}: give a block of values'
    for word in ('policy', 'strength'):
        tree = hostile.changed(SETTINGS, {f'terms.consistency.{word}': [junk]})
        (fault,) = config.faults(tree, allow=())
        assert fault.startswith(f'config.terms.consistency.{word} is [')


def test_a_key_with_a_dot_stands_for_no_other():
    tree = {**SETTINGS, 'data.name': 'digits'}
    assert config.faults(tree, allow=()) == ["config has no use for 'data.name'"]


# Whole workdirs ----------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def setup():
    return build_setup(json.loads(config.load_config(str(TINY)).to_json()))


@pytest.fixture
def commands(setup, tmp_path, monkeypatch):
    """The commands that read a workdir, on the one in the test's folder; its modules are found."""
    monkeypatch.setattr(train, 'build_setup', lambda settings, **options: setup)
    make = train.make_evaluator
    unprepared = {'prepare': lambda metrics: None}
    monkeypatch.setattr(train, 'make_evaluator', lambda *given: make(*given)._replace(**unprepared))
    monkeypatch.syspath_prepend(tmp_path)
    workdir = f'--workdir={tmp_path}/workdir'
    return {
        'sample': lambda *flags: sample.main([workdir, f'--out={tmp_path}/out', *flags]),
        'evaluate': lambda *flags: evaluate.main([workdir, *flags]),
        'train': lambda: train.main([f'--config={TINY}', workdir]),
    }


def test_there_are_traps_of_many_kinds():
    assert len(hostile.CALLS) + len(hostile.TEXTS) >= 25


@pytest.mark.parametrize('trap', hostile.RUNNING)
def test_no_trap_snaps(trap, commands, tmp_path):
    hostile.RUNNING[trap](tmp_path)
    for name, command in commands.items():
        with pytest.raises(UserError) as caught:
            command()
        # `sample` reads the generator's block and the autoencoder's; its checkpoint is none.
        unread = name == 'sample' and not trap.endswith(('generator', 'autoencoder'))
        assert caught.value.status == (DATA if unread else USAGE), name
        assert not hostile.sprung(tmp_path), name
    assert not (tmp_path / 'out').exists()


def test_a_trap_snaps_where_its_code_is_allowed(commands, tmp_path):
    """So the traps are live, and the canary sings."""
    hostile.RUNNING['evil_module.f as logit'](tmp_path)
    with pytest.raises(UserError, match=r'config.logit: evil_module.f makes a dict'):
        commands['evaluate']('--allow=evil_module')
    assert hostile.sprung(tmp_path)


def test_workdirs_below_evaluate_unaugmented_are_distrusted_as_well(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    hostile.RUNNING['evil_module.f as logit'](tmp_path)
    with pytest.raises(UserError, match='--allow=evil_module'):
        unaugmented.fakes(tmp_path, 7, SETTINGS, data.load('digits'))
    assert not hostile.sprung(tmp_path)
