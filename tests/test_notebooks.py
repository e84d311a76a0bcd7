"""The notebooks as they are committed; `make notebooks` executes them."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.edited import edited

FILES = sorted((Path(__file__).parent.parent / 'notebooks').glob('*.ipynb'))
every_notebook = pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)


def test_the_search_finds_the_notebooks():
    assert {file.stem for file in FILES} >= {'train_in_two_minutes', 'augmentations'}


@every_notebook
def test_is_valid_and_without_outputs(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert cells
    for cell in cells:
        assert not cell.outputs and cell.execution_count is None, cell.source


@every_notebook
def test_checks_something(file):
    """A notebook that only draws would pass with broken pictures."""
    code = [cell.source for cell in nbformat.read(file, as_version=4).cells]
    assert any(line.lstrip().startswith('assert ') for cell in code for line in cell.splitlines())


# The notebook whose first cell installs gan_jax ---------------------------------------------------

HOSTED = Path(__file__).parent.parent / 'notebooks' / 'hosted.ipynb'


def run_first_cell(source=''):
    cells = nbformat.read(HOSTED, as_version=4).cells
    cell = next(cell.source for cell in cells if cell.cell_type == 'code')
    given = cell.replace("SOURCE = ''", f'SOURCE = {source!r}', 1)
    exec(compile(given, str(HOSTED), 'exec'), {'__name__': '__main__'})


@pytest.fixture
def pip(monkeypatch):
    """Commands of pip, which do nothing, and their constraints, where gan_jax cannot be found."""
    calls, find = [], importlib.util.find_spec

    def run(command, **options):
        constraints = next(Path(x.partition('=')[2]) for x in command if x.startswith('--constr'))
        calls.append((command, constraints.read_text().splitlines()))
        return subprocess.CompletedProcess(command, 'broken' in command, '', 'ERROR: a conflict')

    def find_others(name):
        return None if name == 'gan_jax' else find(name)

    monkeypatch.setattr(importlib.util, 'find_spec', find_others)
    monkeypatch.setattr(subprocess, 'run', run)
    monkeypatch.setattr(sys, 'path', [*sys.path])
    return calls


def test_the_checkout_is_installed_and_found_and_jax_stays(pip, monkeypatch):
    monkeypatch.chdir(HOSTED.parent)
    run_first_cell()
    [(command, kept)] = pip
    assert command[:4] == [sys.executable, '-m', 'pip', 'install']
    assert command[-3:] == ['--editable', str(HOSTED.parent.parent), 'matplotlib']
    assert {f'{name}=={importlib.metadata.version(name)}' for name in ('jax', 'jaxlib')} <= {*kept}
    assert sys.path[0] == str(HOSTED.parent.parent)


def test_a_notebook_alone_takes_what_its_reader_names(pip, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match='no public address yet: set SOURCE'):
        run_first_cell()
    assert not pip
    run_first_cell('gan_jax-0.1.0-py3-none-any.whl')
    assert pip[0][0][-2:] == ['gan_jax-0.1.0-py3-none-any.whl', 'matplotlib']
    with pytest.raises(RuntimeError, match='a conflict\n.*upgrade JAX together'):
        run_first_cell('broken')


@pytest.mark.slow
def test_the_hosted_notebook_brings_what_an_empty_environment_lacks(tmp_path):
    """From an environment that holds a kernel alone to pictures, scores and an exported folder."""
    subprocess.run([sys.executable, '-m', 'venv', tmp_path], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}

    def run(name, *arguments):
        command = [tmp_path / 'bin' / name, *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True
        )

    kernel = run('python', '-m', 'pip', 'install', '--quiet', 'nbclient', 'ipykernel')
    if kernel.returncode:
        pytest.skip(f'no package index can be reached: {kernel.stderr.splitlines()[-1]}')
    assert "No module named 'gan_jax'" in run('python', '-c', 'import gan_jax').stderr
    with edited({}) as checkout:
        notebook = checkout / 'notebooks' / 'hosted.ipynb'
        executed = run('jupyter-execute', '--inplace', notebook)
        assert executed.returncode == 0, executed.stderr
        cells = nbformat.read(notebook, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get('outputs', ())]
    kinds = {kind for output in outputs for kind in output.get('data', ())}
    assert {'image/png', 'text/html'} <= kinds  # pictures, and the display of the training
