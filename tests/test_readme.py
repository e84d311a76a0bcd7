"""The README is a program: its files are written, its commands run in order, as a reader would."""

import importlib.util
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax.runtime.errors import MISSING
from tests.data.archives import maker

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / 'README.md').read_text(encoding='utf-8')

# Run elsewhere: `make test` and `make lint` are what runs this (.ci/run), `make demo` is run by
# tests/test_demo.py, and cloning by whoever has this file.
ELSEWHERE = ('make ', 'git clone ', '. .venv/bin/activate', 'pip install ')
# What makes a run of minutes one of seconds.
SHORT = [
    '--config.steps=3',
    '--config.batch_size=8',
    '--config.generator.width=0.0625',
    '--config.discriminator.width=0.0625',
    '--config.evaluate.num=200',  # more than features of stacked digits
    '--config.mesh.data=1',
]
SHORT_GRID = ''.join(
    f"'{key.removeprefix('--config.')}': [{value}], "
    for key, value in (flag.split('=') for flag in SHORT)
)


def blocks(language):
    return re.findall(rf'^```{language}\n(.*?)^```$', TEXT, flags=re.M | re.S)


def commands():
    lines = [line for block in blocks('sh') for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(ELSEWHERE)]


@pytest.fixture(scope='module')
def reader(tmp_path_factory):
    """A folder like the checkout, with the files that the README tells a reader to write."""
    folder = tmp_path_factory.mktemp('reader')
    for name in ('configs', 'launch', 'gan_jax'):
        (folder / name).symlink_to(ROOT / name)
    for block in blocks('python'):
        name = re.match(r'# (\w+\.py)\n', block).group(1)
        (folder / name).write_text(block.replace("'steps': [200],", SHORT_GRID))
    return folder


def shortened(words, reader):
    """A command of the README as words, made one of seconds."""
    if any(word.startswith('--plan') for word in words):  # which runs nothing
        return words
    short = SHORT if words[2] in ('gan_jax.train', 'gan_jax.benchmark') else []
    if any(word.startswith('--cluster') for word in words):  # all processes' devices take part
        short = [flag for flag in short if 'mesh.data' not in flag]
    if words[2] == 'gan_jax.benchmark':
        short = [*short, '--repeats=1']
    if any('configs/cifar10' in word for word in words):  # whose FID needs a download
        short = [*short, '--config.evaluate.metrics=', '--config.evaluate.full=']
    if words[2] == 'gan_jax.prepare':  # a small archive instead of a download
        short = [f'--source={maker.cifar10(reader)[0]}']
    return [*words, *short]


@pytest.mark.slow
def test_every_command_runs_in_order(reader):
    ran, beside = [], []
    for line in commands():
        words = shlex.split(line)
        if words[0] == 'launch/local.sh':  # its set-up is tests/test_launch.py's subject
            words = ['python', '-m', 'gan_jax.train', *words[1:]]
        assert words[:2] == ['python', '-m'], f'the README has a command nobody runs: {line}'
        behind = words[-1] == '&'
        process = subprocess.Popen(
            [sys.executable, *shortened(words[: -1 if behind else None], reader)[1:]],
            cwd=reader,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )
        beside.append((line, process))
        while beside and not behind:
            line, process = beside.pop()
            said, _ = process.communicate(timeout=300)
            if '--compile_for' in line and not importlib.util.find_spec('libtpu'):
                assert process.returncode == MISSING, said
                assert 'gan_jax[tpu_compiler]' in said or '.[tpu_compiler]' in said
                continue
            assert process.returncode == 0, f'{line}\n{said}'
        ran.append(words[2])
    programs = ('train', 'sample', 'evaluate', 'prepare', 'sweep', 'benchmark')
    assert set(ran) == {f'gan_jax.{program}' for program in programs}
    assert (reader / 'workdirs' / 'my_sweep' / 'table.md').exists()
    assert (reader / 'grid.png').exists() and len(list((reader / 'images').iterdir())) == 500
    rows = (reader / 'workdirs' / 'drift' / 'metrics.jsonl').read_text().splitlines()
    assert 'd/drift/real' in json.loads(rows[-1])
    named = set(re.findall(r'^\| `([a-z./*]+)`', TEXT, flags=re.M))
    for pattern in named & {'metrics.jsonl', 'samples/*.png', 'tensorboard/', 'checkpoints/'}:
        assert list((reader / 'workdirs' / 'digits').glob(pattern.rstrip('/')))
    assert list((reader / 'workdirs' / 'digits' / 'results').glob('*.json'))


def test_the_reader_s_own_part_passes_its_test(reader, monkeypatch):
    monkeypatch.syspath_prepend(reader)
    found = [file for file in sorted(reader.iterdir()) if file.name.startswith('test_')]
    assert [file.name for file in found] == ['test_drift.py']
    runpy.run_path(str(found[0]))['test_drift']()


def test_every_make_target_named_exists():
    makefile = (ROOT / 'Makefile').read_text()
    for target in set(re.findall(r'make ([a-z-]+)', TEXT)) - {'s'}:
        assert re.search(rf'^{target}:', makefile, flags=re.M), target


def test_every_file_named_exists():
    prose = re.sub(r'^```.*?^```$', '', TEXT, flags=re.M | re.S)
    named = r'\]\(([\w./]+)\)|`((?:gan_jax|tests|docs|launch|configs)/[\w./]+)`'
    found = [link or path for link, path in re.findall(named, prose)]
    assert {'docs/results.md', 'gan_jax/step.py'} <= set(found)
    for name in found:
        assert (ROOT / name).exists(), name


def test_the_methods_and_ops_named_are_those_that_there_are():
    from gan_jax.augment import policy
    from gan_jax.experiment.presets import METHODS

    table = TEXT[TEXT.index('## Methods') : TEXT.index('## A term of your own')]
    assert re.findall(r'^\| `(\w+)`', table, flags=re.M) == list(METHODS)
    listed = table[table.index('There are\n') :]
    assert set(re.findall(r'`(\w+)`', listed)) == set(policy.OPS)
