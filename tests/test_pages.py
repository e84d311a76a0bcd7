"""The pages of the docs: links lead somewhere, and every page is near the first one."""

import re

import pytest

from gan_jax.augment import policy
from gan_jax.experiment.presets import METHODS
from tests import pages
from tests.pages import HOW_TO, PAGES, ROOT

FRONT = ROOT / 'README.md'
INDEX = ROOT / 'docs' / 'index.md'
every_page = pytest.mark.parametrize('page', PAGES, ids=pages.name_of)


def text_of(name):
    return (ROOT / name).read_text('utf-8')


@every_page
def test_every_link_of_a_page_leads_to_a_file_and_a_title(page):
    assert pages.broken(page, page.read_text('utf-8')) == []


def test_a_link_to_nowhere_is_found():
    text = (
        '# A title, with `code`\n[a](no.md) [b](#a-title-with-code) [c](#b) [d](cost.md#heads)\n'
        '[e](cost.md#none) `[f](none.md)`\n```sh\n[g](none.md)\n```\n## Again\n## Again\n'
    )
    page = ROOT / 'docs' / 'glossary.md'
    assert pages.broken(page, text) == ['no.md', '#b', 'cost.md#none']
    assert pages.anchors(text) == {'a-title-with-code', 'again', 'again-1'}


def test_every_page_to_do_something_is_two_links_from_the_front_page():
    near = pages.reached(FRONT, 2)
    assert [page for page in HOW_TO if page not in near] == []
    assert len(HOW_TO) > 15


@pytest.mark.parametrize(
    'name',
    ['learning_rate', 'joint', 'log_a_number', 'compare_runs', 'publish', 'which_fid'],
)
def test_what_readers_looked_for_is_one_link_from_the_front_page(name):
    assert ROOT / 'docs' / 'howto' / f'{name}.md' in pages.reached(FRONT, 1)


def test_the_list_of_pages_has_all_of_them():
    listed = {pages.target(INDEX, link)[0] for link in pages.links(INDEX.read_text('utf-8'))}
    decisions = {*(ROOT / 'docs' / 'decisions').glob('*.md')}
    assert {*PAGES} - {FRONT, INDEX} - decisions - listed == set()


@every_page
def test_every_file_of_the_checkout_that_a_page_names_exists(page):
    named = r'`((?:gan_jax|tests|docs|launch|configs|notebooks)/[\w./]+)`'
    for name in re.findall(named, pages.prose(page.read_text('utf-8'))):
        assert (ROOT / name).exists(), name


@every_page
def test_every_python_file_that_a_command_names_is_there_or_is_to_be_written(page):
    text = page.read_text('utf-8')
    named = re.compile(r'(?:--(?:config|sweep)=|^python )([\w/]+\.py)')
    for name in named.findall('\n'.join(pages.commands(text))):
        assert name in pages.files(text) or (ROOT / name).exists(), name


@every_page
def test_every_make_target_named_exists(page):
    makefile = text_of('Makefile')
    for target in {*re.findall(r'`make ([a-z-]+)', page.read_text('utf-8'))}:
        assert re.search(rf'^{target}:', makefile, flags=re.M), target


def test_the_methods_named_are_those_that_there_are():
    table = text_of('docs/reference/methods.md').partition('## ')[0]
    assert re.findall(r'^\| `(\w+)`', table, flags=re.M) == list(METHODS)


def test_the_operations_named_are_those_that_there_are():
    page = text_of('docs/reference/augmentations.md').partition('## ')[0]
    listed = page[page.index('There are\n') :]
    assert {*re.findall(r'`(\w+)`', listed)} == {*policy.OPS}
