"""The README, the front page: its commands run in other tests, its numbers stand in the results."""

import re

import pytest

from gan_jax.augment import policy
from gan_jax.experiment.presets import METHODS
from tests import pages
from tests.pages import ROOT

TEXT = (ROOT / 'README.md').read_text(encoding='utf-8')
# Whoever reads the file has cloned it; the other is run by tests/test_demo.py.
RUN_ELSEWHERE = ['git clone <this repository> && cd gan_jax', 'make demo']


def test_it_is_short_and_its_commands_are_run_elsewhere():
    assert pages.commands(TEXT) == RUN_ELSEWHERE
    assert not pages.files(TEXT)
    assert len(TEXT.splitlines()) < 120


def test_every_number_of_its_table_is_measured():
    measured = (ROOT / 'docs' / 'results.md').read_text() + (
        ROOT / 'docs' / 'reliability.md'
    ).read_text()
    rows = re.findall(r'^\| [^|]+ \| ([^|]+) \|$', TEXT, flags=re.M)
    shown = [re.sub(r'\]\([^)]*\)', ']', row) for row in rows]
    numbers = {n for row in shown for n in re.findall(r'\d+(?:\.\d+)?(?:e-\d+)?(?!\d*,\d)', row)}
    assert {'112.7', '16.5', '1.7e-5', '0.99', '43'} <= numbers
    assert [n for n in sorted(numbers) if n not in measured] == []


def test_the_attempts_are_as_many_as_the_page_on_guarantees_has():
    text = (ROOT / 'docs' / 'reliability.md').read_text()
    tried = [int(n) for n in re.findall(r'^\| [^|]+ \| (\d+) \| \d+ \| 0 \| yes \|$', text, re.M)]
    assert f'{round(sum(tried), -2):,} attempts' in TEXT


@pytest.mark.parametrize('page', ['README.md', 'docs/index.md'])
def test_the_newest_networks_and_metrics_are_named_where_a_reader_looks(page):
    text = (ROOT / page).read_text(encoding='utf-8')
    assert [name for name in ('StyleGAN3', 'R3GAN2', 'EQ-T', '@simclr') if name not in text] == []


def test_the_methods_and_operations_are_as_many_as_there_are():
    assert f'[{len(METHODS)} methods]' in TEXT and f'[{len(policy.OPS)} augmentations]' in TEXT
