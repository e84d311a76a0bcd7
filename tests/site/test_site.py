"""The site that `make docs` has built: complete, and with nothing from another place."""

import os
import re

import pytest

from docs._ext import code_pages, config_keys
from tests import pages
from tests.pages import ROOT

pytest.importorskip('sphinx')
pytestmark = pytest.mark.site
SITE = ROOT / 'build' / 'docs'
NOTEBOOKS = sorted((ROOT / 'notebooks').glob('*.ipynb'))
LOADED = re.compile(r'<(?:script|img|iframe|link)\b[^>]*?(?:src|href)="([a-z]+:)?//', re.I)


def html(name):
    return (SITE / f'{name}.html').read_text('utf-8')


def test_every_page_is_there():
    for page in pages.PAGES:
        assert (SITE / pages.name_of(page)).with_suffix('.html').is_file(), page


def test_the_first_page_leads_to_all_sections():
    assert 'url=README.html' in html('index')
    front = html('README')
    for title in ('Start', 'How to', 'Reference', 'Explanations', 'Results', 'Project'):
        assert f'<span class="caption-text">{title}</span>' in front
    for page in pages.HOW_TO:
        assert f'docs/howto/{page.stem}.html' in front


def test_nothing_is_loaded_from_another_place():
    for file in SITE.rglob('*.html'):
        assert not LOADED.search(file.read_text('utf-8')), file
    for file in SITE.rglob('*.css'):
        assert not re.search(r'url\(["\']?(https?:)?//|@import', file.read_text('utf-8')), file


def test_every_key_of_a_config_can_be_linked():
    page = html('docs/reference/config')
    for key in config_keys.all_keys():
        assert f'id="confval-{key.name}"' in page, key.name


def test_every_room_has_a_page_with_its_functions():
    for room in code_pages.rooms():
        assert (SITE / 'docs' / 'reference' / 'code' / f'{room}.html').is_file()
    assert 'id="gan_jax.terms.consistency.cr"' in html('docs/reference/code/terms')


@pytest.mark.skipif(
    os.environ.get('NOTEBOOKS', 'off') == 'off', reason='the notebooks were not executed'
)
@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_has_its_outputs(notebook):
    page = html(f'notebooks/{notebook.stem}')
    assert 'class="cell_output' in page and 'Traceback' not in page
