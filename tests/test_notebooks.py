"""The notebooks as they are committed; `make notebooks` executes them."""

from pathlib import Path

import nbformat
import pytest

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
