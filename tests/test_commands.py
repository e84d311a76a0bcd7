"""Every command by its name: what it takes is told at once, and mistakes before JAX is there."""

import ast
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gan_jax import commands
from gan_jax.augment import policy
from gan_jax.evaluate import protocol
from gan_jax.experiment import config, shipped
from gan_jax.experiment.presets import METHODS
from gan_jax.flags import listed
from gan_jax.runtime import cli, environment, output, progress
from gan_jax.runtime.errors import UserError

ROOT = Path(__file__).parent.parent
HEAVY = ('jax', 'flax', 'optax', 'orbax', 'tensorflow', 'matplotlib', 'torch')
LIGHT = ('numpy', 'PIL', 'rich', 'ml_collections')  # a part of a second each


def ran(*arguments, cwd=ROOT):
    """`python -m gan_jax` with these arguments, or -c and code."""
    first = () if arguments[:1] == ('-c',) else ('-m', 'gan_jax')
    return subprocess.run(
        [sys.executable, *first, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'COLUMNS': '100'},
    )


def modules():
    """The commands that there are: modules that end in `cli.run`, as `python -m gan_jax.NAME`."""
    files = [*ROOT.glob('gan_jax/*.py'), *ROOT.glob('gan_jax/*/__main__.py')]
    found = {file for file in files if '    cli.run(main' in file.read_text()}
    return {file.parent.name if file.name == '__main__.py' else file.stem for file in found}


def test_every_command_has_a_line_and_a_module_of_flags():
    assert {'train', 'evaluate', 'benchmark'} <= modules() == {*commands.COMMANDS}
    flags = {path.stem for path in ROOT.glob('gan_jax/flags/*.py')} - {'__init__', 'listed', 'size'}
    assert flags == {*commands.COMMANDS}


@pytest.mark.parametrize('command', commands.COMMANDS)
def test_a_command_reads_its_flags_before_anything_else(command):
    file = ROOT / 'gan_jax' / f'{command}.py'
    file = file if file.is_file() else ROOT / 'gan_jax' / command / '__main__.py'
    first = ast.unparse(ast.parse(file.read_text()).body[1])
    assert first.startswith("if __name__ == '__main__':")
    assert first.endswith(f"begin.command('gan_jax.flags.{command}')")


def test_all_help_is_told_without_jax():
    """Of every command in one process: only the names of its modules count here."""
    code = f"""
import importlib, sys
for name in {[*commands.COMMANDS]}:
    try:
        importlib.import_module(f'gan_jax.flags.{{name}}').parse(['--help'])
    except SystemExit as end:
        assert end.code == 0, name
from gan_jax import commands
print(commands.listed())
assert not {{*sys.modules}} & {{*{HEAVY}}}, {{*sys.modules}} & {{*{HEAVY}}}
"""
    done = ran('-c', code)
    assert done.returncode == 0, done.stderr
    for name in commands.COMMANDS:
        assert f'usage: gan_jax {name} ' in done.stdout and f'  {name:<10} ' in done.stdout
    helps = done.stdout.split('usage: ')[1:]  # the last is of `gan_jax` itself
    help_of = dict(zip(commands.COMMANDS, helps[:-1], strict=True))
    configs = {*METHODS, *policy.OPS, *shipped.files(shipped.CONFIG)}
    assert configs | {*listed.NAMES} <= words_of(help_of['train'])
    assert configs <= words_of(help_of['benchmark'])
    assert {*listed.NAMES} <= words_of(help_of['evaluate'])
    assert {*shipped.files(shipped.SWEEP), 'figure2'} <= words_of(help_of['sweep'])
    assert {'--quiet', '--json', '--debug'} <= words_of(done.stdout)


def words_of(text):
    return {word.strip('.,:') for word in text.split()}


@pytest.mark.parametrize(
    ('arguments', 'without'),
    [
        (['--help'], LIGHT),
        ([], LIGHT),
        (['train', '--help'], LIGHT),
        (['train', '--wrokdir'], LIGHT),
        (['evaluate', '--help'], ()),
    ],
)
def test_what_is_answered_at_once(arguments, without):
    """-X importtime lists every module that the process has imported; each takes its time."""
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', '-m', 'gan_jax', *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith('import time:')]
    imported = {line.split('|')[-1].strip() for line in lines}
    assert 'gan_jax.commands' in imported and not imported & {*HEAVY, *without}
    assert len(imported) < 600  # 190 of train, 400 of evaluate, most of them NumPy's


def test_the_names_that_help_lists_are_all_that_there_are():
    assert listed.ops() == sorted(policy.OPS)
    assert {*shipped.files(shipped.CONFIG)} == {path.stem for path in ROOT.glob('configs/*.py')}
    known = [name for family in protocol.FAMILIES for name in family.NAMES]
    assert sorted(known) == sorted(listed.NAMES)


def test_the_page_lists_every_command_and_its_code_runs(tmp_path, monkeypatch):
    page = (ROOT / 'docs' / 'command_line.md').read_text()
    table = page[: page.index('## Configs by name')]
    rows = dict(re.findall(r'^\| `(\w+)` \| ([^|]+) \|$', table, flags=re.M))
    assert {name: row.strip() for name, row in rows.items()} == commands.COMMANDS
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r'^```python\n# (\w+\.py)\n(.*?)^```$', page, flags=re.M | re.S)
    (tmp_path / block[0]).write_text(block[1])
    assert config.load_config(block[0]).steps == 5000


def test_an_unknown_command_is_a_sentence():
    done = ran('trian', '--config=digits')
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr == "gan_jax: gan_jax has no command 'trian'; did you mean 'train'?\n"


@pytest.mark.slow
def test_a_command_by_its_name_is_its_module_and_finds_modules_of_the_current_folder(tmp_path):
    (tmp_path / 'mine.py').write_text('def f(): ...')
    done = ran('sample', '--workdir=none', '--out=x.png', '--allow=mine', cwd=tmp_path)
    assert done.returncode == 66 and 'none/config.json does not exist' in done.stderr


def test_the_script_of_an_environment_finds_modules_of_the_current_folder(tmp_path, monkeypatch):
    """`python -m` has the folder on its path already; a console script has its own folder there."""
    monkeypatch.chdir(tmp_path)
    elsewhere = [one for one in sys.path if one not in ('', str(tmp_path))]
    monkeypatch.setattr(sys, 'path', [*elsewhere])
    commands._import_from_here()
    assert sys.path == [str(tmp_path), *elsewhere]
    commands._import_from_here()
    assert sys.path.count(str(tmp_path)) == 1


# --quiet and --json ------------------------------------------------------------------------------


def test_json_of_a_mistake_is_one_object():
    done = ran('sample', '--workdir=none', '--out=x.txt', '--json')
    said = json.loads(done.stdout)
    assert done.returncode == said['exit_status'] == 2
    assert said['error'].startswith('--out is x.txt') and said['error'] in done.stderr


@pytest.fixture
def told(monkeypatch, capsys):
    """(flags) -> (status, out, err) of a command that prints something of each kind."""

    def main(arguments):
        print('under way')
        output.note('a remark')
        output.result(images=3, score=float('nan'), out=Path('x'), count=np.int64(2))
        output.show('42')
        if arguments == ['fail']:
            raise UserError('mend this', 65)

    def run(*flags):
        monkeypatch.setattr(sys, 'argv', ['command', *flags])
        with pytest.raises(SystemExit) as end:
            cli.run(main)
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def test_everything_is_printed_unless_asked_otherwise(told):
    assert told() == (0, 'under way\n42\n', 'gan_jax: a remark\n')


def test_quiet_prints_errors_and_what_was_asked_for(told):
    assert told('--quiet') == (0, '42\n', '')
    assert told('--quiet', 'fail') == (65, '42\n', 'gan_jax: mend this\n')


def test_json_prints_one_object_on_standard_output(told):
    status, out, err = told('--json')
    assert (status, err) == (0, 'gan_jax: a remark\n') and out.count('\n') == 1
    result = {'images': 3, 'score': None, 'out': 'x', 'count': 2}
    assert json.loads(out) == {**result, 'exit_status': 0}
    status, out, _ = told('--json', 'fail')
    assert json.loads(out) == {**result, 'exit_status': 65, 'error': 'mend this'} and status == 65
    assert told() == (0, 'under way\n42\n', 'gan_jax: a remark\n')  # nothing is left of it


def test_the_values_of_one_command_are_not_the_next_ones(told, monkeypatch, capsys):
    told('--json')
    monkeypatch.setattr(sys, 'argv', ['command', '--json'])
    with pytest.raises(SystemExit):
        cli.run(lambda arguments: None)
    assert json.loads(capsys.readouterr().out) == {'exit_status': 0}


def test_no_bar_is_drawn_under_quiet(monkeypatch, capsys):
    monkeypatch.setenv('FORCE_COLOR', '1')
    for flags, drawn in (([], True), (['--quiet'], False)):
        with output.as_asked(flags), progress.bar('work') as report:
            report(1, 2)
        assert bool(capsys.readouterr().err) is drawn


# Configs and sweeps by their names ---------------------------------------------------------------


def test_a_shipped_config_is_found_by_its_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.split('digits') == (ROOT / 'configs' / 'digits.py', None)
    assert config.split('digits:method=bcr') == (ROOT / 'configs' / 'digits.py', 'method=bcr')
    assert config.load_config('digits:method=none').data.name == 'digits'
    (tmp_path / 'digits').write_text('def get_config(): ...')  # a file of one's own comes first
    assert config.split('digits') == (Path('digits'), None)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('digts', "there is no config file digts; did you mean 'digits'? There are bigdeep_imag"),
        ('nothing_like_it', 'there is no config file nothing_like_it; with gan_jax come bigdeep_'),
        (
            'elsewhere/digits.py',
            "; the one that comes with gan_jax is called by its name alone, '",
        ),
        ('elsewhere/mine.py', 'there is no config file elsewhere/mine.py'),
    ],
)
def test_a_config_that_is_not_there_is_named_with_those_that_are(text, said):
    with pytest.raises(UserError) as caught:
        config.run_config_file(text)
    assert said in str(caught.value) and caught.value.status == 2


def test_configs_lie_in_the_package_where_it_is_installed(tmp_path, monkeypatch):
    installed = tmp_path / 'gan_jax'
    (installed / 'configs').mkdir(parents=True)
    (installed / 'configs' / 'mine.py').write_text('def get_config(): ...')
    (installed / 'configs' / 'no_config.py').write_text('VALUE = 1')
    monkeypatch.setattr(shipped.gan_jax, '__file__', str(installed / '__init__.py'))
    assert shipped.files(shipped.CONFIG) == {'mine': installed / 'configs' / 'mine.py'}


def test_a_shipped_sweep_is_found_by_its_name_and_names_its_config_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = shipped.found('figure2', shipped.SWEEP)
    assert file == ROOT / 'configs' / 'sweeps' / 'figure2.py'
    (path,) = {runpy.run_path(str(file))['get_sweep']()['config']}
    assert config.split(path)[0] == ROOT / 'configs' / 'cifar10_sndcgan.py'


# Commands for this environment -------------------------------------------------------------------


@pytest.fixture
def interpreter(tmp_path, monkeypatch):
    """An environment in the current folder whose scripts are not on the PATH."""
    monkeypatch.chdir(tmp_path)
    scripts = tmp_path / '.venv' / 'bin'
    scripts.mkdir(parents=True)
    for name in ('python', 'gan_jax'):
        (scripts / name).touch(mode=0o755)
    monkeypatch.setattr(sys, 'executable', str(scripts / 'python'))
    monkeypatch.setenv('PATH', '/nowhere')
    return scripts


def test_a_command_names_the_interpreter_unless_the_environment_is_active(interpreter, monkeypatch):
    told = environment.command('sample', '--workdir=my run')
    assert told == f"{interpreter}/python -m gan_jax sample '--workdir=my run'"
    monkeypatch.setenv('PATH', str(interpreter))
    assert environment.command('sample', '--num=1') == 'gan_jax sample --num=1'


def test_packages_of_the_current_folder_are_found_from_any_other(
    interpreter, tmp_path, monkeypatch
):
    def before(*packages):
        words = shlex.split(environment.command('sample', packages=packages))
        return words[: words.index(f'{interpreter}/python')]

    monkeypatch.delenv('PYTHONPATH', raising=False)
    for name in ('of_the_folder.py', 'my lib/of_the_lib.py'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.syspath_prepend(tmp_path / 'my lib')
    monkeypatch.syspath_prepend('')  # as `python -c` has the current folder
    assert before() == before('numpy', 'nowhere') == before('of_the_lib') == []
    assert before('numpy', 'of_the_folder') == [f'PYTHONPATH={tmp_path}']
    monkeypatch.setenv('PYTHONPATH', 'my lib:/theirs')
    assert before('of_the_lib') == [f'PYTHONPATH={tmp_path}:{tmp_path}/my lib:/theirs']
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{tmp_path}/my lib')
    assert before('of_the_folder', 'of_the_lib') == []


def test_an_extra_is_installed_from_the_checkout_or_by_name(interpreter, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, 'ROOT', tmp_path / 'a checkout')
    pip = [f'{interpreter}/python', '-m', 'pip', 'install']
    assert shlex.split(environment.install('plots')) == [*pip, 'gan_jax[plots]']
    (tmp_path / 'a checkout').mkdir()
    (tmp_path / 'a checkout' / 'setup.py').touch()
    told = shlex.split(environment.install('plots'))
    assert told == [*pip, '-e', f'{tmp_path}/a checkout[plots]']
    assert shlex.split(environment.install_packages('torch')) == [*pip, 'torch']


def test_every_extra_that_is_named_exists():
    text = (ROOT / 'setup.py').read_text()
    named = {
        name
        for file in (ROOT / 'gan_jax').rglob('*.py')
        for name in re.findall(r'environment\.install\(.(\w+).\)', file.read_text())
    }
    assert named >= {'plots', 'grain', 'wandb', 'tpu_compiler'}
    assert all(f"'{name}': " in text for name in named)


def test_what_is_not_installed_is_not_recommended():
    assert environment.run_module('no_such_package.main', '--logdir=x') == ''
