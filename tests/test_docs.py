"""The pages on the code name files that exist, and every decision is listed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DECISIONS = ROOT / 'docs' / 'decisions'
PAGES = [
    ROOT / 'CONTRIBUTING.md',
    ROOT / 'docs' / 'architecture.md',
    ROOT / 'docs' / 'glossary.md',
    *sorted(DECISIONS.glob('*.md')),
]
# Within a path: letters, digits, _, . and /.
LINK = re.compile(r'\]\(([\w./]+)\)')
FILE = re.compile(r'`([\w./]+/[\w.]*|\w+\.(?:py|md))`')
SOURCES = (ROOT, ROOT / 'gan_jax', ROOT / 'gan_jax' / 'models', ROOT / 'gan_jax' / 'augment')
OF_A_WORKDIR = {'samples/', 'quarantine/', 'best/'}


def missing(page: Path, text: str) -> set[str]:
    """The files that a page links or names and that do not exist."""
    links = {name for name in LINK.findall(text) if not (page.parent / name).exists()}
    named = {*FILE.findall(text)} - OF_A_WORKDIR
    return links | {name for name in named if not any((s / name).exists() for s in SOURCES)}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_every_file_named_exists(page):
    assert not missing(page, page.read_text(encoding='utf-8'))


def test_a_missing_file_is_found():
    page = ROOT / 'docs' / 'glossary.md'
    text = '[a](nowhere.md) [b](cost.md) `gan_jax/nowhere.py` `gan_jax/step.py` `nobody.py`'
    assert missing(page, text) == {'nowhere.md', 'gan_jax/nowhere.py', 'nobody.py'}


def test_every_decision_is_listed():
    index = (DECISIONS / 'README.md').read_text(encoding='utf-8')
    pages = {page.name for page in DECISIONS.glob('*.md')} - {'README.md'}
    assert pages == {*LINK.findall(index)}


def test_every_make_target_named_exists():
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    named = re.findall(r'make ([a-z-]+)', (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8'))
    assert {'demo', 'lint', 'test'} <= {*named}
    for target in {*named}:
        assert re.search(rf'^{target}:', makefile, flags=re.M), target
