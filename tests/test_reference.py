"""The reference that the site generates: every key, every part, every flag, every docstring."""

import ast
import re

import pytest

from docs._ext import code_pages, comments, config_keys, markdown, parts, runs
from gan_jax.commands import COMMANDS
from gan_jax.experiment import averages, base, kinds, presets
from gan_jax.experiment.blocks import flat
from gan_jax.experiment.values import OWN_INTERVAL, VALUES
from gan_jax.runtime import workdir
from gan_jax.sweeps.sweep_file import NEEDED, OPTIONAL
from tests import pages
from tests.pages import ROOT

KEYS = {key.name: key for key in config_keys.all_keys()}


def general(key):
    return re.sub(r'^terms\.\w+\.', 'terms.NAME.', key)


def test_every_key_of_a_config_is_there():
    wanted = {general(key) for key in flat(base.base().to_dict())} | {*VALUES}
    wanted |= {f'evaluate.NAME.{key}' for key in OWN_INTERVAL}
    wanted |= {f'terms.NAME.{key}' for key in kinds.TERM.reserved}
    wanted |= {f'averages.NAME.{key}' for key in ('halflife_images', 'ramp', 'std')}
    assert wanted <= KEYS.keys()
    page = config_keys.page()
    assert all(f'{{confval}} {key}\n' in page for key in wanted)


@pytest.mark.parametrize('name', KEYS)
def test_a_key_has_a_range_a_default_and_a_meaning(name):
    key = KEYS[name]
    assert key.takes and len(key.meaning.split()) > 2
    values = {general(k): v for k, v in flat(base.base().to_dict()).items()}
    assert key.default == (repr(values[name]) if name in values else config_keys.NO_DEFAULT)


def test_a_range_is_that_by_which_the_config_is_checked():
    assert KEYS['data.size'].takes == ('an integer from 1 to 1024 or two integers from 1 to 1024')
    assert KEYS['optim.g.b1'].takes == 'a number from 0 to below 1'
    assert KEYS['generator.width'].takes == 'a number from 0.001 to 64'
    assert KEYS['averages.NAME.std'].takes == str(averages.STD)
    assert KEYS['latent.labels'].takes == "'data', 'uniform' or 'real'"
    assert KEYS['every.log'].resumable and not KEYS['seed'].resumable


def test_every_key_of_a_sweep_is_there():
    page = runs.sweep_keys()
    for key in NEEDED | OPTIONAL:
        assert f'{{confval}} sweep.{key}\n' in page
    assert all(comments.of_dicts((ROOT / 'gan_jax/sweeps/sweep_file.py').read_text()).values())


def test_comments_beside_above_and_by_name():
    source = (
        'def f():\n'
        '    # of both\n'
        '    one = dict(a=1)  # not this\n'
        '    return C(\n'
        '        dict(\n'
        '            b=2,  # beside\n'
        '            # above,\n'
        '            # in two lines\n'
        '            c=3,\n'
        '            # d.e: by name\n'
        '            # and on\n'
        '            #\n'
        '            # above f\n'
        '            f=dict(),\n'
        '            g=dict(h=4),\n'
        '        )\n'
        '    )\n'
    )
    found = {'b': 'beside', 'c': 'above, in two lines', 'd.e': 'by name and on', 'f': 'above f'}
    assert comments.of_calls(source) == found


def test_every_method_has_its_blocks():
    page = runs.methods()
    assert re.findall(r'^### `(\w+)`$', page, re.M) == list(presets.METHODS)
    assert "'fn': 'gan_jax.terms.consistency.balanced', 'weight': 10.0" in page


def test_every_operation_is_there_with_its_strengths():
    page = parts.operations()
    for name, op in parts.policy.OPS.items():
        assert f'| `{name}` | {"none" if op.strengths is None else ""}' in page
    assert '| `translation` | \\[0, 1) | yes |' in page


def test_every_term_of_a_method_is_there_with_its_keywords():
    page = parts.terms()
    for _, blocks in presets.METHODS.values():
        assert all(f'`{block["fn"]}`' in page for block in blocks.values())
    section = page[page.index('`gan_jax.terms.consistency.latent`') :]
    row = '| `sigma` | a number from 0.0001 to 10000 | `0.03` |'
    assert row in section.partition('###')[0]


def test_every_network_that_a_config_names_is_there():
    page = parts.networks()
    named = set()
    for file in (ROOT / 'configs').glob('*.py'):
        named |= {*re.findall(r'gan_jax\.models\.[\w.]+\.[A-Z]\w+', file.read_text())}
    assert 'gan_jax.models.stylegan3.generator.Generator' in named
    assert [one for one in sorted(named) if f'`{one}`' not in page] == []
    assert 'gan_jax.models.layers.' not in page  # layers stand in no config


def test_latents_schedules_writers_autoencoders_and_optimisers_are_there():
    page = parts.others()
    paths = ('latents.normal', 'schedules.linear', 'run.wandb_writer.wandb', 'data.cosines.cosines')
    for path in paths:
        assert f'`gan_jax.{path}`' in page
    assert '| `b1` | a number from 0 to below 1 |' in page


def test_every_family_of_metrics_says_something():
    page = runs.metrics()
    assert '### `fd_digits`' in page and page.count('###') == len(runs.protocol.FAMILIES)


def test_every_command_has_all_its_flags():
    page = runs.commands()
    for name in COMMANDS:
        source = ROOT / 'gan_jax' / 'flags' / f'{name}.py'
        section = page.partition(f'## `gan_jax {name}`')[2].partition('\n## ')[0]
        flags = re.findall(r"add_argument\(\s*'(--\w+)'", source.read_text())
        assert flags
        for flag in flags:
            assert f'| `{flag}' in section, (name, flag)
    assert '| `--workdir=DIR` |' in page.partition('## `gan_jax sample`')[2]
    assert '`--json`' not in page  # of every command: docs/command_line.md has it


def test_every_config_says_what_it_is():
    page = runs.configs()
    assert '## `configs/digits.py`' in page and 'SNDCGAN on handwritten digits' in page


def test_every_file_that_a_run_writes_is_in_the_table_of_its_folder():
    page = (ROOT / 'docs' / 'reference' / 'workdir.md').read_text().partition('## The log')[0]
    listed = {name.partition('/')[0].replace('*', '') for name in pages.first_column(page)}
    assert {name.replace('*', '') for name in workdir.WRITTEN} <= listed
    assert {workdir.LOCK, workdir.EARLIER} <= listed


# Docstrings --------------------------------------------------------------------------------------


def words(text):
    """The words of a text, without what is markup."""
    return re.sub(r'[\W_]+', ' ', text.replace('\\', '')).strip()


def docstrings(body, name):
    """(name, docstring) of everything public in the body of a module or class."""
    for node in body:
        is_public = isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != '_'
        if is_public and (doc := ast.get_docstring(node)):
            yield f'{name}.{node.name}', doc
        if is_public and isinstance(node, ast.ClassDef):
            yield from docstrings(node.body, f'{name}.{node.name}')


ROOMS = code_pages.rooms()


@pytest.mark.parametrize('room', ROOMS)
def test_no_public_docstring_is_missing(room):
    page = words(code_pages.page(room, ROOMS[room]))
    missing = []
    for module in ROOMS[room]:
        doc = ast.get_docstring(module.tree)
        found = [(module.name, doc)] if doc else []
        found += docstrings(module.tree.body, module.name)
        missing += [name for name, text in found if words(text.replace('\\', '')) not in page]
    assert missing == []


def test_every_public_module_has_a_room():
    listed = {module.name for modules in ROOMS.values() for module in modules}
    for file in (ROOT / 'gan_jax').rglob('*.py'):
        parts_of = file.relative_to(ROOT).with_suffix('').parts
        if not any(part[0] == '_' and part[:2] != '__' for part in parts_of):
            assert '.'.join(part for part in parts_of if part != '__init__') in listed


def test_a_docstring_is_shown_as_it_was_meant():
    doc = """A *star and [B, C] in `code *x`.

    x = y * z

Args:
    one: of a kind, and
        more of it.
    **two: the rest.

Returns:
    A text.
"""
    shown = markdown.rendered(doc)
    assert r'A \*star and \[B, C\] in `code *x`.' in shown
    assert '\n    x = y * z\n' in shown
    assert '- `one`: of a kind, and\n  more of it.\n- `**two`: the rest.' in shown
    assert '**Returns**\n\nA text.' in shown
    assert markdown.meanings(doc) == {'one': 'of a kind, and more of it.', 'two': 'the rest.'}
