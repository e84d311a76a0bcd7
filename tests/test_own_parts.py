"""docs/own_parts.md is a program: its files are written, its commands run in order."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from gan_jax import prepare, sample, train
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.run import log

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / 'docs' / 'own_parts.md').read_text(encoding='utf-8')
COMMANDS = {
    'gan_jax.train': train.main,
    'gan_jax.evaluate': evaluate.main,
    'gan_jax.sample': sample.main,
    'gan_jax.prepare': prepare.main,
}
# What makes a run of minutes one of seconds.
SHORT = [
    '--config.steps=6',
    '--config.batch_size=8',
    '--config.evaluate.num=100',
    '--config.mesh.data=1',
    '--config.every.log=2',
]
NARROW = ['--config.generator.width=0.0625', '--config.discriminator.width=0.0625']
# Of networks without widths that are factors.
OTHERS = {
    '--config=with_codes.py': [
        *('--config.generator.widths=(16, 16)', '--config.discriminator.widths=(16, 16)')
    ],
    '--config=with_features.py': [NARROW[0], '--config.discriminator.width=8'],
}


def blocks(language):
    return re.findall(rf'^```{language}\n(.*?)^```$', TEXT, flags=re.M | re.S)


def commands():
    lines = [line for block in blocks('sh') for line in block.splitlines()]
    return [shlex.split(line) for line in lines if not line.startswith('pip install ')]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A folder like the checkout, with the files that the page tells a reader to write."""
    for name in ('configs', 'docs'):
        (tmp_path / name).symlink_to(ROOT / name)
    for block in blocks('python'):
        name = re.match(r'# (\w+)\.py\n', block)[1]
        (tmp_path / f'{name}.py').write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def sent(monkeypatch):
    """What a package `wandb` is sent: [(step, values)]."""
    rows, package = [], ModuleType('wandb')
    run = SimpleNamespace(
        id='x', step=0, log=lambda values, step: rows.append((step, values)), finish=lambda: None
    )
    package.init = lambda **given: run
    package.Image = lambda data, caption: caption
    monkeypatch.setitem(sys.modules, 'wandb', package)
    return rows


@pytest.mark.slow
def test_every_command_runs_in_order_and_does_what_is_said(reader, sent):
    assert len(commands()) == 14
    for python, module, name, *flags in commands():
        assert (python, module) == ('python', '-m')
        if name == 'my_convolutions':
            runpy.run_module(name, run_name='__main__')
            continue
        small = OTHERS.get(flags[0], NARROW)
        short = {'gan_jax.train': [*SHORT, *small], 'gan_jax.prepare': []}.get(name, ['--num=100'])
        assert COMMANDS[name]([*flags, *short]) == 0, flags

    rows = {row['step']: row for row in log.read_rows(reader / 'workdirs/metrics/metrics.jsonl')}
    assert [step for step, row in rows.items() if 'eval/contrast' in row] == [0, 5, 6]
    assert [step for step, row in rows.items() if 'eval/norms/conv_0' in row] == [0, 2, 4, 6]
    assert [step for step, row in rows.items() if 'eval/diversity' in row] == [0, 3, 6]
    assert not any('eval_failed' in row for row in rows.values())
    (result,) = (reader / 'workdirs/metrics/results').iterdir()
    assert json.loads(result.read_text())['metrics'].keys() > {'contrast', 'fd_digits'}

    assert json.loads((reader / 'workdirs/stripes/classes.json').read_text())['1'] == 'right'
    (row,) = log.read_rows(reader / 'workdirs/stripes/metrics.jsonl')[-1:]
    assert row['eval/kd200_test@digits'] is not None and row['eval/retrieval'] is not None

    lines = (reader / 'workdirs/written/losses.csv').read_text().splitlines()
    assert [int(line.split(',')[0]) for line in lines] == [2, 4, 6]
    losses = [step for step, values in sent if 'd/adversarial/real' in values]
    assert losses == [2, 4, 6] and any('samples' in values for _, values in sent)
    assert json.loads((reader / 'workdirs/online/wandb.json').read_text()) == {'id': 'x'}
    assert (reader / 'bright.png').is_file() and (reader / 'codes.png').is_file()
    record = json.loads((reader / 'data/digits.codes/train/info.json').read_text())
    assert record['images']['shape'] == [1437, 8, 8, 3]
    record = json.loads((reader / 'convolutions/digits.codes/train/info.json').read_text())
    assert record['images']['shape'] == [1437, 8, 8, 2]


def test_every_link_and_file_named_exists():
    for link in re.findall(r'\]\(([\w./]+\.md)', TEXT):
        assert (ROOT / 'docs' / link).exists(), link
    for name in re.findall(r'`(gan_jax/[\w/]+\.py)`', TEXT):
        assert (ROOT / name).exists(), name


def test_the_readme_and_the_page_on_data_lead_here():
    for page in ('README.md', 'docs/data.md', 'docs/howto/own_term.md'):
        assert 'own_parts.md' in (ROOT / page).read_text(), page
