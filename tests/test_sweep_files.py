"""The shipped sweeps: the paper's grids, written out once more, and the experiments on digits."""

import ast
import csv
import itertools
import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax import data, train
from gan_jax.augment import policy as policies
from gan_jax.evaluate import features, frechet
from gan_jax.experiment.kinds import TERM
from gan_jax.keys import named
from gan_jax.routing import route_views as step_plan
from gan_jax.run import trained
from gan_jax.runtime import load
from gan_jax.runtime.errors import UserError
from gan_jax.sweeps import grid, sweep_file
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.terms.contrastive import cntr, nt_xent
from gan_jax.testing.outputs import outputs, random
from tests import small

ROOT = Path(__file__).parent.parent
SWEEPS = ROOT / 'configs' / 'sweeps'
FILES = sorted(p for p in SWEEPS.rglob('*.py') if 'def get_sweep' in p.read_text())
every_file = pytest.mark.parametrize('path', FILES, ids=lambda p: f'{p.relative_to(SWEEPS)}')


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch):
    """Where commands are typed: sweeps name their configs from there."""
    monkeypatch.chdir(ROOT)


def test_the_search_finds_the_sweeps():
    names = {'figure2', 'figure3', 'figure5', 'figure6', 'table1', 'guidelines', 'vanilla', 'sweep'}
    assert {path.stem for path in FILES} >= names


@every_file
def test_the_file_is_a_sweep_and_its_configs_are_without_faults(path):
    asked, arms = sweep_file.read_sweep_file(path)
    sweep = grid.read_sweep(path)
    assert sweep.arms == arms
    assert len(sweep.runs) == len(arms) * asked['seeds']
    assert sweep.baseline in ({'method': 'none'}, {'arm': 'vanilla'}, {'arm': 'none'})


@every_file
def test_docstring_says_how_to_run_it(path):
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert f'python -m gan_jax.sweep --sweep={path.relative_to(ROOT)} --workdir=' in text


# The paper's grids --------------------------------------------------------------------------------

FIFTHS = (0.1, 0.2, 0.3, 0.4, 0.5)
BRIGHT = (0.02, 0.06, 0.1, 0.2, 0.3)
TINTED = (0.06, 0.08, 0.1, 0.2, 0.3)
FAINT = (0.02, 0.04, 0.06, 0.08, 0.1)
SPATIAL = 'zoom_in zoom_out translation translation_x translation_y cutout cutmix'


def strengths(text, values):
    return dict.fromkeys(text.split(), values)


# The horizontal axes of the paper's figures: config, methods, and the strengths of every op.
FIGURES = {
    'figure2': (
        'sndcgan',
        'real_only',
        strengths(f'{SPATIAL} mixup brightness redness greenness blueness', FIFTHS),
    ),
    'figure3': (
        'sndcgan',
        'real_fake bcr',
        strengths(SPATIAL, FIFTHS)
        | {'brightness': BRIGHT}
        | strengths('redness greenness mixup instance_noise', FAINT),
    ),
    'figure5': (
        'biggan',
        'real_fake bcr',
        strengths(SPATIAL, FIFTHS)
        | {'brightness': BRIGHT, 'instance_noise': FAINT}
        | strengths('redness greenness mixup', TINTED),
    ),
    'figure6': (
        'biggan',
        'cntr',
        strengths('brightness cutout mixup simclr translation zoom_in', (0.1, 0.3, 0.5, 0.7, 0.9)),
    ),
}


@pytest.mark.parametrize('name', FIGURES)
def test_grids_are_the_papers(name):
    network, methods, ops = FIGURES[name]
    expected = {
        (method, op, value)
        for method in methods.split()
        for op, values in ops.items()
        for value in values
    }
    asked, (baseline, *arms) = sweep_file.read_sweep_file(SWEEPS / f'{name}.py')
    assert asked['config'] == f'cifar10_{network}'
    assert baseline == asked['baseline'] == {'method': 'none'}
    found = [tuple(arm.values()) for arm in arms]
    assert all(list(arm) == ['method', 'augment', 'strength'] for arm in arms)
    assert len(found) == len(set(found)) and set(found) == expected


@pytest.mark.parametrize('name', FIGURES)
def test_every_point_of_a_figure_is_an_augmentation(name):
    for op, values in FIGURES[name][2].items():
        for value in values:
            policies.check(op, value)


@pytest.mark.parametrize('name', FIGURES)
def test_tables_of_the_docstrings_fit_their_grids(name):
    """A row an augmentation, a number a strength and method."""
    _, methods, ops = FIGURES[name]
    lines = (SWEEPS / f'{name}.py').read_text().splitlines()
    rows = [line.strip('| ').split('|') for line in lines if line.startswith('| ')]
    rows = {head.strip(): ' '.join(cells).split() for head, *cells in rows}
    del rows['augmentation']
    assert rows.keys() == ops.keys()
    for op, cells in rows.items():
        numbers = [float(cell) for cell in cells if cell not in 'SBCW']
        assert len(numbers) == len(methods.split()) * len(ops[op])


def test_table_1():
    asked, arms = sweep_file.read_sweep_file(SWEEPS / 'table1.py')
    assert asked['config'] == 'cifar10_biggan'
    assert [arm['method'] for arm in arms] == ['none', 'cntr', 'bcr', 'bcr_cntr']


# The guidelines -----------------------------------------------------------------------------------


def test_guidelines_cover_what_they_are_to_tell():
    _, arms = sweep_file.read_sweep_file(SWEEPS / 'guidelines.py')
    found = {(a['method'], a.get('augment'), a.get('strength')) for a in arms}
    assert len(found) == len(arms) == 21
    ways = ('real_only', 'real_fake', 'bcr')
    places = ('translation', 'cutout', 'zoom_out')
    assert found >= {(way, op, 0.2) for way in ways for op in places}
    stronger = itertools.product((*ways, 'cntr'), ['translation'], (0.1, 0.2, 0.4))
    assert found >= {*stronger, ('cntr', 'simclr', 0.3), ('bcr_cntr', 'translation', 0.2)}


def test_cntr_beside_bcr_has_its_own_policy():
    (run,) = [r for r in grid.read_sweep(SWEEPS / 'guidelines.py').runs if 'bcr_cntr' in r.name][:1]
    assert run.settings['augment']['view'] == 'translation'
    contrastive = run.settings['terms']['contrastive']
    assert (contrastive['policy'], contrastive['strength']) == ('simclr', 0.3)
    assert 'policy' not in run.settings['terms']['consistency']


def test_modes_are_counted_over_26000_samples_once():
    sweep = grid.read_sweep(SWEEPS / 'guidelines_colour.py')
    assert sweep.metric == 'modes' and sweep.higher
    for run in sweep.runs:
        assert run.settings['data']['name'] == 'stacked_digits'
        assert run.settings['evaluate']['num'] == 26_000
        assert 'modes' in run.settings['evaluate']['metrics'].split(',')
        assert run.settings['every']['evaluate'] == run.settings['steps']


def test_every_arm_of_lowdata_has_its_own_terms_or_augmentation():
    """Over the 700 steps of a run: LeCam's default would set in after the end."""
    sweep = grid.read_sweep(SWEEPS / 'lowdata.py')
    runs = {run.arm['arm']: run.settings for run in sweep.runs if run.seed == 3}
    own = {json.dumps([r['terms'], r['augment'], r.get('logit')]) for r in runs.values()}
    assert len(own) == len(runs) == 12 and len(sweep.runs) == 60
    assert runs['lecam']['terms']['lecam']['start'] == 100
    assert {*runs['cntr_san']['terms']} == {'adversarial', 'contrastive'}
    assert runs['cntr_san']['augment']['view'] == 'translation'
    others = [{k: r[k] for k in ('steps', 'batch_size', 'data', 'optim')} for r in runs.values()]
    assert all(one == others[0] for one in others)


# Placebos -----------------------------------------------------------------------------------------

PLACEBOS = runpy.run_path(str(SWEEPS / 'placebos' / 'terms.py'))


def test_placebo_arms_differ_in_their_terms_only():
    sweep = grid.read_sweep(SWEEPS / 'placebos' / 'sweep.py')
    runs = {run.arm['arm']: run.settings for run in sweep.runs if run.seed == 3}
    beside = [
        {k: v for k, v in settings.items() if k not in ('terms', 'augment')}
        for settings in runs.values()
    ]
    assert all(settings == beside[0] for settings in beside)
    assert beside[0]['steps'] >= 700
    assert beside[0]['data']['fraction'] == 0.1
    assert len(sweep.runs) == 70 and {run.seed for run in sweep.runs} == set(range(10))
    extra = {
        arm: [
            (block['fn'].split('.')[-1], block['weight'])
            for name, block in settings['terms'].items()
            if name != 'adversarial'
        ]
        for arm, settings in runs.items()
    }
    assert extra == {
        'vanilla': [],
        'bcr': [('balanced', 10.0)],
        'bcr_stopped': [('stopped', 10.0)],
        'cr': [('cr', 10.0)],
        'cntr': [('cntr', 0.1)],
        'cntr_shuffled': [('shuffled', 0.1)],
        'bcr_identity': [('identity', 10.0)],
    }


def value_and_gradient(term, out):
    """The sum of D's parts, and its gradient in what D says of every view."""
    views = list(term.d.views)

    def loss(said):
        return sum(term.d.loss({**out, **said}, {}, None)[0].values())

    floats = {
        name: {k: v for k, v in out[name].items() if k in ('logit', 'features', 'head')}
        for name in views
    }

    def of(floats):
        return loss({name: {**out[name], **floats[name]} for name in views})

    return jax.value_and_grad(of)(floats)


def test_stopped_has_bcrs_value_and_half_of_its_gradient():
    term, bcr = PLACEBOS['stopped'](), balanced()
    assert term.d.views == bcr.d.views
    out = outputs(bcr, 'd', random(np.float32))
    (value, stopped), (expected, full) = (value_and_gradient(t, out) for t in (term, bcr))
    np.testing.assert_allclose(value, expected)
    for kind in ('real', 'fake'):
        np.testing.assert_allclose(stopped[kind]['logit'], full[kind]['logit'])
        assert not np.any(stopped[f'{kind}_aug']['logit'])
        assert np.all(full[f'{kind}_aug']['logit'])


@pytest.mark.slow
def test_shuffled_pairs_each_image_with_its_neighbour():
    term, right = PLACEBOS['shuffled'](), cntr()
    out = outputs(right, 'd', random(np.float32))
    parts, _, _ = term.d.loss(out, {}, None)
    for kind in ('real', 'fake'):
        first, second = (
            out[name]['head']['projection']
            for draw in (0, 1)
            for name, view in right.d.views.items()
            if (view.source, view.draw) == (kind, draw)
        )
        expected = nt_xent(first, second[[1, 2, 3, 0]], 0.1)
        np.testing.assert_allclose(parts[kind], expected, rtol=1e-6)
        assert abs(expected - nt_xent(first, second, 0.1)) > 0.1
    assert term.d.views == right.d.views and term.head == right.head


def test_placebos_cost_what_they_stand_for():
    """The images that D sees in a step: with the identity as many as under bCR."""
    views = {}
    for run in grid.read_sweep(SWEEPS / 'placebos' / 'sweep.py').runs[:7]:
        blocks = run.settings['terms']
        terms = {name: load.build(block, TERM) for name, block in blocks.items()}
        policy = run.settings['augment']['view']
        views[run.arm['arm']] = len({*step_plan(terms, 'd', policy).views})
    assert views == {
        'vanilla': 2,
        'bcr': 4,
        'bcr_stopped': 4,
        'cr': 3,
        'cntr': 6,
        'cntr_shuffled': 6,
        'bcr_identity': 4,
    }


def test_the_identitys_loss_is_0_in_a_step():
    """To the bit, though D looks at the copies beside the originals."""
    terms = {'adversarial': hinge(), 'consistency': PLACEBOS['identity']()}
    gan = small.make_gan(terms)
    _, metrics = small.compiled(gan, terms)(
        small.first_state(gan, terms),
        small.make_batch(),
        small.make_hyper(dict.fromkeys(terms, 1.0)),
    )
    assert metrics['d/consistency/real'] == metrics['d/consistency/fake'] == 0


# Figure 4 -----------------------------------------------------------------------------------------

FIGURE4 = runpy.run_path(str(SWEEPS / 'figure4.py'))


@pytest.mark.slow
def test_figure_4_is_the_ratio_of_two_distances():
    real, fake = (data.load('digits', split=split).images[:200] for split in ('train', 'test'))
    fake = 255 - fake
    found = FIGURE4['ratios'](real, fake, ['zoom_out', 'brightness'], [0.0, 0.5])
    assert [*found] == [(op, s) for op in ('zoom_out', 'brightness') for s in (0.0, 0.5)]
    assert found['zoom_out', 0.0] == found['brightness', 0.0] == 1

    moved = []
    for kind, images in (('real', real), ('fake', fake)):
        key = named(jax.random.key(0), kind, 0)
        floats = policies.parse('zoom_out')(key, images / np.float32(255), np.float32(0.5))
        moved.append(np.round(np.asarray(floats) * 255).astype(np.uint8))
    expected = distance(*moved) / distance(real, fake)
    assert expected < 0.9
    np.testing.assert_allclose(found['zoom_out', 0.5], expected, rtol=1e-3)


def distance(real, fake):
    seen = [features.digits(images).features for images in (real, fake)]
    return frechet.distance(*map(frechet.moments, seen))


@pytest.mark.slow
def test_figure_4_of_a_run(tmp_path, capsys):
    flags = ['--config.steps=1', f'--workdir={tmp_path}']
    assert train.main([f'--config={ROOT}/tests/smoke.py', *flags]) == 0
    capsys.readouterr()
    options = ['--augment=translation,cutout', '--strength=0.1,0.4', '--num=150']
    FIGURE4['main']([f'--workdir={tmp_path}', *options])
    with (tmp_path / 'results' / 'figure4.csv').open() as lines:
        rows = {(row['augment'], row['strength']): row['ratio'] for row in csv.DictReader(lines)}
    assert [*rows] == [(op, s) for op in ('translation', 'cutout') for s in ('0.1', '0.4')]
    assert all(0 < float(ratio) < 2 for ratio in rows.values())
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == '| augmentation | 0.1 | 0.4 |'
    assert f'{float(rows["translation", "0.4"]):.2f}' in shown
    pytest.importorskip('matplotlib')
    with Image.open(tmp_path / 'results' / 'figure4.png') as picture:
        assert picture.size == (750, 525)


@pytest.mark.parametrize(
    ('flag', 'said'),
    [
        ('--augment=translocation', "unknown augmentation 'translocation'"),
        ('--strength=2', 'takes a strength in'),
        ('--strength=much', "--strength is 'much': give a number"),
        ('--num=1', '--num is 1'),
    ],
)
def test_figure_4_refuses_its_flags_before_it_reads_the_run(flag, said):
    with pytest.raises(UserError) as caught:
        FIGURE4['main'](['--workdir=nowhere', flag])
    assert caught.value.status == 2
    assert said in str(caught.value)


def test_figure_4_is_of_digits(monkeypatch):
    images = data.DataSet(np.zeros((2, 8, 8, 1), np.uint8), None, 0, 'cats')
    run = SimpleNamespace(setup=SimpleNamespace(reference=images))
    monkeypatch.setattr(trained, 'restore_run', lambda *arguments, **options: run)
    with pytest.raises(UserError, match="mean nothing on 'cats'"):
        FIGURE4['main'](['--workdir=anywhere'])
