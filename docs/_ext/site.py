"""The extension of the site: generated pages, the table of contents, the first page."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from docs._ext import code_pages, config_keys, parts, runs

ROOT = Path(__file__).parent.parent.parent
CODE = ROOT / 'docs' / 'reference' / 'code'
FRONT, CONTENTS = 'README', 'docs/index'
DECISIONS = 'docs/decisions/README'
PAGES = {
    'config': config_keys.page,
    'sweep': runs.sweep_keys,
    'methods': runs.methods,
    'augmentations': parts.operations,
    'networks': parts.networks,
    'terms': parts.terms,
    'parts': parts.others,
    'metrics': runs.metrics,
    'configs': runs.configs,
    'commands': runs.commands,
    'code': code_pages.contents,
}
SECTION = re.compile(r'^## (.+)\n((?:.|\n)*?)(?=^## |\Z)', re.M)
ENTRY = re.compile(r'^- \[([^\]]+)\]\(([^)#]+)\.(?:md|ipynb)\)', re.M)


class Generated(SphinxDirective):
    """```{generated} NAME: the Markdown that the function of PAGES makes."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = PAGES[self.arguments[0]]()
        parent = nodes.Element()
        parent.document = self.state.document
        lines = StringList(text.splitlines(), source=f'generated {self.arguments[0]}')
        self.state.nested_parse(lines, self.content_offset, parent, match_titles=True)
        return parent.children


def write_code(app: Sphinx) -> None:
    """Writes a page for each room, and removes those of rooms that are gone."""
    CODE.mkdir(exist_ok=True)
    rooms = code_pages.rooms()
    for file in CODE.glob('*.md'):
        if file.stem not in rooms:
            file.unlink()
    for room, modules in rooms.items():
        file, text = CODE / f'{room}.md', code_pages.page(room, modules)
        if not file.exists() or file.read_text('utf-8') != text:
            file.write_text(text, 'utf-8')


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Gives the front page the sections of docs/index.md as its table of contents.

    The page of the decisions gets all pages beside it.
    """
    if name == FRONT:
        source[0] += contents((ROOT / f'{CONTENTS}.md').read_text('utf-8'))
    if name == DECISIONS:
        source[0] += '\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n'


def contents(index: str) -> str:
    """Toctrees of the lists of links of a page, a caption for each section."""
    found = [f'```{{toctree}}\n:hidden:\n\n{CONTENTS}\n```\n']
    for title, body in SECTION.findall(index):
        names = [f'{text} <{_document(path)}>' for text, path in ENTRY.findall(body)]
        found.append(
            f'```{{toctree}}\n:hidden:\n:caption: {title}\n\n' + '\n'.join(names) + '\n```\n'
        )
    return '\n' + '\n'.join(found)


def _document(path: str) -> str:
    """The name of the document that a link of docs/index.md leads to."""
    return str((ROOT / 'docs' / path).resolve().relative_to(ROOT))


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx's entry."""
    app.add_directive('generated', Generated)
    app.connect('builder-inited', write_code)
    app.connect('source-read', add_contents)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
