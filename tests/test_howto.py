"""Pages of the docs are programs: their files are written, their commands run in order."""

import csv
import importlib.util
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys

import pytest

from gan_jax import prepare, sample, sweep, train
from gan_jax.benchmark import __main__ as benchmark
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.run import log
from gan_jax.runtime.errors import MISSING, UserError
from tests import pages
from tests.data.archives import maker
from tests.pages import ROOT

MAINS = {
    'gan_jax.train': train.main,
    'gan_jax.evaluate': evaluate.main,
    'gan_jax.sample': sample.main,
    'gan_jax.sweep': sweep.main,
    'gan_jax.benchmark': benchmark.main,
    'gan_jax.prepare': prepare.main,
}
PROGRAMS = [
    ROOT / 'docs' / 'tutorial.md',
    *pages.HOW_TO,
    ROOT / 'docs' / 'reference' / 'metrics.md',
]
# `make` and `git` are run by other tests, and by whoever has this file.
ELSEWHERE = ('make ', 'git clone ', '. .venv/bin/activate', 'pip install ')
RUN = 'workdirs/digits'  # which most pages begin with
# What makes a run of minutes one of seconds.
SHORT = {
    'steps': 4,
    'batch_size': 8,
    'generator.width': 0.0625,
    'discriminator.width': 0.0625,
    'evaluate.num': 200,  # more than features of stacked digits
    'every.log': 2,
    'mesh.data': 1,
}
GRID = ''.join(f"'{key}': [{value}], " for key, value in SHORT.items())


def flags_of(**further):
    return [f'--config.{key}={value}' for key, value in (SHORT | further).items()]


def short_for(words):
    """The flags that make a run of a config short; networks of one's own have other widths."""
    flags = flags_of()
    if '--config=with_networks.py' in words:
        flags = [flag for flag in flags if '.width=' not in flag]
    if any(word.startswith('--config.steps=') for word in words):
        flags = [*flags, f'--config.steps={SHORT["steps"] + 2}']
    if any('configs/cifar10' in word for word in words):  # whose FID needs a download
        flags += ['--config.evaluate.metrics=', '--config.evaluate.full=']
    return flags


def shortened(words, folder):
    """A command of a page as words, made one of seconds."""
    program = words[2]
    if any(word.startswith('--plan') for word in words):  # which runs nothing
        return words
    if program == 'gan_jax.prepare':  # a small archive instead of a download
        return [*words, f'--source={maker.cifar10(folder)[0]}']
    if program == 'gan_jax.evaluate':
        return [*(word for word in words if not word.startswith('--num=')), '--num=200']
    short = short_for(words) if program in ('gan_jax.train', 'gan_jax.benchmark') else []
    if any(word.startswith('--cluster') for word in words):  # all processes' devices take part
        short = [flag for flag in short if 'mesh.data' not in flag]
    timed = ['--repeats=1', '--whole_only'] if program == 'gan_jax.benchmark' else []
    return [*words, *short, *timed]


pytestmark = pytest.mark.usefixtures('quick', 'compiled_once')


@pytest.fixture(scope='module')
def trained(tmp_path_factory, quick, compiled_once):
    """A run such as the tutorial's, some steps long."""
    folder = tmp_path_factory.mktemp('trained') / 'run'
    command = [f'--config={ROOT}/configs/digits.py', f'--workdir={folder}', *flags_of()]
    assert train.main(command) == 0
    return folder


@pytest.fixture
def reader(tmp_path, monkeypatch, trained, request):
    """A folder like the checkout, with the run, and the files that the page tells to write."""
    for name in ('configs', 'launch'):
        (tmp_path / name).symlink_to(ROOT / name)
    page = request.node.callspec.params['page']
    if page.stem != 'tutorial':  # which trains it itself
        shutil.copytree(trained, tmp_path / RUN)
    for name, content in pages.files(page.read_text()).items():
        for steps in (200, 700, 1400):
            content = content.replace(f"'steps': [{steps}]", GRID.removesuffix(', '))
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize('page', PROGRAMS, ids=lambda page: page.stem)
def test_every_command_runs_in_order(page, reader, capsys):
    text = page.read_text()
    lines = [line for line in pages.commands(text) if not line.startswith(ELSEWHERE)]
    beside = []
    for line in lines:
        words = shlex.split(line)
        if words[-1] == '&' or beside:
            beside.append(started(shortened([w for w in words if w != '&'], reader)))
        else:
            run(words, reader)
    for process in beside:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    CHECKS.get(page.stem, lambda folder, said: None)(reader, capsys.readouterr().out)
    for name in pages.files(text):
        if name.startswith('test_'):
            for test in [f for n, f in runpy.run_path(name).items() if n.startswith('test_')]:
                test()


def run(words, folder):
    """Runs a command in this process, where programs are compiled once for all pages."""
    if words[0] in ('cp', 'mkdir'):
        subprocess.run(words, check=True)
    elif words[:2] == ['python', '-m']:
        command = shortened(words, folder)
        if '--compile_for' in ' '.join(words) and not importlib.util.find_spec('libtpu'):
            with pytest.raises(UserError, match=r'\[tpu_compiler\]') as caught:
                MAINS[words[2]](command[3:])
            assert caught.value.status == MISSING
        else:
            assert MAINS[words[2]](command[3:]) in (0, None), words
    else:
        assert words[0] == 'python', f'the page has a command nobody runs: {words}'
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, 'argv', words[1:])
            runpy.run_path(words[1], run_name='__main__')


def started(words):
    """A process of a run of several."""
    return subprocess.Popen(
        [sys.executable, *words[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )


# What the pages promise -------------------------------------------------------------------------


def config_of(folder, run):
    return json.loads((folder / 'workdirs' / run / 'config.json').read_text())


def rows_of(folder, run):
    return log.read_rows(folder / 'workdirs' / run / 'metrics.jsonl')


def check_learning_rate(folder, said):
    assert config_of(folder, 'slower')['optim']['g']['learning_rate'] == 3e-4
    rates = [row['schedule/optim.d.learning_rate'] for row in rows_of(folder, 'cooled')[1:]]
    assert rates[0] == pytest.approx(6e-4) and rates[-1] < 6e-4
    assert config_of(folder, 'decayed')['optim']['d']['fn'] == 'optax.adamw'
    assert config_of(folder, 'lower')['init']['workdir'] == str(folder / RUN)
    with open(folder / 'workdirs' / 'rates' / 'table.csv') as file:
        assert len([*csv.DictReader(file)]) == 4  # two rates, two seeds
    command = [f'--workdir={RUN}', '--config=configs/digits.py', *flags_of()]
    with pytest.raises(UserError, match='holds a run of another config'):
        train.main([*command, '--config.optim.d.learning_rate=1e-4'])


def check_joint(folder, said):
    # Later steps differ more: Adam's first moves are signs, also of gradients that are rounding.
    row, same = rows_of(folder, 'one_by_one')[1], rows_of(folder, 'digits')[1]
    names = {name for name in row if name.startswith(('d/', 'g/'))}
    assert len(names) > 10 and row['step'] == same['step']
    for name in names:
        assert row[name] == pytest.approx(same[name], rel=1e-2, abs=1e-4), name
    command = ['--config=configs/digits_networks.py:network=dcgan', '--dry_run']
    with pytest.raises(UserError, match='config.joint is True'):
        train.main([*command, '--config.joint=True', '--config.generator.width=0.0625'])


def check_log_a_number(folder, said):
    rows = rows_of(folder, 'numbers')
    assert 0 <= rows[-1]['eval/brightness'] <= 255 and rows[-1]['eval/largest_kernel'] > 0
    shares = [row['d/watched/right'] for row in rows_of(folder, 'watched')[1:]]
    assert all(0 <= share <= 1 for share in shares)
    assert "{'step': 4, 'd/watched/right': " in said


def check_compare_runs(folder, said):
    assert 'score fd_digits: ' in said
    assert 'config terms.consistency.fn: None | gan_jax.terms.consistency.balanced' in said
    assert not [line for line in said.splitlines() if line.startswith('protocol ')]
    assert '| bcr |' in (folder / 'workdirs' / 'two_methods' / 'table.md').read_text()


def check_which_fid(folder, said):
    for named in ('"interpolation"', '"weights": "ema"', '"reference_digest"', 'checkpoint last'):
        assert named in said


def check_resume(folder, said):
    assert [row['step'] for row in rows_of(folder, 'resumed')][-1] == SHORT['steps']
    (earlier,) = (folder / 'workdirs' / 'resumed' / 'earlier').iterdir()
    assert log.read_rows(earlier / 'metrics.jsonl')[-1]['step'] == SHORT['steps'] + 2


def check_move_a_run(folder, said):
    assert (folder / 'moved.png').is_file()
    assert [*(folder / 'workdirs' / 'moved' / 'results').glob('*.json')]


def check_publish(folder, said):
    assert (folder / 'check.png').read_bytes() == (folder / 'samples.png').read_bytes()


def check_tutorial(folder, said):
    check_workdir(folder / RUN)
    assert (folder / 'grid.png').is_file() and len([*(folder / 'images').iterdir()]) == 500
    assert 'd/near_zero/real' in rows_of(folder, 'near_zero')[-1]


def check_workdir(folder):
    """All that a run writes is in the tables of the page on it."""
    page = (ROOT / 'docs' / 'reference' / 'workdir.md').read_text()
    files, names = map(pages.first_column, page.split('## The log'))
    tops = {name.partition('/')[0] for name in files}
    assert {path.name for path in folder.iterdir()} <= tops
    forms = [re.sub('[A-Z]+', r'[\\w./@()]+', name) for name in names]
    found = {key for row in log.read_rows(folder / 'metrics.jsonl') for key in row}
    assert [key for key in found if not any(re.fullmatch(form, key) for form in forms)] == []


def check_own_term(folder, said):
    assert 'd/drift/real' in rows_of(folder, 'drift')[-1]


def check_sweep(folder, said):
    assert (folder / 'workdirs' / 'my_sweep' / 'table.md').is_file()


CHECKS = {
    name.removeprefix('check_'): check
    for name, check in globals().copy().items()
    if name.startswith('check_') and name != 'check_workdir'
}


def test_every_check_is_of_a_page():
    assert CHECKS.keys() <= {page.stem for page in PROGRAMS}
